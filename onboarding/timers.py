"""What the timers run, put together from the parts (``parts``).

Every member is created when it is first needed, and creating one does no I/O.
"""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import Final

from onboarding.connections.site_waits import SiteWaits
from onboarding.drift.inspection_sweep import InspectionSweep
from onboarding.expiry.expiry_sweep import ExpirySweep
from onboarding.expiry.handovers import HandoverReminders
from onboarding.lifecycle.automatic_renewals import AutomaticRenewals
from onboarding.lifecycle.kept_secrets import KeptSecrets
from onboarding.notices.matter_watch import MatterWatch
from onboarding.parts.process import Parts, parts
from onboarding.storage.periodic_jobs import PeriodicJobs, Tally, Work

_REMEMBERED: Final = timedelta(days=30)


class Timers:
    """One member for each job of a timer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def jobs(self) -> PeriodicJobs:
        """Runs the jobs, and records how they ended."""
        return self._parts.stores.periodic_jobs

    async def sweep_onboardings(self) -> None:
        """Continues runs and channels, and checks whether storage is current."""
        parts = self._parts
        works = [work for engine in parts.engines.values() for work in (engine.sweep, engine.collect)]
        watch = parts.messaging.channel_watch
        await self.jobs.run("sweep_onboardings", parts.epoch.advance, *works, watch.sweep)

    async def sweep_expirations(self) -> None:
        """Announces due warnings and reminders, starts due renewals, and closes what has ended."""
        works = (
            self.expiry_sweep.run,
            self.automatic_renewals.run,
            self.handover_reminders.run,
            self.matter_watch.sweep,
        )
        await self.jobs.run("sweep_expirations", *(self._when_present(work) for work in works))

    async def sweep_directory(self) -> None:
        """Inspects the tenants, clears the vault, and verifies the audit trail."""
        works = [self._when_present(work) for work in (self.inspection_sweep.run, self.kept_secrets.clear)]
        await self.jobs.run(
            "sweep_directory", *works, self.forget_retried, self._parts.stores.trail_watch.run
        )

    def _when_present(self, work: Work) -> Work:
        """What a timer runs, unless storage was restored, because its records are then outdated."""

        async def run() -> int | Tally:
            return await work() if await self._parts.epoch.is_present() else 0

        return run

    @functools.cached_property
    def expiry_sweep(self) -> ExpirySweep:
        """Announces the warnings that are due."""
        parts = self._parts
        return ExpirySweep(
            warning_schedule=parts.stores.warning_schedule,
            connections=parts.stores.connection_store,
            notices=parts.messaging.notices,
            cadence=parts.stores.cadence,
            audit=parts.onboarding_runs.store,
            clock=parts.clock,
        )

    @functools.cached_property
    def handover_reminders(self) -> HandoverReminders:
        """Sends reminders about sites that are not connected."""
        parts = self._parts
        return HandoverReminders(
            waits=SiteWaits(parts.stores.tables),
            connections=parts.stores.connection_store,
            notices=parts.messaging.notices,
            clock=parts.clock,
            days=parts.settings.handover_reminder_days,
        )

    @functools.cached_property
    def matter_watch(self) -> MatterWatch:
        """Closes the matters that have ended without an event."""
        parts = self._parts
        return MatterWatch(
            matters=parts.messaging.open_matters,
            notices=parts.messaging.notices,
            connections=parts.stores.connection_store,
            cadence=parts.stores.cadence,
            runs={"onboardings": parts.onboarding_runs, "operations": parts.operation_runs},
            states=parts.messaging.channel_states,
            channels=parts.messaging.channel_names.all,
        )

    @functools.cached_property
    def automatic_renewals(self) -> AutomaticRenewals:
        """Starts the renewals that are due."""
        parts = self._parts
        return AutomaticRenewals(
            calendar=parts.stores.calendar,
            connections=parts.stores.connection_store,
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
            inspection_schedule=parts.stores.inspection_schedule,
            calendar=parts.stores.calendar,
            runs=parts.inspection_runs,
            clock=parts.clock,
        )

    async def forget_retried(self) -> int:
        """Forgets the poison messages that were sent again and have not come back for 30 days."""
        return await self._parts.stores.poison_messages.forget_retried(self._parts.clock.now() - _REMEMBERED)

    @functools.cached_property
    def kept_secrets(self) -> KeptSecrets:
        """Removes unused secrets that were provided."""
        parts = self._parts
        return KeptSecrets(lambda: parts.services, parts.stores.trail, parts.epoch.reconciled_at)


@functools.cache
def timers() -> Timers:
    """The jobs of this process."""
    return Timers(parts())
