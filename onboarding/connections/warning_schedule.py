"""The index of expirations: for each expiration the next warning that is due, by day.

The sweep reads the days up to today, so its cost grows with what is due, not with what exists. When a
warning is on its way, its row gives place to the row of the one that follows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onboarding.connections.cadence import Cadence, ExpiryWarning
from onboarding.connections.calendar import Calendar
from onboarding.connections.records import Connection
from onboarding.storage import keys, names
from onboarding.storage.tables import Range, Row, Tables, Write

_PAGE: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledWarning:
    """The next warning of one expiration of one connection."""

    connection: str
    tenant: str
    kind: str
    ends_at: datetime
    warning: ExpiryWarning

    def to_row(self) -> Row:
        """The expiration's row: its partition is the day on which it is due."""
        columns = {
            "connection": self.connection,
            "tenant": self.tenant,
            "kind": self.kind,
            "endsAt": self.ends_at.isoformat(),
            "days": self.warning.days,
            "dueAt": self.warning.due_at.isoformat(),
        }
        # The end keeps a renewed expiration apart from the rows of the old one. The due time keeps apart a
        # warning that was snoozed until later the same day.
        moments = f"{keys.milliseconds(self.warning.due_at)}:{keys.milliseconds(self.ends_at)}"
        key = f"{moments}:{self.connection}:{self.kind}:{self.warning.days}"
        return Row(partition=_day(self.warning.due_at), key=key, columns=columns)

    @classmethod
    def from_row(cls, row: Row) -> ScheduledWarning:
        """The expiration of a row."""
        columns = row.columns
        return cls(
            connection=columns["connection"],
            tenant=columns["tenant"],
            kind=columns["kind"],
            ends_at=datetime.fromisoformat(columns["endsAt"]),
            warning=ExpiryWarning(days=columns["days"], due_at=datetime.fromisoformat(columns["dueAt"])),
        )


class WarningSchedule:
    """Which warnings are due."""

    def __init__(self, tables: Tables, cadence: Cadence, calendar: Calendar) -> None:
        self._tables = tables
        self._cadence = cadence
        self._calendar = calendar

    async def schedule(self, connection: Connection, now: datetime) -> None:
        """Plans the warnings of all expirations of a connection, and enters the expirations in the calendar.

        Safe to repeat; the caller repeats it until it succeeds. Call it after a connection is added, and
        after each change of its expirations or owners. An outdated warning is dropped when it is due.
        """
        for kind, ends_at in connection.expirations.items():
            expiration = ScheduledWarning(
                connection=connection.id,
                tenant=connection.tenant,
                kind=kind,
                ends_at=ends_at,
                warning=self._cadence.first(ends_at, now),
            )
            await self._put(expiration)
        await self._calendar.enter(connection)

    async def forget(self, connection: str) -> None:
        """Takes a connection that is being removed out of the calendar; its warnings are dropped when due."""
        await self._calendar.leave(connection)

    async def replace(self, expiration: ScheduledWarning, warning: ExpiryWarning | None) -> None:
        """Puts another warning of the expiration, or none, in the place of one.

        The new row is written first: a crash in between may leave a warning too many, never one too few.
        """
        if warning:
            await self._put(replace(expiration, warning=warning))
        await self._tables.write(names.WARNINGS, expiration.to_row(), Write.DELETE)

    async def due(self, now: datetime) -> AsyncIterator[ScheduledWarning]:
        """The warnings whose time has come, the oldest day first, however long ago that was."""
        days = Range("0", _day(now + timedelta(days=1)))
        continuation = ""
        while True:
            page = await self._tables.page(names.WARNINGS, days, size=_PAGE, continuation=continuation)
            for expiration in map(ScheduledWarning.from_row, page.rows):
                if expiration.warning.due_at <= now:
                    yield expiration
            continuation = page.continuation
            if not continuation:
                return

    async def _put(self, expiration: ScheduledWarning) -> None:
        await self._tables.write(names.WARNINGS, expiration.to_row(), Write.UPSERT)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
