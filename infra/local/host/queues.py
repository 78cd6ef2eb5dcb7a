"""Queue triggers: one listener for each function that a queue triggers.

Behaves as the WebJobs SDK does (Azure/azure-sdk-for-net, Microsoft.Azure.WebJobs.Extensions.Storage.Queues):
batches, the threshold for the next batch, exponential back-off between polls, hiding a message while it is
handled, the poison queue. Two things differ on purpose: there a message is hidden for ten minutes at a
time, here for seconds (``LOCAL_MESSAGE_LOCK_SECONDS``), so the work of a killed host soon continues;
and a function that ends makes its host read the queues at once (:mod:`infra.local.host.bell`).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import random
from dataclasses import dataclass
from typing import Final

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage as StoredMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from infra.local.host import messages
from infra.local.host.bell import Bell
from infra.local.host.config import QueueConfig
from infra.local.host.functions import Function
from infra.local.host.invocation import POISON_SUFFIX, Invoker
from infra.local.host.log import logger

SHORTEST_POLL: Final = 0.1
"""Seconds between polls after one that found something; QueuePollingIntervals.Minimum."""

_ATTEMPTS: Final = 4
"""How often the end of a message (delete, release, move) is tried when storage does not answer."""


@dataclass(slots=True)
class Backoff:
    """The delay before the next poll, as in RandomizedExponentialBackoffStrategy."""

    longest: float
    current: float = SHORTEST_POLL
    exponent: int = 1

    def next(self, *, found: bool) -> float:
        """Seconds to wait; ``found``: a message was found since the last wait."""
        if found:
            self.current, self.exponent = SHORTEST_POLL, 1
        elif self.current < self.longest:
            spread = random.uniform(0.8, 1.2)  # noqa: S311 - keeps hosts apart, protects nothing
            grown = SHORTEST_POLL + spread * 2 ** (self.exponent - 1) * SHORTEST_POLL
            self.current = min(grown, self.longest)
            self.exponent += 1
        return min(self.current, self.longest)


@dataclass(slots=True)
class _Lease:
    """A message that is being handled: each renewal changes the receipt that deletes it."""

    message: StoredMessage
    receipt: str


class QueueListener:
    """Polls one queue and runs its function."""

    def __init__(
        self,
        *,
        function: Function,
        queue: str,
        service: QueueServiceClient,
        config: QueueConfig,
        lock_seconds: float,
        invoker: Invoker,
        bell: Bell,
    ) -> None:
        self._function = function
        self._config = config
        self._lock_seconds = lock_seconds
        self._invoker = invoker
        self._bell = bell
        self._queue: QueueClient = service.get_queue_client(queue)
        self._poison: QueueClient | None = None
        if not queue.endswith(POISON_SUFFIX):
            self._poison = service.get_queue_client(queue + POISON_SUFFIX)
        self._working: set[asyncio.Task[None]] = set()
        self._reachable = True

    async def run(self, stopping: asyncio.Event) -> None:
        """Poll until told to stop, then wait for the running messages."""
        backoff = Backoff(self._config.max_polling_interval.total_seconds())
        found = False
        while not stopping.is_set():
            batch = await self._receive()
            for message in batch:
                task = asyncio.create_task(self._process(message))
                self._working.add(task)
                task.add_done_callback(self._working.discard)
            if batch:
                found = True
                await self._below_threshold()
                continue
            pause = backoff.next(found=found)
            if not await _wait(stopping, SHORTEST_POLL):  # however often the bell rings
                await self._bell.wait(self._queue.queue_name, pause - SHORTEST_POLL)
            found = False
        if self._working:
            await asyncio.wait(self._working)

    async def _below_threshold(self) -> None:
        while len(self._working) > self._config.new_batch_threshold:
            await asyncio.wait(self._working, return_when=asyncio.FIRST_COMPLETED)

    async def _receive(self) -> list[StoredMessage]:
        # One page of the pager is one call; the next page would receive again.
        pages = self._queue.receive_messages(
            messages_per_page=self._config.batch_size, visibility_timeout=self._lock
        ).by_page()
        try:
            page = await anext(pages, None)
            batch = [] if page is None else [message async for message in page]
        except ResourceNotFoundError:
            self._report(reachable=False, why="the queue does not exist")
            return []
        except AzureError as error:
            self._report(reachable=False, why=_first_line(error))
            return []
        self._report(reachable=True)
        return batch

    @property
    def _lock(self) -> int:
        return max(1, round(self._lock_seconds))

    def _report(self, *, reachable: bool, why: str = "") -> None:
        if reachable == self._reachable:
            return
        self._reachable = reachable
        if reachable:
            logger.info("queue %s answers again", self._queue.queue_name)
        else:
            logger.warning("queue %s cannot be read: %s; polling continues", self._queue.queue_name, why)

    async def _process(self, message: StoredMessage) -> None:
        lease = _Lease(message, str(message.pop_receipt))
        try:
            body = decode(message.content, base64_encoded=self._config.base64)
        except ValueError as error:
            logger.warning("message %s in %s is not base64: %s", message.id, self._queue.queue_name, error)
            await self._finish(lease, failed=True, poison=True)
            return
        attempts = message.dequeue_count or 0
        if attempts > self._config.max_dequeue_count and self._poison is not None:
            # It was received that often and neither finished nor failed: each of its hosts died.
            logger.warning("message %s in %s has reached maxDequeueCount", message.id, self._queue.queue_name)
            await self._finish(lease, failed=True, poison=True)
            return
        done = asyncio.Event()
        renewal = asyncio.create_task(self._renew(lease, done))
        try:
            await self._invoker.run(
                self._function,
                _argument(message, body),
                reason=f"queue {self._queue.queue_name}, attempt {attempts}",
            )
            failed = False
        except Exception:  # noqa: BLE001 - whatever the function raised; the trace is in the log
            failed = True
        done.set()
        # Not cancelled: an interrupted renewal may have changed the receipt that the deletion needs.
        await renewal
        await self._finish(lease, failed=failed, poison=attempts >= self._config.max_dequeue_count)

    async def _renew(self, lease: _Lease, done: asyncio.Event) -> None:
        while not await _wait(done, self._lock_seconds / 2):
            try:
                updated = await self._queue.update_message(
                    lease.message.id, lease.receipt, visibility_timeout=self._lock
                )
                lease.receipt = str(updated.pop_receipt)
            except ResourceNotFoundError:
                return  # Somebody deleted the message; there is nothing to renew.
            except AzureError as error:
                logger.warning("message %s could not be renewed: %s", lease.message.id, _first_line(error))

    async def _finish(self, lease: _Lease, *, failed: bool, poison: bool) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._settle(lease, failed=failed, poison=poison)
            except ResourceNotFoundError:
                return  # Deleted, or received by another host after the lock expired, which then finishes it.
            except AzureError as error:
                if attempt == _ATTEMPTS:
                    name = self._queue.queue_name
                    logger.warning(
                        "message %s in %s could not be completed: %s",
                        lease.message.id,
                        name,
                        _first_line(error),
                    )
                    return
                await asyncio.sleep(SHORTEST_POLL * 2**attempt)
            else:
                return

    async def _settle(self, lease: _Lease, *, failed: bool, poison: bool) -> None:
        if failed and not (poison and self._poison is not None):
            hidden = round(self._config.visibility_timeout.total_seconds())
            await self._queue.update_message(lease.message.id, lease.receipt, visibility_timeout=hidden)
            return
        if failed and self._poison is not None:
            try:
                await self._poison.send_message(lease.message.content)
            except ResourceNotFoundError:
                await self._poison.create_queue()
                await self._poison.send_message(lease.message.content)
            self._bell.ring(self._poison.queue_name)
            logger.warning("message %s moved to %s", lease.message.id, self._poison.queue_name)
        await self._queue.delete_message(lease.message.id, lease.receipt)


def decode(text: str, *, base64_encoded: bool) -> str | bytes:
    """The message's body: text where it is UTF-8, as the worker passes it, else bytes.

    Raises:
        ValueError: it should be base64 and is not.
    """
    if not base64_encoded:
        return text
    try:
        body = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(str(error)) from None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _argument(message: StoredMessage, body: str | bytes) -> object:
    return messages.argument(
        identifier=message.id,
        body=body,
        dequeue_count=message.dequeue_count or 0,
        inserted=message.inserted_on,
        expires=message.expires_on,
        visible=message.next_visible_on,
        receipt=str(message.pop_receipt),
    )


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, but no longer than the timeout; return whether it occurred."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _first_line(error: AzureError) -> str:
    return str(error).strip().split("\n", 1)[0]
