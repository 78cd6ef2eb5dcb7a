"""The sweep: announces the warnings that are due, and schedules the next ones.

A warning is announced before the schedule changes. After a crash in between it is announced again, which does
not create a second notice. Missed runs, two timers at once and a clock that is set back are harmless.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Final

from onboarding.clock import Clock
from onboarding.connections.cadence import SECRET, Cadence, ExpiryWarning
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection, ConnectionState
from onboarding.connections.warning_schedule import ScheduledWarning, WarningSchedule
from onboarding.notices.announcing import Notices
from onboarding.notices.warning_texts import warning
from onboarding.storage.periodic_jobs import Tally
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.workflow.run import SERVICE, Event
from onboarding.workflow.run_store import RunStore

log = logging.getLogger(__name__)

_AT_ONCE: Final = 16
"""Warnings that are handled at the same time: each mostly waits for storage."""


class ExpirySweep:
    """What the timer runs."""

    def __init__(
        self,
        *,
        warning_schedule: WarningSchedule,
        connections: ConnectionStore,
        notices: Notices,
        cadence: Cadence,
        audit: RunStore,
        clock: Clock,
    ) -> None:
        self._warning_schedule = warning_schedule
        self._connections = connections
        self._notices = notices
        self._cadence = cadence
        self._audit = audit
        self._clock = clock

    async def run(self) -> Tally:
        """Announces every warning that is due; returns how many were due and how many it announced.

        A failure does not affect the other warnings: it is raised at the end, and its warning stays due.
        """
        found, announced, handled = 0, 0, set[ScheduledWarning]()
        failures: list[BaseException] = []
        slots = asyncio.Semaphore(_AT_ONCE)
        while True:
            # After a clock that was set back, the warning after a sent one may be due too.
            due = [
                scheduled
                async for scheduled in self._warning_schedule.due(self._clock.now())
                if scheduled not in handled
            ]
            results = await asyncio.gather(
                *(self._handle(scheduled, slots) for scheduled in due), return_exceptions=True
            )
            found += len(due)
            announced += sum(result for result in results if isinstance(result, int))
            failures += [result for result in results if isinstance(result, BaseException)]
            handled |= set(due)
            if due:
                continue
            if serious := [failure for failure in failures if not isinstance(failure, UnreadableRowError)]:
                raise serious[0]
            return Tally(found=found, done=announced)

    async def _handle(self, scheduled: ScheduledWarning, slots: asyncio.Semaphore) -> int:
        """Handles one warning; returns how many were announced."""
        async with slots:
            try:
                return await self._decide(scheduled)
            except Exception:
                log.exception("a warning of %s could not be announced", scheduled.connection)
                raise

    async def _decide(self, scheduled: ScheduledWarning) -> int:
        kind, now = scheduled.kind, self._clock.now()
        connection = await self._connections.get(scheduled.connection)
        if connection is None or connection.expirations.get(kind) != scheduled.ends_at:
            log.info("dropped a warning of %s: its expiration has changed", scheduled.connection)
            await self._warning_schedule.replace(scheduled, None)
            return 0
        turn = self._cadence.turn(
            scheduled.ends_at,
            scheduled.warning.days,
            now,
            acknowledged=connection.is_acknowledged(kind),
            snooze=connection.snooze(kind),
        )
        if turn.announce and not _is_known(connection, scheduled, turn.announce):
            due = replace(scheduled, warning=turn.announce)
            await self._notices.announce(warning(due, connection, now), connection)
            await self._record(due, connection, turn.passed)
            await self._warning_schedule.replace(scheduled, turn.following)
            return 1
        await self._warning_schedule.replace(scheduled, turn.following)
        return 0

    async def _record(
        self, announced: ScheduledWarning, connection: Connection, passed: tuple[int, ...]
    ) -> None:
        """Records in the audit trail which thresholds passed without a warning. Safe to repeat."""
        if not passed:
            return
        skipped = ", ".join(map(str, passed))
        event = Event.by(
            SERVICE,
            run=connection.onboarding,
            at=announced.warning.due_at,
            kind="thresholds-passed",
            detail=(
                f"The expiration '{announced.kind}' on {announced.ends_at:%Y-%m-%d}: the warnings {skipped} "
                f"days before it were late. The warning of day {announced.warning.days} replaces them."
            ),
        )
        await self._audit.commit([], [event])


def _is_known(connection: Connection, scheduled: ScheduledWarning, due: ExpiryWarning) -> bool:
    """Whether people do not need a warning: the connection is being removed, or a notice was sent first.

    An inspection announces at once that a secret no longer works; only the repetitions are warnings.
    """
    if connection.state is not ConnectionState.ACTIVE:
        return True
    return scheduled.kind == SECRET and connection.lost is not None and due.days >= 0
