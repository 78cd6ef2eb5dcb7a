"""Queues in memory, with the guarantees of Queue Storage that the app relies on.

One set of tests checks them and the emulator for the same behavior: ``tests/storage/test_queues.py``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from onboarding.storage import queues
from onboarding.storage.queues import LONGEST_DELAY, Queues, Waiting
from tests.support import memory
from tests.support.memory import Around, Call, nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """A message that somebody is handling."""

    id: str
    receipt: str
    body: bytes


@dataclass(kw_only=True, slots=True)
class _Message:
    id: str
    body: bytes
    inserted_at: datetime
    visible_at: datetime
    receipt: str
    deliveries: int = 0
    encoded: bool = True


class MemoryQueues(Queues):
    """Queues that last as long as the test. Time is real, unless a test has another clock."""

    def __init__(
        self, around: Around = nothing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._around = around
        self._now = now
        self._messages: dict[str, list[_Message]] = {}

    def create(self, queue: str) -> None:
        """Create a queue, unless it exists."""
        self._messages.setdefault(queue, [])

    async def ping(self, queue: str) -> None:
        """Raise unless the queue responds."""
        async with self._call("ping", queue):
            self._queue(queue)

    async def put(self, queue: str, body: bytes, *, delay: timedelta = timedelta(0)) -> None:
        """Put any bytes."""
        seconds = max(-(-min(delay, LONGEST_DELAY) // timedelta(seconds=1)), 0)
        async with self._call("put", queue):
            now = self._now()
            message = _Message(
                id=str(uuid.uuid4()),
                body=body,
                inserted_at=now,
                visible_at=now + timedelta(seconds=seconds),
                receipt=str(uuid.uuid4()),
            )
            if len(base64.b64encode(body)) > memory.LONGEST_TEXT:
                raise memory.error(HttpResponseError, 413, "RequestBodyTooLarge")
            self._queue(queue).append(message)

    async def length(self, queue: str) -> int:
        """The number of messages on a queue, including those that are not visible now."""
        async with self._call("length", queue):
            return len(self._queue(queue))

    async def peek(self, queue: str) -> list[Waiting]:
        """The first visible messages (32, the service's limit); they stay where they are."""
        async with self._call("peek", queue):
            return [
                Waiting(
                    body=message.body,
                    inserted_at=message.inserted_at,
                    deliveries=message.deliveries,
                    encoded=message.encoded,
                )
                for message in self._visible(queue)[: queues._MOST_PEEKED]
            ]

    async def take_unreadable(
        self, queue: str, keep: Callable[[bytes], Awaitable[None]], *, hidden: timedelta = timedelta(0)
    ) -> int:
        """Pass the messages that are not in base64 to ``keep``, and remove them."""
        assert hidden >= timedelta(0)
        async with self._call("take", queue):
            taken = [message for message in self._visible(queue) if not message.encoded]
        for message in taken:
            await keep(message.body)
            self._queue(queue).remove(message)
        return len(taken)

    def put_raw(self, queue: str, text: str) -> None:
        """Put a message that is not in base64, as another program does."""
        now = self._now()
        message = _Message(
            id=str(uuid.uuid4()),
            body=text.encode(),
            inserted_at=now,
            visible_at=now,
            receipt="",
            encoded=False,
        )
        self._queue(queue).append(message)

    async def receive(self, queue: str, *, lock: timedelta) -> Received | None:
        """Receive the first visible message and hide it for a while, as a host does."""
        async with self._call("receive", queue):
            for message in self._visible(queue):
                message.visible_at = self._now() + lock
                message.receipt = str(uuid.uuid4())
                message.deliveries += 1
                return Received(id=message.id, receipt=message.receipt, body=message.body)
            return None

    async def delete(self, queue: str, received: Received) -> None:
        """Delete a message permanently, as a host does after handling it."""
        async with self._call("delete", queue):
            for message in self._queue(queue):
                if message.id == received.id and message.receipt == received.receipt:
                    self._queue(queue).remove(message)
                    return
            raise memory.error(ResourceNotFoundError, 404, "MessageNotFound")

    @contextlib.asynccontextmanager
    async def _call(self, name: str, queue: str) -> AsyncIterator[None]:
        writes = name in {"put", "receive", "delete", "take"}
        async with self._around(Call(name=name, place=queue, writes=writes)):
            await asyncio.sleep(0)
            yield
        await asyncio.sleep(0)

    def _queue(self, queue: str) -> list[_Message]:
        if queue not in self._messages:
            raise memory.error(ResourceNotFoundError, 404, "QueueNotFound")
        return self._messages[queue]

    def _visible(self, queue: str) -> list[_Message]:
        return [message for message in self._queue(queue) if message.visible_at <= self._now()]
