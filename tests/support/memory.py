"""A storage account in memory, with the guarantees of Table and Queue Storage that the app relies on.

One set of tests checks it and the emulator for the same behavior: ``tests/storage/test_tables.py`` and
``test_queues.py``. Every call passes ``around``, before and after it takes effect: a test counts
calls there, ends a worker, or decides which of two workers continues.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from onboarding.storage import queues, tables
from onboarding.storage.ledgers import FullLedgerError, Ledgers
from onboarding.storage.queues import LONGEST_DELAY, Queues, Waiting
from onboarding.storage.tables import ConflictError, Page, Range, Row, Tables, Write

_PAGE: Final = 1000
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f/\\#?]")
_MOST_ROWS: Final = 100
_MOST_BYTES: Final = 4 * 1024 * 1024
_SMALLEST, _LARGEST = -(2**31), 2**31 - 1
_LONGEST_TEXT = 64 * 1024
"""Bytes of a text in UTF-16, or of binary data, in one column; and the largest message, in base64."""
_LONGEST_KEY = 1024
"""Bytes of a key in UTF-16."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call to storage."""

    name: str
    """Of the method of ``Tables`` or ``Queues``, or what the host does: receive, delete."""
    place: str
    """The table or queue."""
    rows: tuple[tuple[str, str], ...] = ()
    """Partition and key of each row that a call of ``Tables`` names; a range has no keys."""
    writes: bool = False
    """Whether it can change something."""


