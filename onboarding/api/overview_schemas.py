"""What the overview answers: what needs somebody first, then everything else."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from onboarding.api.schemas import Document, StepError
from onboarding.notices.failing_deliveries import DeliveryState


class Counted(Document):
    """How many there are; ``more``: at least so many, the rest was not read."""

    count: int
    more: bool


class Attention(Counted):
    """Something that needs somebody."""

    code: str
    title: str
    url: Annotated[str | None, Field(description="Where to look; null: further down.")]


class OpenRun(Document):
    """A run that has not ended."""

    id: UUID
    tenant_id: UUID
    since: datetime


class RunsOverview(Document):
    """The onboardings, or the operations."""

    oldest_open: OpenRun | None
    failed_within_a_week: Counted
    by_status: Annotated[
        dict[str, Counted], Field(description="By status; Running and Waiting are one: Open.")
    ]


class ExpirationOverview(Document):
    """An expiration that ends soon or has ended lately."""

    connection_id: str
    connection_name: str
    tenant_id: UUID
    kind: str
    ends_at: datetime
    acknowledged: bool


class DriftingConnection(Document):
    """A connection of which the directory says something else than it should."""

    connection_id: str
    connection_name: str
    tenant_id: UUID
    codes: tuple[str, ...]
    since: datetime


class FailingDelivery(Document):
    """A notice that a channel does not take."""

    channel: str
    state: DeliveryState
    kind: str
    connection_id: str
    tenant_id: str
    since: datetime
    attempts: int
    error: StepError


class QueueLength(Document):
    """About how many messages are on a queue."""

    queue: str
    count: int


class TenantOverview(Document):
    """A tenant of which there is something to say."""

    tenant_id: UUID
    expiring: int
    drifting: int
    failing_deliveries: int
    failed_within_a_week: int
    open: int


class Overview(Document):
    """How the deployment is, or one tenant of it."""

    checked_at: datetime
    tenant_id: UUID | None
    attention: Annotated[tuple[Attention, ...], Field(description="The gravest first.")]
    onboardings: RunsOverview
    operations: RunsOverview
    expirations: tuple[ExpirationOverview, ...]
    drift: tuple[DriftingConnection, ...]
    channels: tuple[FailingDelivery, ...]
    queues: tuple[QueueLength, ...]
    tenants: Annotated[tuple[TenantOverview, ...], Field(description="Those with the most first.")]
