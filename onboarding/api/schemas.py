"""The documents that the API answers, as the OpenAPI description shows them.

Those of runs are in ``run_schemas.py``, those of the overview in ``overview_schemas.py``. The tests hold what
is really answered against them. Requests are described by the models that read them (``onboarding/cmg``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from onboarding.connections.cadence import ExpirationState
from onboarding.connections.records import ConnectionState
from onboarding.errors import Severity
from onboarding.workflow.poison_messages import Reason
from onboarding.workflow.run import RunStatus

FullRequest = Annotated[
    dict[str, Any],
    Field(description="The request with all defaults. A secret that was handed over is not in it."),
]


class Document(BaseModel):
    """JSON in camel case. A field with a default may be missing."""

    model_config = ConfigDict(alias_generator=to_camel)


class Finding(Document):
    """One thing that is wrong or good to know, where it is, and what to do."""

    code: str
    severity: Severity
    detail: str
    remedy: str = ""
    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the request.")] = ""
    documentation: Annotated[str, Field(json_schema_extra={"format": "uri"})] = ""


class Problem(Document):
    """An error (RFC 9457). Branch on ``code``, which is stable, not on the sentences."""

    type: Annotated[str, Field(json_schema_extra={"format": "uri"})]
    title: str
    status: int
    detail: str
    code: Annotated[str, Field(description="Also in the header x-ms-error-code.")]
    request_id: Annotated[str, Field(description="Also in the header x-ms-request-id.")]
    errors: Annotated[tuple[Finding, ...], Field(description="All faults of a body at once.")] = ()


class StepError(Document):
    """Why a step failed, or is tried again."""

    code: str
    title: str
    detail: str
    remedy: str = ""
    request_id: Annotated[str, Field(description="By which Microsoft's support finds the call.")] = ""
    findings: tuple[Finding, ...] = ()
    step: Annotated[str, Field(description="Which step, where the error is an onboarding's.")] = ""


class App(Document):
    """One of the two app registrations."""

    name: str
    client_id: UUID
    object_id: UUID
    service_principal_id: UUID


class Secret(Document):
    """Where the client secret is, never what it is."""

    key_id: UUID
    vault_secret_id: str
    ends_at: datetime


class PlannedWarning(Document):
    """A warning that will come."""

    days_before_end: Annotated[int, Field(description="Negative: after the end.")]
    due_at: datetime


class NextWarning(PlannedWarning):
    """The warning that comes next, of whichever expiration."""

    expiration: str


class Acknowledged(Document):
    """Who has seen that an expiration ends."""

    by: str
    at: datetime


class ExpirationDetails(Document):
    """When something ends, and what is said about it."""

    ends_at: datetime
    next_warning: PlannedWarning | None
    acknowledged: Annotated[Acknowledged | None, Field(description="After the end it is not repeated then.")]
    snoozed_until: datetime | None


class DirectoryFinding(Document):
    """Something that the directory says, and that should not be so."""

    code: str
    app: Literal["serverApp", "clientApp"] | None
    since: Annotated[datetime, Field(description="Of the look that found it first.")]
    detail: str
    impact: str
    remedy: str


class DirectoryState(Document):
    """What the last look at the directory has found, the oldest first."""

    inspected_at: datetime
    findings: tuple[DirectoryFinding, ...]


class Connection(Document):
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
    renew_by: Annotated[datetime, Field(description="The end of the earlier expiration.")]
    expirations: Annotated[
        dict[str, ExpirationDetails],
        Field(description="secret; application: when the server app is too old to be given a new secret."),
    ]
    next_warning: NextWarning | None
    directory: Annotated[DirectoryState | None, Field(description="Null before the first look.")]
    request: FullRequest
    onboarding_id: UUID
    created_at: datetime


class AppName(Document):
    """An application, as people and programs find it."""

    name: str
    client_id: UUID


class Owner(Document):
    """Who answers for a connection."""

    name: str | None = None
    email: str


class Expiration(ExpirationDetails):
    """An expiration of a connection."""

    connection_id: str
    connection_name: str
    tenant_id: UUID
    tenant_name: str
    server_app: AppName
    kind: str
    state: ExpirationState
    days_left: Annotated[int, Field(description="Whole days, rounded down; negative after the end.")]
    renew_by: datetime
    owners: tuple[Owner, ...]


class Feed(Document):
    """An address of a calendar. Whoever has it reads what its maker sees."""

    url: str
    expires_at: datetime


class ExpirationList(Document):
    """A page of what is expiring."""

    value: tuple[Expiration, ...]
    next_link: str = ""


class ConnectionList(Document):
    """A page of connections."""

    value: tuple[Connection, ...]
    next_link: str = ""


class Check(Document):
    """One thing that Configuration Manager needs, and whether it is so; unknown where it may not be read."""

    name: str
    result: Literal["Fail", "Unknown", "Pass"]
    expected: str
    impact: Annotated[str, Field(description="What an administrator sees when it is not so.")]
    remedy: str


class CheckedApp(Document):
    """One of the two applications; what is broken comes first."""

    client_id: UUID
    name: Annotated[str | None, Field(description="Null where the directory does not show it.")]
    rules: tuple[Check, ...]


class Conformance(Document):
    """What the directory says of two applications."""

    conformant: Annotated[
        bool | None, Field(description="Null: no rule is broken, but not all could be checked.")
    ]
    checked_at: datetime
    profile: str
    connection_id: str | None
    server_app: CheckedApp
    client_app: CheckedApp


class PoisonMessage(Document):
    """A message that was given up."""

    id: UUID
    queue: str
    reason: Reason
    detail: str
    run_id: Annotated[str | None, Field(description="The run that it was for.")]
    run_status: Annotated[RunStatus | None, Field(description="Where that run is now.")]
    given_up_at: datetime
    body: str


class QueuedMessage(Document):
    """A message that the host has put away and that is about to be given up."""

    inserted_at: datetime | None
    deliveries: int
    body: str


class PoisonQueue(Document):
    """A poison queue with its first messages. It is emptied by itself."""

    queue: str
    count: int
    messages: tuple[QueuedMessage, ...]


class Poison(Document):
    """A page of messages that were given up, and what lies on the poison queues."""

    value: tuple[PoisonMessage, ...]
    next_link: str = ""
    queues: tuple[PoisonQueue, ...]


class Redriven(Document):
    """What was done with a message that was given up."""

    id: UUID
    outcome: Literal["Retried", "SentAgain", "NothingToDo"]


class GraphPermission(Document):
    """A permission that the service asks a tenant for."""

    name: str
    used_to: str
    always_needed: bool


class SubscriptionSetup(Document):
    """Commands that assign the service a role on the subscription."""

    scope: str
    actions: tuple[str, ...]
    custom_role: tuple[str, ...]
    contributor: tuple[str, ...]


class TenantSetup(Document):
    """What a tenant's administrator has to do before it can be onboarded."""

    tenant_id: UUID
    azure_environment: str
    client_id: UUID
    admin_consent_url: str
    graph_permissions: tuple[GraphPermission, ...]
    subscription: SubscriptionSetup


class Health(Document):
    """Whether each dependency answers: ``ok`` or ``failing``."""

    status: str
    checks: dict[str, str]
