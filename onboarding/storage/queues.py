"""Queue Storage: the only place that knows the format of messages.

Messages are JSON in base64, as ``messageEncoding`` in host.json requires. They never expire: the service's
default of seven days would lose work.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.queue import (
    BinaryBase64DecodePolicy,
    BinaryBase64EncodePolicy,
    QueueMessage,
    StorageErrorCode,
)
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from onboarding.storage.call_timeouts import patient

RETRIES: Final[Mapping[str, Any]] = {"retry_total": 3, "initial_backoff": 0.5, "increment_base": 2}
LONGEST_DELAY: Final = timedelta(days=7)
"""The service's own limit (https://learn.microsoft.com/rest/api/storageservices/put-message)."""

_FOREVER: Final = -1
_ABSENT: Final = "00000000-0000-0000-0000-000000000000"
"""The ID of a message that never exists."""
_MOST_PEEKED: Final = 32
_HIDDEN: Final = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A message on a queue, as a peek shows it."""

    body: bytes
    inserted_at: datetime | None
    deliveries: int
    encoded: bool = True  # in base64; the host cannot read any other message


class Queues:
    """All queues of the storage account."""

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service
        self._clients: dict[str, QueueClient] = {}

    def _client(self, queue: str) -> QueueClient:
        """The client of a queue. It is kept, because creating one costs as much as a call."""
        if queue not in self._clients:
            self._clients[queue] = self._service.get_queue_client(
                queue,
                message_encode_policy=BinaryBase64EncodePolicy(),
                message_decode_policy=BinaryBase64DecodePolicy(),
            )
        return self._clients[queue]

    async def ping(self, queue: str) -> None:
        """Raises unless the queue answers."""
        async with patient():
            await self._client(queue).get_queue_properties()

    async def check_write(self, queue: str) -> None:
        """Raises unless the service may write messages: it changes one that does not exist.

        Source: https://learn.microsoft.com/rest/api/storageservices/update-message.
        """
        try:
            async with patient():
                await self._client(queue).update_message(_ABSENT, pop_receipt="AgAAAA==", content=b"")
        except ResourceNotFoundError as error:
            if getattr(error, "error_code", None) == StorageErrorCode.QUEUE_NOT_FOUND:
                raise
        except HttpResponseError as error:
            if error.status_code != HTTPStatus.BAD_REQUEST:
                raise

    async def send(self, queue: str, message: Mapping[str, Any], *, delay: timedelta = timedelta(0)) -> None:
        """Puts a message that becomes visible after a delay (whole seconds, rounded up)."""
        await self.put(queue, json.dumps(message, separators=(",", ":")).encode(), delay=delay)

    async def put(self, queue: str, body: bytes, *, delay: timedelta = timedelta(0)) -> None:
        """Puts any bytes."""
        seconds = -(-min(delay, LONGEST_DELAY) // timedelta(seconds=1))
        async with patient():
            await self._client(queue).send_message(
                body, visibility_timeout=max(seconds, 0), time_to_live=_FOREVER
            )

    async def length(self, queue: str) -> int:
        """The approximate number of messages on a queue, including those that are not visible now."""
        async with patient():
            properties = await self._client(queue).get_queue_properties()
        return int(properties.approximate_message_count or 0)

    async def peek(self, queue: str) -> list[Waiting]:
        """The first visible messages (32, the service's limit). They stay on the queue."""
        async with patient():
            peeked = await self._service.get_queue_client(queue).peek_messages(max_messages=_MOST_PEEKED)
        return [_waiting(message) for message in peeked]

    async def take_unreadable(
        self, queue: str, keep: Callable[[bytes], Awaitable[None]], *, hidden: timedelta = _HIDDEN
    ) -> int:
        """Passes messages that are not in base64 to ``keep``, then removes them; returns their number.

        The host cannot read such a message, and has no poison queue for one on a poison queue. A message that
        the host can read is visible again at once.
        """
        if all(message.encoded for message in await self.peek(queue)):
            return 0
        client, taken = self._service.get_queue_client(queue), 0
        async with patient():
            received = client.receive_messages(
                max_messages=_MOST_PEEKED, visibility_timeout=int(hidden.total_seconds())
            )
            messages = [message async for message in received]
        for message in messages:
            waiting = _waiting(message)
            if waiting.encoded:
                await client.update_message(message, visibility_timeout=0)
                continue
            await keep(waiting.body)
            await client.delete_message(message)
            taken += 1
        return taken


def _waiting(message: QueueMessage) -> Waiting:
    """A message as it is on the queue; its body as the host would decode it."""
    text = str(message.content or "")
    try:
        body, encoded = base64.b64decode(text, validate=True), True
    except ValueError:
        body, encoded = text.encode(errors="replace"), False
    return Waiting(
        body=body, inserted_at=message.inserted_on, deliveries=message.dequeue_count or 0, encoded=encoded
    )
