"""Queue Storage: the one place that knows how a message looks on the wire.

Messages are JSON in base64, as host.json's ``messageEncoding`` says; they never expire, because a
message that vanished after seven days (the service's default) would be lost work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueServiceClient

RETRIES: Final[Mapping[str, Any]] = {"retry_total": 3, "initial_backoff": 0.5, "increment_base": 2}
LONGEST_DELAY: Final = timedelta(days=7)
"""The service's own limit (https://learn.microsoft.com/rest/api/storageservices/put-message)."""

_FOREVER: Final = -1


class Queues:
    """All queues of the storage account."""

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service

    async def ping(self, queue: str) -> None:
        """Raises unless the queue answers."""
        await self._service.get_queue_client(queue).get_queue_properties()

    async def send(self, queue: str, message: Mapping[str, Any], *, delay: timedelta = timedelta(0)) -> None:
        """Puts a message that becomes visible after a delay (whole seconds, rounded up)."""
        client = self._service.get_queue_client(queue, message_encode_policy=TextBase64EncodePolicy())
        seconds = -(-min(delay, LONGEST_DELAY) // timedelta(seconds=1))
        text = json.dumps(message, separators=(",", ":"))
        await client.send_message(text, visibility_timeout=max(seconds, 0), time_to_live=_FOREVER)
