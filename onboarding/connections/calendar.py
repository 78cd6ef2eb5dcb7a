"""The calendar: the expirations of all connections by day, for lists of what expires.

Each expiration has one row for the whole deployment, and one each for the tenant, the requester and every
owner. So the cost of a page does not depend on the number of connections. Readers compare each row with its
connection, so an outdated row is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from onboarding.connections.records import Connection
from onboarding.storage import keys, names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import Readable, load, placed, readable

_PLACES: Final = "places"
"""The key of the row that lists the rows of a connection in the calendar."""

_ALL: Final = "all"
_MILLISECOND: Final = timedelta(milliseconds=1)
_LAST: Final = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """Whose expirations a list shows; None means any."""

    tenant: str | None = None
    owner: str | None = None  # an email address
    requester: str | None = None

    @property
    def partition(self) -> str:
        """The prefix of the partitions to read. A requester's view never reads rows of others."""
        if self.requester is not None:
            return _of_requester(self.requester)
        if self.tenant is not None:
            return _of_tenant(self.tenant)
        return _ALL if self.owner is None else _of_owner(self.owner)

    def shows(self, connection: Connection) -> bool:
        """Whether a connection belongs in this view."""
        return (
            self.tenant in {None, connection.tenant}
            and self.requester in {None, connection.requester}
            and (self.owner is None or self.owner.casefold() in connection.owner_addresses)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarEntry:
    """An expiration of a connection as it was when it was entered."""

    connection: str
    kind: str
    ends_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """The rows of a connection in the calendar: their partitions and keys."""

    rows: tuple[tuple[str, str], ...] = ()


ENTRY: Final = Codec(CalendarEntry)
PLACES: Final = Codec(Places)


class Calendar:
    """What expires when."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def enter(self, connection: Connection) -> None:
        """Enters the expirations of a connection, and removes outdated rows."""
        places, old = await self._places(connection.id)
        rows = {(row.partition, row.key): row for row in _rows(connection)}
        if old == set(rows):
            return
        await asyncio.gather(*(self._write(row, Write.UPSERT) for at, row in rows.items() if at not in old))
        await self._remove(old - set(rows))
        document = PLACES.dump(Places(rows=tuple(sorted(rows))))
        await self._write(replace(places, columns={"document": document}), Write.UPSERT)

    async def leave(self, connection: str) -> None:
        """Removes all expirations of a connection."""
        places, old = await self._places(connection)
        await self._remove(old)
        await self._write(places, Write.DELETE)

    async def page(
        self,
        view: View,
        *,
        since: datetime | None,
        until: datetime | None,
        size: int,
        continuation: str,
    ) -> tuple[Readable[CalendarEntry], str]:
        """Some expirations of a view from ``since`` to ``until``, the earliest first; the continuation."""
        days, moments = _ranges(view, since, until)
        page = await self._tables.page(
            names.CALENDAR, days, keys=moments, size=size, continuation=continuation
        )
        return await readable(self._tables, page.rows, _entry), page.continuation

    async def scan(self, *, since: datetime | None, until: datetime) -> AsyncIterator[CalendarEntry]:
        """All expirations from ``since`` to ``until``, the earliest first."""
        days, moments = _ranges(View(), since, until)
        async for row in self._tables.scan(names.CALENDAR, days, keys=moments):
            for entry in await readable(self._tables, [row], _entry):
                yield entry

    async def _places(self, connection: str) -> tuple[Row, set[tuple[str, str]]]:
        """The row that lists the rows of a connection, and what it lists.

        If it cannot be read, outdated rows stay in the calendar, where they are harmless.
        """
        row = Row(partition=f"of:{connection}", key=_PLACES)
        known = await self._tables.get(names.CALENDAR, row.partition, row.key)
        places = await readable(self._tables, [known] if known else [], _places_of)
        return row, {place for listed in places for place in listed.rows}

    async def _remove(self, places: Iterable[tuple[str, str]]) -> None:
        rows = [Row(partition=partition, key=key) for partition, key in places]
        await asyncio.gather(*(self._write(row, Write.DELETE) for row in rows))

    async def _write(self, row: Row, how: Write) -> None:
        await self._tables.write(names.CALENDAR, row, how)


def _entry(row: Row) -> CalendarEntry:
    entry = load(ENTRY, row)
    placed(row, replace(row, key=_key(entry)))
    return entry


def _places_of(row: Row) -> Places:
    return load(PLACES, row)


def _ranges(view: View, since: datetime | None, until: datetime | None) -> tuple[Range, Range]:
    """The partitions of a view's days, and the keys of its moments."""
    last = until + _MILLISECOND if until else _LAST
    days = Range(
        f"{view.partition}:{_day(since) if since else '0'}",
        f"{view.partition}:{_day(last + timedelta(days=1))}",
    )
    return days, Range(keys.milliseconds(since) if since else "0", keys.milliseconds(last))


def _rows(connection: Connection) -> Iterator[Row]:
    circles = {
        _ALL,
        _of_tenant(connection.tenant),
        _of_requester(connection.requester),
        *map(_of_owner, connection.owner_addresses),
    }
    for kind, ends_at in connection.expirations.items():
        entry = CalendarEntry(connection=connection.id, kind=kind, ends_at=ends_at)
        columns = {"document": ENTRY.dump(entry)}
        for circle in circles:
            yield Row(partition=f"{circle}:{_day(ends_at)}", key=_key(entry), columns=columns)


def _key(entry: CalendarEntry) -> str:
    return f"{keys.milliseconds(entry.ends_at)}:{entry.connection}:{entry.kind}"


def _of_tenant(tenant: str) -> str:
    return f"tenant:{tenant}"


def _of_requester(requester: str) -> str:
    return f"requester:{keys.part(requester)}"


def _of_owner(email: str) -> str:
    return f"owner:{keys.part(email.casefold())}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
