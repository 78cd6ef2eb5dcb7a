"""The connections that wait for their site, found without reading all connections.

An entry can exist for a moment too long, but is never created too late: readers compare it with its
connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onboarding.connections import pointers
from onboarding.connections.records import Connection
from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import Dismissal, load, placed, readable
from onboarding.words.word import Word


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteWait:
    """A connection whose handover nobody has confirmed."""

    connection: str
    name: Word
    tenant: str
    since: datetime
    reminded: int = 0  # reminders that were announced
    dismissed: Dismissal | None = None


CODEC: Final = Codec(SiteWait)


def row(connection: Connection) -> Row:
    """The entry of a connection without reminders so far."""
    wait = SiteWait(
        connection=connection.id,
        name=connection.name,
        tenant=connection.tenant,
        since=connection.handover.since if connection.handover else connection.created_at,
    )
    return _row(wait)


def _row(wait: SiteWait) -> Row:
    return replace(pointers.site(wait.connection), columns={"document": CODEC.dump(wait)})


def _entry(row: Row) -> SiteWait:
    wait = load(CODEC, row)
    placed(row, pointers.site(wait.connection))
    return wait


class SiteWaits:
    """Which connections wait for their site. ``ConnectionStore`` enters and removes them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def all(self) -> AsyncIterator[SiteWait]:
        """All entries, by tenant."""
        async for row in self._tables.scan(names.CONNECTIONS, Range(pointers.SITE, "")):
            for entry in await readable(self._tables, [row], _entry):
                yield entry

    async def page(
        self, *, size: int, continuation: str = "", tenant: str | None = None
    ) -> tuple[list[SiteWait], str]:
        """Some of the entries, by tenant (of one tenant), and the continuation (empty at the end)."""
        keys = Range(f"{tenant}.", f"{tenant}/") if tenant else None
        page = await self._tables.page(
            names.CONNECTIONS, Range(pointers.SITE, ""), keys=keys, size=size, continuation=continuation
        )
        return await readable(self._tables, page.rows, _entry), page.continuation

    async def get(self, connection: str) -> SiteWait | None:
        """The entry of a connection, or None."""
        place = pointers.site(connection)
        row = await self._tables.get(names.CONNECTIONS, place.partition, place.key)
        return next(iter(await readable(self._tables, [row] if row else [], _entry)), None)

    async def put(self, wait: SiteWait) -> None:
        """Changes an entry."""
        await self._tables.write(names.CONNECTIONS, _row(wait), Write.UPSERT)

    async def begin(self, connection: Connection) -> None:
        """Replaces the entry by one without reminders so far."""
        await self._tables.write(names.CONNECTIONS, row(connection), Write.UPSERT)

    async def remove(self, connection: str) -> None:
        """Removes an entry; safe to repeat."""
        await self._tables.write(names.CONNECTIONS, pointers.site(connection), Write.DELETE)
