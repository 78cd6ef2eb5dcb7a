"""The inspection schedule: the day on which each connection is inspected, so that each has its turn.

A connection stands in one of 28 places, chosen by a hash, for as long as it exists; a day's round takes the
places whose turn it is. Nothing is moved after a look, so none can get lost, and a day costs what it takes.
"""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Final

from onboarding.connections import pointers
from onboarding.storage import names
from onboarding.storage.tables import Range, Row, Tables, Write

_PAGE: Final = 1000
_STATE: Final = ("~inspections", "last")


class InspectionSchedule:
    """Whose turn it is."""

    def __init__(self, tables: Tables, *, days: int) -> None:
        """``days``, at most 28, is how long one round through all connections takes."""
        self._tables = tables
        self._days = days

    async def begun(self, today: date) -> tuple[date, ...]:
        """The days whose rounds have not been made, today's included; at most one whole round of them."""
        row = await self._tables.get(names.CONNECTIONS, *_STATE)
        last = date.fromisoformat(row.columns["day"]) if row else today - timedelta(days=1)
        missed = min((today - last).days, self._days)
        return tuple(today - timedelta(days=ago) for ago in range(missed))

    async def made(self, today: date) -> None:
        """Remembers that all rounds up to today's are made."""
        row = Row(partition=_STATE[0], key=_STATE[1], columns={"day": today.isoformat()})
        await self._tables.write(names.CONNECTIONS, row, Write.UPSERT)

    async def members(self, days: tuple[date, ...]) -> set[str]:
        """The ids of the connections whose turn it is on one of these days."""
        turns = {day.toordinal() % self._days for day in days}
        places = [place for place in range(pointers.PLACES) if place * self._days // pointers.PLACES in turns]
        found = await asyncio.gather(*(self._at(place) for place in places))
        return {each for some in found for each in some}

    async def leave(self, connection: str) -> None:
        """Forgets a connection that is no more; one that is forgotten already is no error."""
        await self._tables.write(names.CONNECTIONS, pointers.inspection(connection), Write.DELETE)

    async def _at(self, place: int) -> list[str]:
        found: list[str] = []
        continuation = ""
        while True:
            page = await self._tables.page(
                names.CONNECTIONS, Range(pointers.of_place(place), ""), size=_PAGE, continuation=continuation
            )
            found += [row.key for row in page.rows]
            continuation = page.continuation
            if not continuation:
                return found
