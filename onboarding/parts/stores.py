"""The parts that store something in the tables, the queues and the append-only copy of the trail."""

from __future__ import annotations

import functools

from onboarding.audit.trail import Trail
from onboarding.audit.trail_gaps import TrailGaps
from onboarding.audit.trail_watch import TrailWatch
from onboarding.audit.verification import Verification
from onboarding.clock import Clock
from onboarding.connections.cadence import Cadence
from onboarding.connections.calendar import Calendar
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.drift.drift_index import DriftIndex
from onboarding.drift.inspection_schedule import InspectionSchedule
from onboarding.settings import Settings
from onboarding.storage import account, names
from onboarding.storage.ledgers import Ledgers
from onboarding.storage.periodic_jobs import PeriodicJobs
from onboarding.storage.queues import Queues
from onboarding.storage.tables import Tables
from onboarding.workflow.poison_messages import PoisonMessages


class Stores:
    """The storage account, and its content apart from runs."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    @functools.cached_property
    def tables(self) -> Tables:
        """The tables of the storage account."""
        return Tables(account.table_service(self._settings), self._clock)

    @functools.cached_property
    def queues(self) -> Queues:
        """The queues of the storage account."""
        return Queues(account.queue_service(self._settings))

    @functools.cached_property
    def ledgers(self) -> Ledgers:
        """The append-only copy of the audit trail."""
        return Ledgers(lambda: account.blob_container(self._settings, names.LEDGERS))

    @functools.cached_property
    def trail(self) -> Trail:
        """The audit trail."""
        return Trail(tables=self.tables, ledgers=self.ledgers)

    @functools.cached_property
    def verification(self) -> Verification:
        """Compares the audit trail with its copy."""
        return Verification(tables=self.tables, ledgers=self.ledgers)

    @functools.cached_property
    def trail_gaps(self) -> TrailGaps:
        """The known gaps of the audit trail."""
        return TrailGaps(self.tables)

    @functools.cached_property
    def periodic_jobs(self) -> PeriodicJobs:
        """How the jobs of the timers ended."""
        return PeriodicJobs(self.tables)

    @functools.cached_property
    def trail_watch(self) -> TrailWatch:
        """Verifies the audit trail once a day."""
        return TrailWatch(
            verification=self.verification,
            gaps=self.trail_gaps,
            jobs=self.periodic_jobs,
            clock=self._clock,
        )

    @functools.cached_property
    def poison_messages(self) -> PoisonMessages:
        """Messages that could not be processed."""
        return PoisonMessages(self.tables, names.POISON_MESSAGES)

    @functools.cached_property
    def connection_store(self) -> ConnectionStore:
        """The connections."""
        return ConnectionStore(self.tables)

    @functools.cached_property
    def calendar(self) -> Calendar:
        """All expirations, by date."""
        return Calendar(self.tables)

    @functools.cached_property
    def cadence(self) -> Cadence:
        """When warnings are due."""
        settings = self._settings
        return Cadence(thresholds=settings.expiry_thresholds, repeat=settings.expired_repeat_days)

    @functools.cached_property
    def warning_schedule(self) -> WarningSchedule:
        """The next warning of each expiration."""
        return WarningSchedule(self.tables, self.cadence, self.calendar)

    @functools.cached_property
    def inspection_schedule(self) -> InspectionSchedule:
        """The day on which each connection is inspected."""
        return InspectionSchedule(self.tables, days=self._settings.inspect_every_days)

    @functools.cached_property
    def drift_index(self) -> DriftIndex:
        """The connections that differ from the expected state."""
        return DriftIndex(self.tables)
