"""The argument of a queue function.

``azure.functions.QueueMessage``, the public class, never has a dequeue count or times; the subclass that
the worker really passes has them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from azure.functions import queue

_make: Final[Any] = queue.QueueMessage


def argument(
    *,
    identifier: str,
    body: str | bytes,
    dequeue_count: int,
    inserted: datetime | None,
    expires: datetime | None,
    visible: datetime | None,
    receipt: str,
) -> queue.QueueMessage:
    """A message as a function receives it."""
    message: queue.QueueMessage = _make(
        id=identifier,
        body=body,
        dequeue_count=dequeue_count,
        insertion_time=inserted,
        expiration_time=expires,
        time_next_visible=visible,
        pop_receipt=receipt,
    )
    return message
