"""The inspection schedule: the day on which each connection is inspected.

A hash puts each connection into one of 28 places, where it stays as long as it exists; each day some of the
places are due. Nothing moves after an inspection, so no connection can get lost, and the cost of a day
depends only on the connections of that day.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from onboarding.connections import pointers
from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import load, readable

_LAST: Final = ("~inspections", "last")


@dataclass(frozen=True, kw_only=True, slots=True)
class LastInspections:
    """The last day whose inspections were all started."""

    day: date


LAST: Final = Codec(LastInspections)


def _last(row: Row) -> LastInspections:
    return load(LAST, row)


class InspectionSchedule:
    """Which connections are due for an inspection."""

    def __init__(self, tables: Tables, *, days: int) -> None:
        """``days``, at most 28, is the interval between two inspections of a connection."""
        self._tables = tables
        self._days = days

    async def due(self, today: date) -> tuple[date, ...]:
        """The days whose inspections were not started, today included; at most one interval of them.

        A stored day in the future comes from a wrong clock. In that case, today is due.
        """
        row = await self._tables.get(names.CONNECTIONS, *_LAST)
        known = await readable(self._tables, [row] if row else [], _last)
        last = known[0].day if known else today - timedelta(days=1)
        missed = min((today - last).days, self._days) if last <= today else 1
        return tuple(today - timedelta(days=ago) for ago in range(missed))

    async def complete(self, today: date) -> None:
        """Records that the inspections of all days up to today were started."""
        columns = {"document": LAST.dump(LastInspections(day=today))}
        row = Row(partition=_LAST[0], key=_LAST[1], columns=columns)
        await self._tables.write(names.CONNECTIONS, row, Write.UPSERT)

    async def members(self, days: tuple[date, ...]) -> set[str]:
        """The ids of the connections that are due on one of these days."""
        turns = {day.toordinal() % self._days for day in days}
        places = [place for place in range(pointers.PLACES) if place * self._days // pointers.PLACES in turns]
        partitions = [pointers.DAILY, *map(pointers.of_place, places)]
        return set().union(*await asyncio.gather(*map(self._at, partitions)))

    async def leave(self, connection: str) -> None:
        """Forgets a connection that no longer exists; safe to repeat."""
        await self._tables.write(names.CONNECTIONS, pointers.inspection(connection), Write.DELETE)
        await self.relax(connection)

    async def inspect_daily(self, connection: str) -> None:
        """Schedules daily inspections of a connection with differences or pending items; safe to repeat."""
        await self._tables.write(names.CONNECTIONS, pointers.daily(connection), Write.UPSERT)

    async def relax(self, connection: str) -> None:
        """Ends the daily inspections of a connection without differences; safe to repeat."""
        await self._tables.write(names.CONNECTIONS, pointers.daily(connection), Write.DELETE)

    async def _at(self, partition: str) -> set[str]:
        rows = self._tables.scan(names.CONNECTIONS, Range(partition, ""))
        return {row.key async for row in rows}
