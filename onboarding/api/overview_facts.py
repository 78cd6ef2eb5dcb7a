"""What the overview has read, each up to a limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onboarding.api.channels import Channel
from onboarding.api.counting import Some
from onboarding.audit.trail_gaps import Round, TrailGap
from onboarding.connections import records
from onboarding.connections.site_waits import SiteWait
from onboarding.drift.drift_index import DriftEntry
from onboarding.notices import failing_deliveries
from onboarding.recovery.epoch import Rewind
from onboarding.storage.periodic_jobs import PeriodicJob
from onboarding.storage.unreadable_rows import UnreadableRow
from onboarding.workflow.blocked_steps import BlockedStep
from onboarding.workflow.index_entry import Entry
from onboarding.workflow.poison_messages import PoisonMessage
from onboarding.workflow.run import RunStatus

OPEN: Final = "Open"
"""Running and waiting runs. Only their steps show which of the two a run is."""

_RECENT: Final = timedelta(days=7)

Expiring = tuple[records.Connection, str]
"""A connection, and one of its expirations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OverviewFacts:
    """What was read."""

    onboardings: Mapping[str, Some[Entry]]  # by status
    operations: Mapping[str, Some[Entry]]
    queues: Mapping[str, int]
    messages: Some[PoisonMessage]
    unreadable: Some[UnreadableRow]
    blocked: Some[BlockedStep]
    expirations: Some[Expiring]  # earliest first
    drifting: Some[DriftEntry]
    waiting: Some[SiteWait]  # whose site is not connected
    failing: Some[failing_deliveries.FailingDelivery]
    channels: Sequence[Channel]  # those that fail first
    jobs: Sequence[PeriodicJob]
    trail_gaps: Some[TrailGap]
    trail_round: Round | None  # of the daily verification
    gap: Rewind | None  # between storage and the vault
    failed_onboardings: Some[Entry]  # until they are retried, rolled back or dismissed
    failed_operations: Some[Entry]
    failed_inspections: Some[Entry]
    ended: Some[Expiring]  # not acknowledged, however long ago
    ends_soon: Some[Expiring]  # not acknowledged
    now: datetime

    def failed(self, statuses: Mapping[str, Some[Entry]]) -> Some[Entry]:
        """The runs that failed within the last week."""
        failed = statuses[RunStatus.FAILED]
        recent = failed.where(lambda entry: entry.announced_at > self.now - _RECENT)
        return Some(recent.found, failed.more and recent.count == failed.count)
