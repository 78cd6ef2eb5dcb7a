"""Tables in memory, with the guarantees of Table Storage that the app relies on.

One set of tests checks them and the emulator for the same behavior: ``tests/storage/test_tables.py``. Every
call passes ``around``, before and after it takes effect: a test counts
calls there, ends a worker, or decides which of two workers continues.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from onboarding.storage import tables
from onboarding.storage.tables import ConflictError, Range, Row, RowPage, Tables, Write

_PAGE: Final = 1000
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f/\\#?]")
_MOST_ROWS: Final = 100
_MOST_BYTES: Final = 4 * 1024 * 1024
_SMALLEST, _LARGEST = -(2**31), 2**31 - 1
LONGEST_TEXT = 64 * 1024
"""Bytes of a text in UTF-16, or of binary data, in one column, and of the largest message in base64."""
_LONGEST_KEY = 1024
"""Bytes of a key in UTF-16."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call to storage."""

    name: str
    """The method of ``Tables`` or ``Queues``, or what the host does: receive, delete."""
    place: str
    """The table or queue."""
    rows: tuple[tuple[str, str], ...] = ()
    """Partition and key of each row that a call of ``Tables`` names; a range has no keys."""
    writes: bool = False
    """Whether it can change something."""


Around = Callable[[Call], AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def nothing(_call: Call) -> AsyncIterator[None]:
    """What happens around a call if a test sets nothing."""
    yield


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
    ) -> RowPage:
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
            return RowPage(tuple(found[:size]), tables._encode(rest[0] if rest else None))

    async def write(self, table: str, row: Row, how: Write) -> str:
        """Write one row and return its new ETag; ``ConflictError`` if the row is not as expected."""
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
                raise error(HttpResponseError, 400, "InvalidInput")
            if sum(map(_size, (row for _, row in writes))) > _MOST_BYTES:
                raise error(HttpResponseError, 413, "RequestBodyTooLarge")
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
            raise error(ResourceNotFoundError, 404, "TableNotFound")
        return self._rows[table]

    def _select(self, table: str, partitions: Range, keys: Range | None) -> Iterable[Row]:
        rows, first, last = self._table(table), *partitions
        inside = (
            [place for place in rows if first <= place[0] < last]
            if last
            else [place for place in rows if place[0] == first]
        )
        for place in sorted(inside):  # afterwards: most calls are about one of many partitions
            if keys is None or keys.first <= place[1] < keys.last:
                yield rows[place]

    def _apply(self, table: str, writes: Sequence[tuple[Write, Row]]) -> list[str]:
        """All writes, or none if one of them is refused."""
        rows = dict(self._table(table))
        etags = []
        for how, row in writes:
            place = _place(row)
            before = rows.get(place)
            if how is Write.INSERT and before:
                raise ConflictError(f"{row.partition}/{row.key}: 409")
            if how is Write.UPDATE or (how is Write.DELETE):
                if before is None:
                    raise error(ResourceNotFoundError, 404, "ResourceNotFound")
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
        raise error(HttpResponseError, 400, "KeyValueTooLarge")
    if any(_FORBIDDEN.search(key) for key in _place(row)):
        raise error(HttpResponseError, 400, "OutOfRangeInput")
    for value in row.columns.values():
        if isinstance(value, str) and len(value.encode("utf-16-le")) > LONGEST_TEXT:
            raise error(HttpResponseError, 400, "PropertyValueTooLarge")


def _size(row: Row) -> int:
    return sum(len(str(value).encode()) for value in row.columns.values())


def error(kind: type[HttpResponseError], status: int, code: str) -> HttpResponseError:
    """The error of the SDK for a refusal."""
    refused = kind(message=code)
    refused.status_code = status
    return refused
