"""The connections that wait for their site, found without reading all connections.

An entry can be there too long for a moment, never too late: readers compare it with its connection.
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
from onboarding.storage.unreadable_rows import load, readable
from onboarding.words.word import Word


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteWait:
    """A connection whose hand-over nobody has confirmed."""

    connection: str
    name: Word
    tenant: str
    since: datetime
    reminded: int = 0  # reminders that were announced


CODEC: Final = Codec(SiteWait)


def row(connection: Connection, reminded: int = 0) -> Row:
    """The entry of a connection."""
    entry = SiteWait(
        connection=connection.id,
        name=connection.name,
        tenant=connection.tenant,
        since=connection.hand_over.since if connection.hand_over else connection.created_at,
        reminded=reminded,
    )
    return replace(pointers.site(connection.id), columns={"document": CODEC.dump(entry)})


def _entry(row: Row) -> SiteWait:
    return load(CODEC, row)


class SiteWaits:
    """Which connections wait for their site. ``ConnectionStore`` enters and removes them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def all(self) -> AsyncIterator[SiteWait]:
        """All entries, by tenant."""
        async for row in self._tables.scan(names.CONNECTIONS, Range(pointers.SITE, "")):
            for entry in await readable(self._tables, [row], _entry):
                yield entry

    async def first(self, size: int, tenant: str | None = None) -> list[SiteWait]:
        """At most this number of entries, by tenant (of one tenant)."""
        keys = Range(f"{tenant}.", f"{tenant}/") if tenant else None
        page = await self._tables.page(names.CONNECTIONS, Range(pointers.SITE, ""), keys=keys, size=size)
        return await readable(self._tables, page.rows, _entry)

    async def count(self, connection: Connection, reminded: int) -> None:
        """Records how many reminders were announced."""
        await self._tables.write(names.CONNECTIONS, row(connection, reminded), Write.UPSERT)

    async def remove(self, connection: str) -> None:
        """Removes an entry; safe to repeat."""
        await self._tables.write(names.CONNECTIONS, pointers.site(connection), Write.DELETE)
