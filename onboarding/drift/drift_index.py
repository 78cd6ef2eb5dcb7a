"""The connections of which the directory says something else than it should: found without looking at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from onboarding.connections import pointers
from onboarding.connections.records import Connection
from onboarding.storage import names
from onboarding.storage.tables import Range, Row, Tables, Write


@dataclass(frozen=True, kw_only=True, slots=True)
class Drifting:
    """A connection with differences."""

    connection: str
    name: str
    tenant: str
    codes: tuple[str, ...]
    since: datetime  # of the oldest


class DriftIndex:
    """Which connections deviate. It may show one too many for a moment, never one too few."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def enter(self, connection: Connection) -> None:
        """Enters a connection with the differences that it has; safe to repeat."""
        columns = {
            "name": connection.name,
            "codes": " ".join(sorted({each.code for each in connection.differences.values()})),
            "since": min(each.since for each in connection.differences.values()).isoformat(),
        }
        row = replace(pointers.drift(connection.id), columns=columns)
        await self._tables.write(names.CONNECTIONS, row, Write.UPSERT)

    async def remove(self, connection: str) -> None:
        """Forgets a connection that deviates no more; one that is not there is no error."""
        await self._tables.write(names.CONNECTIONS, pointers.drift(connection), Write.DELETE)

    async def first(self, size: int, tenant: str | None = None) -> list[Drifting]:
        """At most so many of them, by tenant (of one tenant)."""
        keys = Range(f"{tenant}.", f"{tenant}/") if tenant else None
        page = await self._tables.page(names.CONNECTIONS, Range(pointers.DRIFT, ""), keys=keys, size=size)
        return [_deviating(row) for row in page.rows]


def _deviating(row: Row) -> Drifting:
    return Drifting(
        connection=row.key,
        name=row.columns["name"],
        tenant=row.key.partition(".")[0],
        codes=tuple(row.columns["codes"].split()),
        since=datetime.fromisoformat(row.columns["since"]),
    )
