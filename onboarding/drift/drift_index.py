"""The connections that drift, found without reading all connections."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onboarding.connections import pointers
from onboarding.connections.records import Connection
from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import load, placed, readable
from onboarding.words.word import Word

_READS: Final = 10
"""The number of reads of the index to find some connections of each tenant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftEntry:
    """A connection with differences."""

    connection: str
    name: Word
    tenant: str
    codes: tuple[str, ...]
    since: datetime  # of the oldest


CODEC: Final = Codec(DriftEntry)


def entry_of(connection: Connection) -> DriftEntry:
    """The entry of a connection with differences."""
    differences = connection.differences.values()
    return DriftEntry(
        connection=connection.id,
        name=connection.name,
        tenant=connection.tenant,
        codes=tuple(sorted({difference.code for difference in differences})),
        since=min(difference.since for difference in differences),
    )


def _entry(row: Row) -> DriftEntry:
    entry = load(CODEC, row)
    placed(row, pointers.drift(entry.connection))
    return entry


def _tenant(row: Row) -> str:
    """The tenant of a row; a damaged one has it, too."""
    return row.key.partition(".")[0]


class DriftIndex:
    """Which connections drift. It can show a connection for a moment too long, but never too late."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def enter(self, connection: Connection) -> None:
        """Enters a connection with its current differences, without dismissed ones; safe to repeat."""
        differences = [known for known in connection.differences.values() if known.dismissed is None]
        if not differences:
            await self.remove(connection.id)
            return
        entry = entry_of(connection.evolve(differences={known.key: known for known in differences}))
        row = replace(pointers.drift(connection.id), columns={"document": CODEC.dump(entry)})
        await self._tables.write(names.CONNECTIONS, row, Write.UPSERT)

    async def remove(self, connection: str) -> None:
        """Removes a connection that no longer drifts; safe to repeat."""
        await self._tables.write(names.CONNECTIONS, pointers.drift(connection), Write.DELETE)

    async def page(
        self, *, size: int, tenant: str | None = None, continuation: str = ""
    ) -> tuple[list[DriftEntry], str]:
        """Some connections, by tenant (of one tenant), and the continuation (empty at the end)."""
        keys = Range(f"{tenant}.", f"{tenant}/") if tenant else None
        page = await self._tables.page(
            names.CONNECTIONS, Range(pointers.DRIFT, ""), keys=keys, size=size, continuation=continuation
        )
        return await readable(self._tables, page.rows, _entry), page.continuation

    async def spread(self, *, size: int, tenant: str | None = None) -> tuple[list[DriftEntry], bool]:
        """Some connections of each tenant, and whether there are more.

        If a read does not reach the end, the next one begins after the last tenant of that read. So a tenant
        with many connections does not hide others.
        """
        if tenant:
            found, continuation = await self.page(size=size, tenant=tenant)
            return found, bool(continuation)
        rows: list[Row] = []
        for number in range(_READS):
            keys = Range(f"{_tenant(rows[-1])}/", "~") if rows else None
            page = await self._tables.page(names.CONNECTIONS, Range(pointers.DRIFT, ""), keys=keys, size=size)
            rows += page.rows
            if not (page.continuation and page.rows):
                return await readable(self._tables, rows, _entry), bool(number or page.continuation)
        return await readable(self._tables, rows, _entry), True

    async def get(self, connection: str) -> DriftEntry | None:
        """The entry of a connection, or None if it does not drift."""
        place = pointers.drift(connection)
        row = await self._tables.get(names.CONNECTIONS, place.partition, place.key)
        found = await readable(self._tables, [row] if row else [], _entry)
        return found[0] if found else None
