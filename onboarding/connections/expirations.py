"""The index of expirations: for each clock the next warning that is due, by day.

The sweep reads the days up to today, so its cost grows with what is due, not with what exists. When a
warning is on its way, its row gives place to the row of the one that follows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onboarding.connections.calendar import Calendar
from onboarding.connections.clocks import Cadence, ExpiryWarning
from onboarding.connections.records import Connection
from onboarding.storage import keys, names
from onboarding.storage.tables import Range, Row, Tables, Write

_PAGE: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Expiration:
    """The next warning of one clock of one connection."""

    connection: str
    tenant: str
    clock: str
    ends_at: datetime
    warning: ExpiryWarning

    def to_row(self) -> Row:
        """The expiration's row: its partition is the day on which it is due."""
        columns = {
            "connection": self.connection,
            "tenant": self.tenant,
            "clock": self.clock,
            "endsAt": self.ends_at.isoformat(),
            "days": self.warning.days,
            "dueAt": self.warning.due_at.isoformat(),
        }
        # With the end, so that a clock that was moved (a renewal) never meets the rows of the old one; with
        # the moment it is due, so that one put off until later the same day is another row.
        moments = f"{keys.milliseconds(self.warning.due_at)}:{keys.milliseconds(self.ends_at)}"
        key = f"{moments}:{self.connection}:{self.clock}:{self.warning.days}"
        return Row(partition=_day(self.warning.due_at), key=key, columns=columns)

    @classmethod
    def from_row(cls, row: Row) -> Expiration:
        """The expiration of a row."""
        columns = row.columns
        return cls(
            connection=columns["connection"],
            tenant=columns["tenant"],
            clock=columns["clock"],
            ends_at=datetime.fromisoformat(columns["endsAt"]),
            warning=ExpiryWarning(days=columns["days"], due_at=datetime.fromisoformat(columns["dueAt"])),
        )


class ExpirationIndex:
    """Which warnings are due."""

    def __init__(self, tables: Tables, cadence: Cadence, calendar: Calendar) -> None:
        self._tables = tables
        self._cadence = cadence
        self._calendar = calendar

    async def schedule(self, connection: Connection, now: datetime) -> None:
        """Plans the warnings of all clocks of a connection, and enters the clocks in the calendar.

        Safe to repeat, and to be repeated until it has worked. To be called after a connection is added, and
        after each change of its clocks or its owners: warnings that were planned for another end are dropped
        when their day comes.
        """
        for clock, ends_at in connection.clocks.items():
            expiration = Expiration(
                connection=connection.id,
                tenant=connection.tenant,
                clock=clock,
                ends_at=ends_at,
                warning=self._cadence.first(ends_at, now),
            )
            await self._put(expiration)
        await self._calendar.enter(connection)

    async def forget(self, connection: str) -> None:
        """Takes a connection that is being removed out of the calendar; its warnings are dropped when due."""
        await self._calendar.leave(connection)

    async def replace(self, expiration: Expiration, warning: ExpiryWarning | None) -> None:
        """Puts another warning of the clock, or none, in the place of one.

        The new row is written first: a crash in between may leave a warning too many, never one too few.
        """
        if warning:
            await self._put(replace(expiration, warning=warning))
        await self._tables.write(names.EXPIRATIONS, expiration.to_row(), Write.DELETE)

    async def due(self, now: datetime) -> AsyncIterator[Expiration]:
        """The warnings whose time has come, the oldest day first, however long ago that was."""
        days = Range("0", _day(now + timedelta(days=1)))
        continuation = ""
        while True:
            page = await self._tables.page(names.EXPIRATIONS, days, size=_PAGE, continuation=continuation)
            for expiration in map(Expiration.from_row, page.rows):
                if expiration.warning.due_at <= now:
                    yield expiration
            continuation = page.continuation
            if not continuation:
                return

    async def _put(self, expiration: Expiration) -> None:
        await self._tables.write(names.EXPIRATIONS, expiration.to_row(), Write.UPSERT)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
