"""The sweep: finds the warnings whose time has come, sends each on its way, and sets the next one.

A warning is announced before the index moves on, so a crash in between announces it again, which makes no
second notice. Missed runs, two timers at once and a clock set back are all the same to it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from onboarding.clock import Clock
from onboarding.connections.cadence import Cadence
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.warning_schedule import ScheduledWarning, WarningSchedule
from onboarding.expiry.warnings import warning
from onboarding.notices.announcing import Notices

log = logging.getLogger(__name__)

_AT_ONCE: Final = 16
"""Warnings that are taken side by side: each waits for storage most of its time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpirySweep:
    """Inspections at the expirations."""

    warning_schedule: WarningSchedule
    connections: ConnectionStore
    notices: Notices
    cadence: Cadence
    clock: Clock

    async def run(self) -> int:
        """Announces every warning that is due; returns how many.

        One that fails is no other's trouble: it is raised when all others are on their way, and stays due.
        """
        announced = 0
        slots = asyncio.Semaphore(_AT_ONCE)
        while True:
            # A warning that was missed may bring another one that is due too: until none is left.
            found = [expiration async for expiration in self.warning_schedule.due(self.clock.now())]
            taken = await asyncio.gather(
                *(self._take(expiration, slots) for expiration in found), return_exceptions=True
            )
            announced += sum(each for each in taken if isinstance(each, int))
            if failures := [each for each in taken if isinstance(each, BaseException)]:
                raise failures[0]
            if not found:
                return announced

    async def _take(self, expiration: ScheduledWarning, slots: asyncio.Semaphore) -> int:
        """Does with a warning what is to be done; returns how many were announced."""
        async with slots:
            try:
                return await self._decide(expiration)
            except Exception:
                log.exception("a warning of %s could not be announced", expiration.connection)
                raise

    async def _decide(self, expiration: ScheduledWarning) -> int:
        kind, now = expiration.kind, self.clock.now()
        connection = await self.connections.get(expiration.connection)
        if connection is None or connection.expirations.get(kind) != expiration.ends_at:
            log.info("dropped a warning of %s: its expiration was moved", expiration.connection)
            await self.warning_schedule.replace(expiration, None)
            return 0
        turn = self.cadence.turn(
            expiration.ends_at,
            expiration.warning.days,
            now,
            acknowledged=connection.acknowledgement(kind) is not None,
            snooze=connection.snooze(kind),
        )
        if turn.announce:
            await self.notices.announce(warning(expiration, connection, now), connection)
        await self.warning_schedule.replace(expiration, turn.following)
        return int(turn.announce)
