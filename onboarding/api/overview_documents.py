"""The overview as a document: what needs attention first, then the parts, then the tenants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import Field

from onboarding.api.attention import Attention, attention, opened
from onboarding.api.blocked_runs import BlockedRuns
from onboarding.api.channels import Channel
from onboarding.api.counting import Counted, Some
from onboarding.api.documents import (
    CodeVersion,
    DifferenceCode,
    Document,
    ExpirationKind,
    NoticeKind,
    StoredId,
)
from onboarding.api.job_documents import JobOverview, TrailOverview
from onboarding.api.overview_facts import Expiring, OverviewFacts
from onboarding.api.told import StepError
from onboarding.drift.drift_index import DriftEntry
from onboarding.lifecycle.requests import TENANT
from onboarding.notices import failing_deliveries
from onboarding.notices.failing_deliveries import DeliveryState
from onboarding.words.word import Word
from onboarding.workflow.index_entry import Entry

_SHOWN: Final = 10
_TENANTS: Final = 100


class OpenRun(Document):
    """A run that has not ended."""

    id: StoredId
    tenant_id: StoredId
    since: datetime

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """The run of an entry of the index."""
        return cls(id=entry.run, tenant_id=entry.lists.get(TENANT, ""), since=entry.announced_at)


class RunsOverview(Document):
    """The onboardings, or the operations."""

    oldest_open: OpenRun | None
    failed_within_a_week: Counted
    by_status: Annotated[
        dict[str, Counted], Field(description="By status. Running and Waiting are counted together: Open.")
    ]

    @classmethod
    def of(cls, statuses: Mapping[str, Some[Entry]], facts: OverviewFacts) -> Self:
        """The runs of one kind."""
        oldest = min(opened(statuses).found, key=lambda entry: entry.announced_at, default=None)
        return cls(
            oldest_open=OpenRun.of(oldest) if oldest else None,
            failed_within_a_week=facts.failed(statuses),
            by_status=dict(statuses),
        )


class ExpirationOverview(Document):
    """Something that expires soon or has expired."""

    connection_id: str
    connection_name: Word
    tenant_id: StoredId
    kind: ExpirationKind
    ends_at: datetime
    acknowledged: bool

    @classmethod
    def of(cls, expiring: Expiring) -> Self:
        """An expiration of a connection."""
        connection, kind = expiring
        return cls(
            connection_id=connection.id,
            connection_name=connection.name,
            tenant_id=connection.tenant,
            kind=kind,
            ends_at=connection.expirations[kind],
            acknowledged=connection.acknowledgement(kind) is not None,
        )


class DriftingConnection(Document):
    """A connection that differs from the expected state in the directory."""

    connection_id: str
    connection_name: Word
    tenant_id: StoredId
    codes: tuple[DifferenceCode, ...]
    since: datetime

    @classmethod
    def of(cls, drifting: DriftEntry) -> Self:
        """An entry of the index of differences."""
        return cls(
            connection_id=drifting.connection,
            connection_name=drifting.name,
            tenant_id=drifting.tenant,
            codes=drifting.codes,
            since=drifting.since,
        )


class FailingDelivery(Document):
    """A notice that a channel does not accept."""

    id: StoredId
    channel: str
    state: DeliveryState
    kind: NoticeKind
    connection_id: str
    tenant_id: str
    since: datetime
    attempts: int
    error: StepError

    @classmethod
    def of(cls, failing: failing_deliveries.FailingDelivery) -> Self:
        """A delivery that fails."""
        return cls(
            id=failing.delivery,
            channel=failing.channel,
            state=failing.state,
            kind=failing.kind,
            connection_id=failing.connection,
            tenant_id=failing.tenant,
            since=failing.announced_at,
            attempts=failing.attempts,
            error=failing.error,
        )


class QueueLength(Document):
    """The approximate number of messages on a queue."""

    queue: str
    count: int


class TenantOverview(Document):
    """A tenant that needs attention or has runs in progress."""

    tenant_id: StoredId
    expiring: int
    drifting: int
    waiting_for_site: int
    failing_deliveries: int
    failed_within_a_week: int
    open: int


class Overview(Document):
    """The state of the deployment, or of one tenant."""

    checked_at: datetime
    version: CodeVersion
    tenant_id: UUID | None
    attention: Annotated[tuple[Attention, ...], Field(description="The most serious first.")]
    onboardings: RunsOverview
    operations: RunsOverview
    blocked: Annotated[
        tuple[BlockedRuns, ...],
        Field(description="What runs wait for, by cause. They continue by themselves."),
    ]
    expirations: tuple[ExpirationOverview, ...]
    differences: tuple[DriftingConnection, ...]
    waiting_for_site: Annotated[
        Counted, Field(description="Connections whose handover nobody has confirmed.")
    ]
    channels: Annotated[tuple[Channel, ...], Field(description="Failing ones first.")]
    deliveries: Annotated[
        tuple[FailingDelivery, ...], Field(description="Notices that a channel does not accept.")
    ]
    jobs: tuple[JobOverview, ...]
    trail: TrailOverview | None
    queues: tuple[QueueLength, ...]
    tenants: Annotated[tuple[TenantOverview, ...], Field(description="Those with the most entries first.")]
    incomplete: Annotated[
        tuple[str, ...],
        Field(description="The lists of this document for which not everything was read, or is shown."),
    ]

    @classmethod
    def of(cls, facts: OverviewFacts, tenant: str | None, url: Callable[[str], str]) -> Self:
        """The overview. ``url`` makes the URL of a path."""
        expirations = facts.expirations.shown(_SHOWN, lambda found: found[0].tenant, lambda found: found[1])
        differences = facts.drifting.shown(_SHOWN, lambda found: found.tenant, lambda found: found.codes)
        deliveries = facts.failing.shown(_SHOWN, lambda found: found.tenant, lambda found: found.channel)
        causes, tenants = Some(BlockedRuns.all_of(facts.blocked), more=False), [*_tenants(facts)]
        return cls(
            checked_at=facts.now,
            version=CodeVersion.current(),
            tenant_id=tenant,
            attention=tuple(attention(facts, url)),
            onboardings=RunsOverview.of(facts.onboardings, facts),
            operations=RunsOverview.of(facts.operations, facts),
            blocked=tuple(causes.shown(_SHOWN, lambda cause: cause.tenants)),
            expirations=tuple(map(ExpirationOverview.of, expirations)),
            differences=tuple(map(DriftingConnection.of, differences)),
            waiting_for_site=facts.waiting,
            channels=tuple(facts.channels[:_SHOWN]),
            deliveries=tuple(map(FailingDelivery.of, deliveries)),
            jobs=tuple(JobOverview.of(job, facts.now) for job in facts.jobs),
            trail=TrailOverview.of(facts.trail_round) if facts.trail_round else None,
            queues=tuple(QueueLength(queue=name, count=count) for name, count in facts.queues.items()),
            tenants=tuple(tenants[:_TENANTS]),
            incomplete=tuple(_incomplete(facts, causes=causes.count, tenants=len(tenants))),
        )


def _incomplete(facts: OverviewFacts, *, causes: int, tenants: int) -> Iterator[str]:
    """The lists that were not read completely, or have more than is shown.

    Args:
        facts: What was read.
        causes: The number of causes for which runs wait.
        tenants: The number of tenants with entries.
    """
    sources: dict[str, tuple[bool, list[Some[Any]]]] = {
        "blocked": (causes > _SHOWN, [facts.blocked]),
        "expirations": (facts.expirations.count > _SHOWN, [facts.expirations]),
        "differences": (facts.drifting.count > _SHOWN, [facts.drifting]),
        "channels": (len(facts.channels) > _SHOWN, []),
        "deliveries": (facts.failing.count > _SHOWN, [facts.failing]),
        "tenants": (
            tenants > _TENANTS,
            [
                opened(facts.onboardings),
                facts.failed(facts.onboardings),
                facts.waiting,
                facts.expirations,
                facts.drifting,
                facts.failing,
            ],
        ),
    }
    yield from (name for name, (cut, read) in sources.items() if cut or any(some.more for some in read))


def _tenants(facts: OverviewFacts) -> Iterator[TenantOverview]:
    """The tenants with entries, those with the most first."""
    columns: Mapping[str, Iterable[str]] = {
        "expiring": (connection.tenant for connection, _ in facts.expirations.found),
        "drifting": (drifting.tenant for drifting in facts.drifting.found),
        "waiting_for_site": (wait.tenant for wait in facts.waiting.found),
        "failing_deliveries": (
            failing.tenant for failing in facts.failing.found if failing.tenant
        ),  # no digests
        "failed_within_a_week": (
            entry.lists.get(TENANT, "") for entry in facts.failed(facts.onboardings).found
        ),
        "open": (entry.lists.get(TENANT, "") for entry in opened(facts.onboardings).found),
    }
    counted = {name: Counter(tenants) for name, tenants in columns.items()}
    total = sum(counted.values(), Counter[str]())
    del total[""]  # of runs whose entry in the index is damaged
    for tenant, _ in total.most_common():
        yield TenantOverview(tenant_id=tenant, **{name: counts[tenant] for name, counts in counted.items()})
