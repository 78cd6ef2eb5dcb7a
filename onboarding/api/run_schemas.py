"""What is answered of onboardings and operations: their steps, their trail, what they would do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from onboarding.api.schemas import Document, Finding, FullRequest, StepError
from onboarding.workflow.run import RunStatus, StepStatus


class Requester(Document):
    """Who asked."""

    id: str
    name: str


class Accepted(Document):
    """An onboarding that was accepted; its status is at the address in ``Location``."""

    id: UUID
    status: Literal["NotStarted"]
    name: str
    tenant_id: UUID
    created_at: datetime
    requested_by: Requester


class OnboardingSummary(Document):
    """An onboarding in a list."""

    id: UUID
    status: RunStatus
    name: str
    tenant_id: UUID
    created_at: datetime
    requested_by: Requester
    connection_id: str | None
    error: StepError | None


class Step(Document):
    """One step of a run."""

    name: str
    title: str
    status: StepStatus
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    next_attempt_at: datetime | None
    waiting_for: str | None
    action_urls: Annotated[tuple[str, ...], Field(description="Where somebody has to do something.")]
    error: StepError | None


class Onboarding(OnboardingSummary):
    """An onboarding with its steps."""

    steps: tuple[Step, ...]
    findings: Annotated[tuple[Finding, ...], Field(description="What the preflight found.")]
    request: FullRequest
    events_url: str


class OperationSummary(Document):
    """A renewal or a removal in a list."""

    id: UUID
    kind: Literal["renewal", "removal"]
    status: RunStatus
    name: Annotated[str, Field(description="Of the connection.")]
    tenant_id: UUID
    created_at: datetime
    requested_by: Requester
    connection_id: str | None
    onboarding_id: Annotated[UUID | None, Field(description="The onboarding that is undone.")]
    error: StepError | None


class Operation(OperationSummary):
    """A renewal or a removal with its steps."""

    steps: tuple[Step, ...]
    events_url: str


class OperationList(Document):
    """A page of operations."""

    value: tuple[OperationSummary, ...]
    next_link: str = ""


class OnboardingList(Document):
    """A page of onboardings."""

    value: tuple[OnboardingSummary, ...]
    next_link: str = ""


class Call(Document):
    """One call to the cloud; status 0 means that no answer came."""

    service: str
    method: str
    path: str
    status: int
    request_id: str
    client_request_id: str


class Event(Document):
    """A line of the audit trail."""

    at: datetime
    kind: str
    actor: str
    step: str = ""
    attempt: int = 0
    detail: str = ""
    error: StepError | None = None
    calls: tuple[Call, ...]


class EventList(Document):
    """A page of an audit trail."""

    value: tuple[Event, ...]
    next_link: str = ""


class PlannedStep(Document):
    """A step that an onboarding would have."""

    name: str
    title: str
    after: tuple[str, ...]


class PlannedCall(Document):
    """A call that an onboarding would make; what only answers would tell stands in braces."""

    step: Annotated[str, Field(description="Missing for a call that is made when the request arrives.")] = ""
    service: str
    method: str
    path: str
    body: dict[str, Any] | None = None


class Rehearsal(Document):
    """What an onboarding would find and do; nothing was written."""

    would_fail: bool
    findings: tuple[Finding, ...]
    steps: tuple[PlannedStep, ...]
    calls: tuple[PlannedCall, ...]
    request: FullRequest
