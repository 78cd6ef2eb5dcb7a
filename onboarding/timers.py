"""What the timers run, put together from the parts (``parts.py``).

As there, every member is made when it is first asked for, and making one does no I/O.
"""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import Final

from onboarding.connections.site_waits import SiteWaits
from onboarding.drift.inspection_sweep import InspectionSweep
from onboarding.expiry.hand_overs import HandOverReminders
from onboarding.expiry.sweep import ExpirySweep
from onboarding.lifecycle.automatic_renewals import AutomaticRenewals
from onboarding.lifecycle.kept_secrets import KeptSecrets
from onboarding.parts import Parts, parts
from onboarding.storage.periodic_jobs import PeriodicJobs, Tally, Work

_REMEMBERED: Final = timedelta(days=30)


class Timers:
    """One member for each job of a timer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @functools.cached_property
    def jobs(self) -> PeriodicJobs:
        """Runs the jobs, and records how they ended."""
        return PeriodicJobs(self._parts.tables)

    def when_present(self, work: Work) -> Work:
        """What a timer runs, unless storage was restored: its records are outdated then."""

        async def run() -> int | Tally:
            return await work() if await self._parts.epoch.is_present() else 0

        return run

    @functools.cached_property
    def expiry_sweep(self) -> ExpirySweep:
        """Announces the warnings that are due."""
        parts = self._parts
        return ExpirySweep(
            warning_schedule=parts.warning_schedule,
            connections=parts.connection_store,
            notices=parts.notices,
            cadence=parts.cadence,
            audit=parts.onboarding_runs.store,
            clock=parts.clock,
        )

    @functools.cached_property
    def hand_over_reminders(self) -> HandOverReminders:
        """Reminds of sites that are not connected."""
        parts = self._parts
        return HandOverReminders(
            waits=SiteWaits(parts.tables),
            connections=parts.connection_store,
            notices=parts.notices,
            clock=parts.clock,
            days=parts.settings.handover_reminder_days,
        )

    @functools.cached_property
    def automatic_renewals(self) -> AutomaticRenewals:
        """Starts the renewals that are due."""
        parts = self._parts
        return AutomaticRenewals(
            calendar=parts.calendar,
            connections=parts.connection_store,
            operations=parts.operation_runs,
            clock=parts.clock,
            days=parts.settings.renew_before_days,
            time_limit_days=parts.settings.renewal_time_limit_days,
        )

    @functools.cached_property
    def inspection_sweep(self) -> InspectionSweep:
        """Starts the inspections of the day."""
        parts = self._parts
        return InspectionSweep(
            inspection_schedule=parts.inspection_schedule,
            calendar=parts.calendar,
            runs=parts.inspection_runs,
            clock=parts.clock,
        )

    async def forget_retried(self) -> int:
        """Forgets the poison messages that were sent again and have not come back for 30 days."""
        return await self._parts.poison_messages.forget_retried(self._parts.clock.now() - _REMEMBERED)

    @functools.cached_property
    def kept_secrets(self) -> KeptSecrets:
        """Removes secrets that were handed over, and that nothing uses."""
        parts = self._parts
        return KeptSecrets(lambda: parts.services, parts.trail, parts.epoch.reconciled_at)


@functools.cache
def timers() -> Timers:
    """The jobs of this process."""
    return Timers(parts())
