"""The documents that the API answers, as the OpenAPI description shows them.

``documents.py`` makes them; the tests hold what is really answered against these. Requests are described by
the model that reads them (``onboarding/cmg/wizard.py``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from onboarding.connections.clocks import ClockState
from onboarding.connections.records import ConnectionState
from onboarding.errors import Severity
from onboarding.expiry.troubles import TroubleState
from onboarding.workflow.dead_letters import Reason
from onboarding.workflow.runs import RunStatus, StepStatus

FullRequest = Annotated[
    dict[str, Any],
    Field(description="The request with all defaults. A secret that was handed over is not in it."),
]


class _Document(BaseModel):
    """JSON in camel case. A field with a default may be missing."""

    model_config = ConfigDict(alias_generator=to_camel)


class Finding(_Document):
    """One thing that is wrong or good to know, where it is, and what to do."""

    code: str
    severity: Severity
    detail: str
    remedy: str = ""
    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the request.")] = ""
    documentation: Annotated[str, Field(json_schema_extra={"format": "uri"})] = ""


class Problem(_Document):
    """An error (RFC 9457). Branch on ``code``, which is stable, not on the sentences."""

    type: Annotated[str, Field(json_schema_extra={"format": "uri"})]
    title: str
    status: int
    detail: str
    code: Annotated[str, Field(description="Also in the header x-ms-error-code.")]
    request_id: Annotated[str, Field(description="Also in the header x-ms-request-id.")]
    errors: Annotated[tuple[Finding, ...], Field(description="All faults of a body at once.")] = ()


class StepError(_Document):
    """Why a step failed, or is tried again."""

    code: str
    title: str
    detail: str
    remedy: str = ""
    request_id: Annotated[str, Field(description="By which Microsoft's support finds the call.")] = ""
    findings: tuple[Finding, ...] = ()
    step: Annotated[str, Field(description="Which step, where the error is an onboarding's.")] = ""


class Requester(_Document):
    """Who asked."""

    id: str
    name: str


class Accepted(_Document):
    """An onboarding that was accepted; its status is at the address in ``Location``."""

    id: UUID
    status: Literal["NotStarted"]
    name: str
    tenant_id: UUID
    created_at: datetime
    requested_by: Requester


class OnboardingSummary(_Document):
    """An onboarding in a list."""

    id: UUID
    status: RunStatus
    name: str
    tenant_id: UUID
    created_at: datetime
    requested_by: Requester
    connection_id: str | None
    error: StepError | None


class Step(_Document):
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


class OperationSummary(_Document):
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


class OperationList(_Document):
    """A page of operations."""

    value: tuple[OperationSummary, ...]
    next_link: str = ""


class OnboardingList(_Document):
    """A page of onboardings."""

    value: tuple[OnboardingSummary, ...]
    next_link: str = ""


class Call(_Document):
    """One call to the cloud; status 0 means that no answer came."""

    service: str
    method: str
    path: str
    status: int
    request_id: str
    client_request_id: str


class Event(_Document):
    """A line of the audit trail."""

    at: datetime
    kind: str
    actor: str
    step: str = ""
    attempt: int = 0
    detail: str = ""
    error: StepError | None = None
    calls: tuple[Call, ...]


class EventList(_Document):
    """A page of an audit trail."""

    value: tuple[Event, ...]
    next_link: str = ""


class PlannedStep(_Document):
    """A step that an onboarding would have."""

    name: str
    title: str
    after: tuple[str, ...]


class PlannedCall(_Document):
    """A call that an onboarding would make; what only answers would tell stands in braces."""

    step: Annotated[str, Field(description="Missing for a call that is made when the request arrives.")] = ""
    service: str
    method: str
    path: str
    body: dict[str, Any] | None = None


class Rehearsal(_Document):
    """What an onboarding would find and do; nothing was written."""

    would_fail: bool
    findings: tuple[Finding, ...]
    steps: tuple[PlannedStep, ...]
    calls: tuple[PlannedCall, ...]
    request: FullRequest


class App(_Document):
    """One of the two app registrations."""

    name: str
    client_id: UUID
    object_id: UUID
    service_principal_id: UUID


class Secret(_Document):
    """Where the client secret is, never what it is."""

    key_id: UUID
    vault_secret_id: str
    ends_at: datetime


class ClockWarning(_Document):
    """A warning that will come."""

    days_before_end: Annotated[int, Field(description="Negative: after the end.")]
    due_at: datetime


class NextWarning(ClockWarning):
    """The warning that comes next, of whichever clock."""

    clock: str


class Acknowledged(_Document):
    """Who has seen that a clock ends."""

    by: str
    at: datetime


class ExpiryClock(_Document):
    """When something ends, and what is said about it."""

    ends_at: datetime
    next_warning: ClockWarning | None
    acknowledged: Annotated[Acknowledged | None, Field(description="After the end it is not repeated then.")]
    snoozed_until: datetime | None


class DirectoryFinding(_Document):
    """Something that the directory says, and that should not be so."""

    code: str
    app: Literal["serverApp", "clientApp"] | None
    since: Annotated[datetime, Field(description="Of the look that found it first.")]
    detail: str
    breaks: str
    remedy: str


class DirectoryState(_Document):
    """What the last look at the directory has found, the oldest first."""

    looked_at: datetime
    findings: tuple[DirectoryFinding, ...]


class Connection(_Document):
    """A service connection."""

    id: str
    name: str
    description: str
    tenant_id: UUID
    tenant_name: str
    azure_environment: str
    subscription_id: UUID
    profile: str
    app_id_uri: str
    server_app: App
    client_app: App
    state: ConnectionState
    secret: Secret
    pending_secret: Annotated[Secret | None, Field(description="A new one that the site does not have yet.")]
    renewal_id: Annotated[UUID | None, Field(description="The renewal that is under way, or failed last.")]
    renew_by: Annotated[datetime, Field(description="The end of the earlier clock.")]
    clocks: Annotated[
        dict[str, ExpiryClock],
        Field(description="secret; application: when the server app is too old to be given a new secret."),
    ]
    next_warning: NextWarning | None
    directory: Annotated[DirectoryState | None, Field(description="Null before the first look.")]
    request: FullRequest
    onboarding_id: UUID
    created_at: datetime


class AppName(_Document):
    """An application, as people and programs find it."""

    name: str
    client_id: UUID


class Owner(_Document):
    """Who answers for a connection."""

    name: str | None = None
    email: str


class Expiration(ExpiryClock):
    """A clock of a connection."""

    connection_id: str
    connection_name: str
    tenant_id: UUID
    tenant_name: str
    server_app: AppName
    clock: str
    state: ClockState
    days_left: Annotated[int, Field(description="Whole days, rounded down; negative after the end.")]
    renew_by: datetime
    owners: tuple[Owner, ...]


class ExpirationList(_Document):
    """A page of what is expiring."""

    value: tuple[Expiration, ...]
    next_link: str = ""


class ConnectionList(_Document):
    """A page of connections."""

    value: tuple[Connection, ...]
    next_link: str = ""


class Rule(_Document):
    """One thing that Configuration Manager needs, and whether it is so; unknown where it may not be read."""

    name: str
    result: Literal["Fail", "Unknown", "Pass"]
    expected: str
    breaks: Annotated[str, Field(description="What an administrator sees when it is not so.")]
    remedy: str


class CheckedApp(_Document):
    """One of the two applications; what is broken comes first."""

    client_id: UUID
    name: Annotated[str | None, Field(description="Null where the directory does not show it.")]
    rules: tuple[Rule, ...]


class Conformance(_Document):
    """What the directory says of two applications."""

    conformant: Annotated[
        bool | None, Field(description="Null: no rule is broken, but not all could be checked.")
    ]
    checked_at: datetime
    profile: str
    connection_id: str | None
    server_app: CheckedApp
    client_app: CheckedApp


class Counted(_Document):
    """How many there are; ``more``: at least so many, the rest was not read."""

    count: int
    more: bool


class Attention(Counted):
    """Something that needs somebody."""

    code: str
    title: str
    url: Annotated[str | None, Field(description="Where to look; null: further down.")]


class OpenRun(_Document):
    """A run that has not ended."""

    id: UUID
    tenant_id: UUID
    since: datetime


class RunsOverview(_Document):
    """The onboardings, or the operations."""

    oldest_open: OpenRun | None
    failed_within_a_week: Counted
    by_status: Annotated[
        dict[str, Counted], Field(description="By status; Running and Waiting are one: Open.")
    ]


class ClockOverview(_Document):
    """A clock that ends soon or has ended lately."""

    connection_id: str
    connection_name: str
    tenant_id: UUID
    clock: str
    ends_at: datetime
    acknowledged: bool


class DeviatingConnection(_Document):
    """A connection of which the directory says something else than it should."""

    connection_id: str
    connection_name: str
    tenant_id: UUID
    codes: tuple[str, ...]
    since: datetime


class ChannelTrouble(_Document):
    """A notice that a channel does not take."""

    channel: str
    state: TroubleState
    kind: str
    connection_id: str
    tenant_id: str
    since: datetime
    attempts: int
    error: StepError


class QueueLength(_Document):
    """About how many messages are on a queue."""

    queue: str
    count: int


class TenantOverview(_Document):
    """A tenant of which there is something to say."""

    tenant_id: UUID
    expiring: int
    deviating: int
    channel_troubles: int
    failed_within_a_week: int
    open: int


class Overview(_Document):
    """How the deployment is, or one tenant of it."""

    checked_at: datetime
    tenant_id: UUID | None
    attention: Annotated[tuple[Attention, ...], Field(description="The gravest first.")]
    onboardings: RunsOverview
    operations: RunsOverview
    expirations: tuple[ClockOverview, ...]
    deviations: tuple[DeviatingConnection, ...]
    channels: tuple[ChannelTrouble, ...]
    queues: tuple[QueueLength, ...]
    tenants: Annotated[tuple[TenantOverview, ...], Field(description="Those with the most first.")]


class DeadLetter(_Document):
    """A message that was given up."""

    id: UUID
    queue: str
    reason: Reason
    detail: str
    run_id: Annotated[str | None, Field(description="The run that it was for.")]
    run_status: Annotated[RunStatus | None, Field(description="Where that run is now.")]
    given_up_at: datetime
    body: str


class PoisonMessage(_Document):
    """A message that the host has put away and that is about to be given up."""

    inserted_at: datetime | None
    deliveries: int
    body: str


class PoisonQueue(_Document):
    """A poison queue with its first messages. It is emptied by itself."""

    queue: str
    count: int
    messages: tuple[PoisonMessage, ...]


class Poison(_Document):
    """A page of messages that were given up, and what lies on the poison queues."""

    value: tuple[DeadLetter, ...]
    next_link: str = ""
    queues: tuple[PoisonQueue, ...]


class Redriven(_Document):
    """What was done with a message that was given up."""

    id: UUID
    outcome: Literal["Retried", "SentAgain", "NothingToDo"]


class GraphPermission(_Document):
    """A permission that the service asks a tenant for."""

    name: str
    used_to: str
    always_needed: bool


class SubscriptionSetup(_Document):
    """Commands that assign the service a role on the subscription."""

    scope: str
    actions: tuple[str, ...]
    custom_role: tuple[str, ...]
    contributor: tuple[str, ...]


class TenantSetup(_Document):
    """What a tenant's administrator has to do before it can be onboarded."""

    tenant_id: UUID
    azure_environment: str
    client_id: UUID
    admin_consent_url: str
    graph_permissions: tuple[GraphPermission, ...]
    subscription: SubscriptionSetup


class Health(_Document):
    """Whether each dependency answers: ``ok`` or ``failing``."""

    status: str
    checks: dict[str, str]
