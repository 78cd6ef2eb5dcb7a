"""Keys of table rows: which characters they can contain, and how they sort rows newest first.

Table Storage orders by PartitionKey, then RowKey, as strings, and forbids some characters
(https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model).
"""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import UTC, datetime
from typing import Final

from onboarding.storage.tables import Range

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f/\\#?|=]")
_LONGEST_PART: Final = 640  # bytes
_LAST_MONTH: Final = 999_999
_LAST_MILLISECOND: Final = 9_999_999_999_999
_LAST_READABLE: Final = 253_402_300_799_000  # the end of the year 9999
_NAMESPACE = uuid.UUID("0d9f2c1e-8e0f-5b0a-9d6d-5d1c3a7e4b21")


def part(value: str) -> str:
    """A value as a part of a key; different values stay different.

    A long value is replaced by its hash: a key has at most 1 KiB in UTF-16, and other parts need space too.
    """
    escaped = _FORBIDDEN.sub(lambda match: f"={ord(match.group()):02x}", value)
    if len(escaped.encode("utf-16-le")) <= _LONGEST_PART:
        return escaped
    return f"=h{hashlib.sha256(value.encode()).hexdigest()}"  # no escape is "=h"


def newest_first(moment: datetime) -> tuple[str, str]:
    """The month and the millisecond of a moment, each as text that sorts the newest first.

    The month buckets rows into partitions of bounded size; a range over the buckets is still in order.
    """
    moment = moment.astimezone(UTC)
    month = _LAST_MONTH - (moment.year * 100 + moment.month)
    return f"{month:06d}", f"{_LAST_MILLISECOND - int(moment.timestamp() * 1000):013d}"


def moment(newest: str) -> datetime:
    """The moment that ``newest_first`` wrote, whatever digits somebody else has written."""
    past = max(_LAST_MILLISECOND - int(newest), 0)
    return datetime.fromtimestamp(min(past, _LAST_READABLE) / 1000, UTC)


def milliseconds(moment: datetime) -> str:
    """A moment as text that sorts the oldest first."""
    return f"{int(moment.timestamp() * 1000):013d}"


def prefixed(prefix: str) -> Range:
    """All keys with a prefix, as a half-open range."""
    return Range(prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1))


def derived_id(*parts: str) -> str:
    """An ID that is always the same for the same parts (RFC 9562, version 5).

    Each part is escaped, so that a separator inside one cannot make two lists of parts look alike.
    """
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(part(value) for value in parts)))