Around = Callable[[Call], AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def nothing(_call: Call) -> AsyncIterator[None]:
    """What happens around a call where a test does not care."""
    yield


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


class MemoryTables(Tables):
    """Tables that last as long as the test."""

    def __init__(self, around: Around = nothing) -> None:
        self._around = around
        self._rows: dict[str, dict[tuple[str, str], Row]] = {}
        self._versions = itertools.count(1)

    def create(self, table: str) -> None:
        """Create a table, unless it exists."""
        self._rows.setdefault(table, {})

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        """One row, or None."""
        async with self._call("get", table, (partition, key)):
            return self._table(table).get((partition, key))

    async def scan(self, table: str, partitions: Range, *, keys: Range | None = None) -> AsyncIterator[Row]:
        """All rows of a range of partitions, in order; each thousand of them costs a call."""
        start: tuple[str, str] | None = ("", "")
        while start is not None:
            async with self._call("scan", table, (partitions.first, "")):
                found = [row for row in self._select(table, partitions, keys) if _place(row) >= start]
            for row in found[:_PAGE]:
                yield row
            start = _place(found[_PAGE]) if len(found) > _PAGE else None

    async def page(
        self,
        table: str,
        partitions: Range,
        *,
        size: int,
        keys: Range | None = None,
        columns: Mapping[str, str] | None = None,
        continuation: str = "",
    ) -> Page:
        """At most ``size`` rows of a range of partitions, in order, from a continuation on."""
        token = tables._decode(continuation)
        async with self._call("page", table, (partitions.first, "")):
            start = (token["PartitionKey"], token["RowKey"]) if token else ("", "")
            found = [
                row
                for row in self._select(table, partitions, keys)
                if _place(row) >= start
                and all(row.columns.get(name) == value for name, value in (columns or {}).items())
            ]
            rest = [{"PartitionKey": row.partition, "RowKey": row.key} for row in found[size:]]
            return Page(tuple(found[:size]), tables._encode(rest[0] if rest else None))

    async def write(self, table: str, row: Row, how: Write) -> str:
        """Write one row and return its new ETag; ``ConflictError`` when the row is not as expected."""
        if how is Write.DELETE:
            async with self._call("delete", table, _place(row), writes=True):
                with contextlib.suppress(ResourceNotFoundError):
                    self._apply(table, [(how, row)])
                return ""
        _check_columns(row)
        async with self._call(how.value, table, _place(row), writes=True):
            _check_sizes(row)
            return self._apply(table, [(how, row)])[0]

    async def transact(self, table: str, writes: Sequence[tuple[Write, Row]]) -> list[str]:
        """Write rows of one partition together or not at all; return their new ETags."""
        if len({row.partition for _, row in writes}) > 1:
            raise ValueError("Partition Keys in the batch must all be the same.")
        for how, row in writes:
            if how is not Write.DELETE:
                _check_columns(row)
        async with self._call("transact", table, *(_place(row) for _, row in writes), writes=True):
            if len(writes) > _MOST_ROWS or len({row.key for _, row in writes}) < len(writes):
                raise _error(HttpResponseError, 400, "InvalidInput")
            if sum(map(_size, (row for _, row in writes))) > _MOST_BYTES:
                raise _error(HttpResponseError, 413, "RequestBodyTooLarge")
            for how, row in writes:
                if how is not Write.DELETE:
                    _check_sizes(row)
            unconditional = [
                (how, replace(row, etag="") if how is Write.DELETE else row) for how, row in writes
            ]
            return self._apply(table, unconditional)

    @contextlib.asynccontextmanager
    async def _call(
        self, name: str, table: str, *rows: tuple[str, str], writes: bool = False
    ) -> AsyncIterator[None]:
        """One call: others run before it and after it, and none during it."""
        async with self._around(Call(name=name, place=table, rows=rows, writes=writes)):
            await asyncio.sleep(0)
            yield
        await asyncio.sleep(0)

    def _table(self, table: str) -> dict[tuple[str, str], Row]:
        if table not in self._rows:
            raise _error(ResourceNotFoundError, 404, "TableNotFound")
        return self._rows[table]

    def _select(self, table: str, partitions: Range, keys: Range | None) -> Iterable[Row]:
        for (partition, key), row in sorted(self._table(table).items()):
            inside = partitions.first <= partition < partitions.last
            if (inside if partitions.last else partition == partitions.first) and (
                keys is None or keys.first <= key < keys.last
            ):
                yield row

    def _apply(self, table: str, writes: Sequence[tuple[Write, Row]]) -> list[str]:
        """All writes, or none when one of them is refused."""
        rows = dict(self._table(table))
        etags = []
        for how, row in writes:
            place = _place(row)
            before = rows.get(place)
            if how is Write.INSERT and before:
                raise ConflictError(f"{row.partition}/{row.key}: 409")
            if how is Write.UPDATE or (how is Write.DELETE):
                if before is None:
                    raise _error(ResourceNotFoundError, 404, "ResourceNotFound")
                if before.etag != row.etag and (how is Write.UPDATE or row.etag):
                    raise ConflictError(f"{row.partition}/{row.key}: 412")
            if how is Write.DELETE:
                del rows[place]
                etags.append("")
                continue
            etags.append(f'W/"{next(self._versions)}"')
            columns = {name: value for name, value in row.columns.items() if value is not None}
            rows[place] = replace(row, columns=columns, etag=etags[-1], table=table)
        self._rows[table] = rows
        return etags


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
        """Raise unless the queue answers."""
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
            if len(base64.b64encode(body)) > _LONGEST_TEXT:
                raise _error(HttpResponseError, 413, "RequestBodyTooLarge")
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
            raise _error(ResourceNotFoundError, 404, "MessageNotFound")

    @contextlib.asynccontextmanager
    async def _call(self, name: str, queue: str) -> AsyncIterator[None]:
        writes = name in {"put", "receive", "delete", "take"}
        async with self._around(Call(name=name, place=queue, writes=writes)):
            await asyncio.sleep(0)
            yield
        await asyncio.sleep(0)

    def _queue(self, queue: str) -> list[_Message]:
        if queue not in self._messages:
            raise _error(ResourceNotFoundError, 404, "QueueNotFound")
        return self._messages[queue]

    def _visible(self, queue: str) -> list[_Message]:
        return [message for message in self._queue(queue) if message.visible_at <= self._now()]


class MemoryLedgers(Ledgers):
    """Append-only texts that last as long as the test."""

    def __init__(self, around: Around = nothing, *, most_blocks: int = 50_000) -> None:
        self._around = around
        self._most_blocks = most_blocks
        self._blocks: dict[str, list[bytes]] = {}

    async def append(self, name: str, data: bytes, *, at: int) -> None:
        """Append to a ledger that ends at a position."""
        async with self._around(Call(name="append", place=name, writes=True)):
            await asyncio.sleep(0)
            blocks = self._blocks.setdefault(name, [])
            if sum(map(len, blocks)) != at:
                raise ConflictError(f"{name} at {at}")
            if len(blocks) >= self._most_blocks:
                raise FullLedgerError(name)
            blocks.append(data)
        await asyncio.sleep(0)

    async def read(self, name: str, start: int = 0) -> bytes:
        """A ledger from a position on."""
        async with self._around(Call(name="read", place=name)):
            return b"".join(self._blocks[name])[start:]

    async def sizes(self, prefix: str) -> dict[str, int]:
        """The ledgers whose names begin so."""
        async with self._around(Call(name="sizes", place=prefix)):
            names = sorted(name for name in self._blocks if name.startswith(prefix))
            return {name: sum(map(len, self._blocks[name])) for name in names}

    async def ping(self) -> None:
        """It always answers."""


def _place(row: Row) -> tuple[str, str]:
    return row.partition, row.key


def _check_columns(row: Row) -> None:
    """Refuse what the SDK does not send."""
    for value in row.columns.values():
        if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
            raise TypeError(f"{value} is too large to be cast to type EdmType.INT32.")
        if not isinstance(value, str | int | float | bytes | datetime | uuid.UUID | None):
            raise TypeError(f"Unsupported type: {type(value)}")


def _check_sizes(row: Row) -> None:
    """Refuse what Table Storage refuses.

    See https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model.
    """
    if any(len(key.encode("utf-16-le")) > _LONGEST_KEY for key in _place(row)):
        raise _error(HttpResponseError, 400, "KeyValueTooLarge")
    if any(_FORBIDDEN.search(key) for key in _place(row)):
        raise _error(HttpResponseError, 400, "OutOfRangeInput")
    for value in row.columns.values():
        if isinstance(value, str) and len(value.encode("utf-16-le")) > _LONGEST_TEXT:
            raise _error(HttpResponseError, 400, "PropertyValueTooLarge")


def _size(row: Row) -> int:
    return sum(len(str(value).encode()) for value in row.columns.values())


def _error(kind: type[HttpResponseError], status: int, code: str) -> HttpResponseError:
    error = kind(message=code)
    error.status_code = status
    return error
