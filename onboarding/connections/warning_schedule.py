"""The warning schedule: for each expiration the next warning, by the day on which it is due.

The sweep reads the days up to today, so its cost depends on what is due, not on what exists. After a warning
is announced, the row of the following one replaces its row.
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
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import load, placed, readable


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledWarning:
    """The next warning of one expiration of one connection."""

    connection: str
    tenant: str
    kind: str
    ends_at: datetime
    warning: ExpiryWarning

    def to_row(self) -> Row:
        """The row of the warning: its partition is the day on which it is due."""
        # The expiration's date separates the rows of a renewed secret from those of the old one. The due
        # time separates a warning from one that was snoozed until later the same day.
        moments = f"{keys.milliseconds(self.warning.due_at)}:{keys.milliseconds(self.ends_at)}"
        key = f"{moments}:{self.connection}:{self.kind}:{self.warning.days}"
        return Row(partition=_day(self.warning.due_at), key=key, columns={"document": CODEC.dump(self)})


CODEC: Final = Codec(ScheduledWarning)


class WarningSchedule:
    """Which warnings are due."""

    def __init__(self, tables: Tables, cadence: Cadence, calendar: Calendar) -> None:
        self._tables = tables
        self._cadence = cadence
        self._calendar = calendar

    async def schedule(self, connection: Connection, now: datetime) -> None:
        """Schedules the warnings of a connection, and enters its expirations in the calendar.

        Safe to repeat; the caller repeats it until it succeeds. Call it after a connection is added, and
        after each change of its expirations or owners. An outdated warning is dropped when it is due.
        """
        await self._enter(connection, now)
        await self._agree(connection.id, now, (connection,))

    async def forget(self, connection: str) -> None:
        """Takes a connection that is being removed out of the calendar; its warnings are dropped when due."""
        await self._calendar.leave(connection)

    async def removed(self, connection: str, now: datetime) -> None:
        """Takes a connection out of the calendar whose record is removed, unless another one has its name."""
        await self._agree(connection, now, ())

    async def _agree(self, connection: str, now: datetime, entered: tuple[Connection | None, ...]) -> None:
        """Looks again, until the calendar shows what the record of a connection shows.

        Others can remove the record meanwhile, or add another one with this ID: they may have written before,
        and looked before.

        Args:
            connection: Its ID.
            now: The current time.
            entered: What the calendar shows now, if that is known.
        """
        tenant, _, key = connection.partition(".")
        while True:
            row = await self._tables.get(names.CONNECTIONS, tenant, key)
            records = await readable(self._tables, [row] if row else [], Connection.from_row)
            if row and not records:
                return  # nobody knows what it shows
            latest = records[0] if records else None
            if entered and _shown(entered[0]) == _shown(latest):
                return
            if latest:
                await self._enter(latest, now)
            else:
                await self._calendar.leave(connection)
            entered = (latest,)

    async def _enter(self, connection: Connection, now: datetime) -> None:
        for kind, ends_at in connection.expirations.items():
            scheduled = ScheduledWarning(
                connection=connection.id,
                tenant=connection.tenant,
                kind=kind,
                ends_at=ends_at,
                warning=self._cadence.first(ends_at, now),
            )
            await self._put(scheduled)
        await self._calendar.enter(connection)

    async def replace(self, scheduled: ScheduledWarning, warning: ExpiryWarning | None) -> None:
        """Replaces a warning with the following one of its expiration, or removes it.

        The new row is written first: after a crash in between, there can be one warning too many, but never
        one too few.
        """
        if warning:
            await self._put(replace(scheduled, warning=warning))
        await self._tables.write(names.WARNINGS, scheduled.to_row(), Write.DELETE)

    async def due(self, now: datetime) -> AsyncIterator[ScheduledWarning]:
        """The warnings that are due, the oldest day first, however long ago that was."""
        days = Range("0", _day(now + timedelta(days=1)))
        async for row in self._tables.scan(names.WARNINGS, days):
            for scheduled in await readable(self._tables, [row], _scheduled):
                if scheduled.warning.due_at <= now:
                    yield scheduled

    async def _put(self, scheduled: ScheduledWarning) -> None:
        await self._tables.write(names.WARNINGS, scheduled.to_row(), Write.UPSERT)


def _scheduled(row: Row) -> ScheduledWarning:
    scheduled = load(CODEC, row)
    placed(row, scheduled.to_row())
    return scheduled


def _shown(connection: Connection | None) -> tuple[object, ...]:
    """What the calendar shows of a connection."""
    if connection is None:
        return ()
    return dict(connection.expirations), connection.requester, connection.owner_addresses


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
