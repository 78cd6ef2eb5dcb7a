"""Rows that cannot be read: damaged, edited manually, or written by a newer release.

The rule for all code that reads more than one row: each row is read separately (``readable``). The log names
an unreadable row, and an index keeps it, where operators can see and remove it. It never hides the others. If
a single row is needed and cannot be read, the error names it (``single``).

An entry of the index names a row as it was, by its ETag: a row that somebody has corrected or removed since
then is no longer in the index.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeVar

from azure.core.exceptions import AzureError
from pydantic import ValidationError

from onboarding.storage import keys, names
from onboarding.storage.codec import Codec, UnreadableError
from onboarding.storage.tables import ConflictError, Range, Row, Tables, Write
from onboarding.texts import phrases, reasons
from onboarding.texts.phrases import Said

log = logging.getLogger(__name__)

_PARTITION: Final = "unreadable"

Record = TypeVar("Record")
Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True, slots=True)
class Dismissal:
    """Who decided that no action is needed, when and why."""

    by: str
    by_id: str = ""  # object ID in the home tenant
    at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableRow:
    """A row that cannot be read, and since when this has been known."""

    table: str
    partition: str
    key: str
    reason: str
    since: datetime
    etag: str = ""
    dismissed: Dismissal | None = None
    said: Said | None = field(default=None, compare=False)  # the reason; None: an earlier version wrote it

    @property
    def why(self) -> Said:
        """Why it cannot be read."""
        return phrases.stored(self.said, self.reason)

    @property
    def id(self) -> str:
        """The same for the same row."""
        return keys.derived_id("unreadable", self.table, self.partition, self.key)


CODEC: Final = Codec(UnreadableRow)


class UnreadableRowError(UnreadableError):
    """A row that cannot be read."""

    def __init__(self, row: Row, reason: Said) -> None:
        super().__init__(reason)
        self.args = (f"the row {row.partition} / {row.key} of the table {row.table}: {reason}",)
        self.row = row
        self.reason = reason


class Readable(list[Record]):
    """The records of some rows, and the rows that cannot be read."""

    def __init__(self, records: Iterable[Record] = (), unreadable: Iterable[UnreadableRow] = ()) -> None:
        super().__init__(records)
        self.unreadable = tuple(unreadable)


def text(row: Row, column: str) -> str:
    """The text in a column. Raises ``UnreadableRowError`` if there is none."""
    found = row.columns.get(column)
    if not isinstance(found, str):
        wrong = reasons.ROW_COLUMN_TYPE.of(column=column, type="text")
        raise UnreadableRowError(row, wrong if found else reasons.ROW_COLUMN_MISSING.of(column=column))
    return found


def load(codec: Codec[Record], row: Row, column: str = "document") -> Record:
    """The record in a column of a row. Raises ``UnreadableRowError``."""
    document = text(row, column)
    try:
        return codec.load(document)
    except UnreadableError as error:
        raise UnreadableRowError(row, reasons.ROW_COLUMN.of(column=column, fault=error.said)) from error


def placed(row: Row, place: Row) -> None:
    """Raises ``UnreadableRowError`` unless a record is where its content belongs.

    A record that names another place would be changed and removed there, and never leave this one.
    """
    if (row.partition, row.key) != (place.partition, place.key):
        raise UnreadableRowError(row, reasons.ROW_ELSEWHERE.of())


async def single(tables: Tables, row: Row, read: Callable[[Row], Record]) -> Record:
    """The record of one row. If it raises ``UnreadableRowError``, the row is kept in the index."""
    found = await readable(tables, [row], read)
    if found:
        return found[0]
    raise UnreadableRowError(row, found.unreadable[0].why)


async def readable(tables: Tables, rows: Iterable[Row], read: Callable[[Row], Record]) -> Readable[Record]:
    """The records of those rows that can be read. The others are kept in the index."""
    return await each(tables, rows, read, lambda row: row)


async def each(
    tables: Tables, items: Iterable[Item], show: Callable[[Item], Record], row_of: Callable[[Item], Row]
) -> Readable[Record]:
    """The result of ``show`` for each item. If ``show`` fails, the row of the item is kept in the index."""
    records, unreadable = [], []
    for item in items:
        try:
            records.append(show(item))
        except UnreadableRowError as error:
            unreadable.append(await note(tables, row_of(item), error.reason))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one row is no reason to stop
            unreadable.append(await note(tables, row_of(item), describe(error)))
    return Readable(records, unreadable)


def describe(error: Exception) -> Said:
    """What is wrong, without the values."""
    if isinstance(error, ValidationError):
        places = {".".join(map(str, fault["loc"])) for fault in error.errors(include_input=False)}
        return reasons.ROW_MEMBERS.of(members=sorted(places))
    return reasons.ROW_USED.of(error=type(error).__name__)


async def note(tables: Tables, row: Row, reason: Said) -> UnreadableRow:
    """Keeps a row in the index, and names it in the log; safe to repeat."""
    log.warning(
        "unreadable row: table %s, partition %s, key %s: %s", row.table, row.partition, row.key, reason
    )
    entry = UnreadableRow(
        table=row.table,
        partition=row.partition,
        key=row.key,
        reason=reason.text,
        said=reason,
        since=tables.clock.now(),
        etag=row.etag,
    )
    kept = Row(partition=_PARTITION, key=entry.id, columns={"document": CODEC.dump(entry)})
    try:
        with contextlib.suppress(ConflictError):  # it is known
            await tables.write(names.SERVICE, kept, Write.INSERT)
    except AzureError:
        log.exception("the unreadable row could not be entered in the index")
    return entry


class UnreadableRows:
    """The index of the rows that cannot be read."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def page(self, *, size: int, continuation: str = "") -> tuple[list[UnreadableRow], str]:
        """Some of the rows, and the continuation. Rows that were corrected or removed leave the index."""
        page = await self._tables.page(
            names.SERVICE, Range(_PARTITION, ""), size=size, continuation=continuation
        )
        entries = await self._entries(page.rows)
        return [entry for entry in entries if await self.row(entry)], page.continuation

    async def get(self, identifier: str) -> UnreadableRow | None:
        """An entry by its ID, or None."""
        row = await self._tables.get(names.SERVICE, _PARTITION, identifier)
        return next(iter(await self._entries([row])), None) if row else None

    async def row(self, entry: UnreadableRow) -> Row | None:
        """The row of an entry. None if the row has changed, in which case the entry is removed."""
        row = await self._tables.get(entry.table, entry.partition, entry.key)
        if row is not None and row.etag == entry.etag:
            return row
        await self.forget(entry)
        return None

    async def dismiss(self, entry: UnreadableRow, dismissal: Dismissal) -> None:
        """Records that an operator dismissed a row; safe to repeat."""
        columns = {"document": CODEC.dump(replace(entry, dismissed=dismissal))}
        row = Row(partition=_PARTITION, key=entry.id, columns=columns)
        await self._tables.write(names.SERVICE, row, Write.UPSERT)

    async def forget(self, entry: UnreadableRow) -> None:
        """Removes an entry; safe to repeat. Its next reader enters it again if it is unreadable."""
        await self._tables.write(names.SERVICE, Row(partition=_PARTITION, key=entry.id), Write.DELETE)

    async def _entries(self, rows: Iterable[Row]) -> list[UnreadableRow]:
        """The entries of rows.

        An entry that is itself damaged is removed, and the next reader creates it again.
        """
        entries = []
        for row in rows:
            try:
                entries.append(load(CODEC, row))
            except UnreadableRowError:
                await self._tables.write(names.SERVICE, replace(row, etag=""), Write.DELETE)
        return entries
