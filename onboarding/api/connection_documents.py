"""The documents of a connection and its expirations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from onboarding.api.documents import (
    DifferenceCode,
    Dismissal,
    Document,
    ExpirationKind,
    FullRequest,
    ProfileName,
    Wording,
)
from onboarding.api.handover_documents import Handover
from onboarding.api.paging import Page
from onboarding.api.run_documents import OnBehalfOf, Requester
from onboarding.api.told import Actions
from onboarding.cmg.wizard import AzureEnvironment
from onboarding.connections import cadence, records
from onboarding.connections.cadence import APPLICATION, SECRET, Cadence, ExpiryWarning
from onboarding.connections.records import ConnectionState
from onboarding.errors import Actor
from onboarding.notices import difference_texts
from onboarding.words.word import Word

Upcoming = Mapping[str, ExpiryWarning | None]
"""The next warning of each expiration."""


class App(Document):
    """One of the two app registrations."""

    name: Word
    client_id: UUID
    object_id: UUID
    service_principal_id: UUID

    @classmethod
    def of(cls, record: records.AppRecord) -> Self:
        """A recorded application."""
        return cls(
            name=record.name,
            client_id=record.app_id,
            object_id=record.object_id,
            service_principal_id=record.service_principal_id,
        )


class Secret(Document):
    """Where the client secret is, never the secret itself."""

    key_id: UUID
    vault_secret_id: str
    ends_at: datetime

    @classmethod
    def of(cls, record: records.SecretRecord) -> Self:
        """A recorded secret."""
        return cls(key_id=record.key_id, vault_secret_id=record.vault_id, ends_at=record.ends_at)


class PlannedWarning(Document):
    """A future warning."""

    days_before_end: Annotated[int, Field(description="Negative after the expiration.")]
    due_at: datetime

    @classmethod
    def of(cls, warning: ExpiryWarning) -> Self:
        """A warning of the schedule."""
        return cls(days_before_end=warning.days, due_at=warning.due_at)


class NextWarning(Document):
    """The next warning of all expirations of a connection."""

    expiration: ExpirationKind
    days_before_end: Annotated[int, Field(description="Negative after the expiration.")]
    due_at: datetime


class Acknowledgement(Document):
    """Who acknowledged an expiration, and when."""

    by: str
    on_behalf_of: OnBehalfOf | None
    at: datetime
    operator: Annotated[bool, Field(description="False: operators still get repetitions and the escalation.")]

    @classmethod
    def of(cls, found: cadence.Acknowledgement | None) -> Self | None:
        """An acknowledgement, if there is one."""
        return cls.model_validate(found) if found else None


class ExpirationDetails(Document):
    """When something expires, the next warning, and the responses of people."""

    ends_at: datetime
    cause: Annotated[
        str | None,
        Field(
            description=(
                "The code of the difference because of which the secret stopped working before its date. "
                "Otherwise missing."
            )
        ),
    ]
    next_warning: PlannedWarning | None
    acknowledged: Annotated[
        Acknowledgement | None, Field(description="After the expiration, warnings are not repeated.")
    ]
    snoozed_until: datetime | None

    @classmethod
    def of(cls, record: records.Connection, kind: str, warning: ExpiryWarning | None) -> Self:
        """An expiration of a connection."""
        snooze = record.snooze(kind)
        return cls(
            ends_at=record.expirations[kind],
            cause=record.loss.code if kind == SECRET and record.loss else None,
            next_warning=PlannedWarning.of(warning) if warning else None,
            acknowledged=Acknowledgement.of(record.acknowledgement(kind)),
            snoozed_until=snooze.until if snooze else None,
        )


class Expirations(Document):
    """The expirations of a connection."""

    secret: Annotated[ExpirationDetails, Field(description="The client secret expires.")]
    application: Annotated[
        ExpirationDetails | None,
        Field(description="The server app becomes too old for a new secret, if the site checks its age."),
    ] = None

    @classmethod
    def of(cls, record: records.Connection, upcoming: Upcoming) -> Self:
        """The expirations of a connection."""
        details = {kind: ExpirationDetails.of(record, kind, warning) for kind, warning in upcoming.items()}
        return cls(secret=details[SECRET], application=details.get(APPLICATION))


class DirectoryDifference(Document):
    """A difference between the directory and the expected state."""

    code: DifferenceCode
    app: Literal["serverApp", "clientApp"] | None
    since: Annotated[datetime, Field(description="The first inspection that found it.")]
    detail: Wording
    impact: Wording
    remedy: Wording
    actor: Annotated[Actor, Field(description="Who must act first.")]
    args: Annotated[dict[str, Any], Field(default_factory=dict, description="The values in the texts.")]
    actions: Actions
    dismissed: Dismissal | None = None

    @classmethod
    def of(cls, record: records.Connection, difference: records.Difference) -> Self:
        """A recorded difference of a connection."""
        texts = {part: difference.wording(part) for part in ("detail", "impact", "remedy")}
        actions = difference_texts.steps(record, difference)
        return cls(
            code=difference.code,
            app=difference.app or None,
            since=difference.since,
            **texts,
            actor=difference.actor or actions[0].actor,
            args={name: value for said in texts.values() for name, value in said.args.items()},
            actions=actions,
            dismissed=Dismissal.of(difference.dismissed),
        )


class DirectoryInspection(Document):
    """What the last inspection of the directory found, the oldest first."""

    inspected_at: datetime
    differences: tuple[DirectoryDifference, ...]

    @classmethod
    def of(cls, record: records.Connection) -> Self | None:
        """The last inspection of a connection; None before the first one."""
        if record.inspected_at is None:
            return None
        differences = sorted(record.differences.values(), key=lambda difference: difference.since)
        return cls(
            inspected_at=record.inspected_at,
            differences=tuple(DirectoryDifference.of(record, difference) for difference in differences),
        )


class Connection(Document):
    """A connection."""

    id: str
    name: Word
    description: str
    tenant_id: UUID
    tenant_name: Word
    tenant_domain: Annotated[
        Word, Field(description="The initial domain of the tenant, such as contoso.onmicrosoft.com.")
    ]
    azure_environment: AzureEnvironment
    subscription_id: Annotated[UUID | None, Field(description="Missing: the gateway is in another tenant.")]
    profile: ProfileName
    app_id_uri: str
    server_app: App
    client_app: Annotated[App | None, Field(description="Missing: the tenant has only the gateway.")]
    state: ConnectionState
    handover: Handover
    secret: Secret
    pending_secret: Annotated[
        Secret | None, Field(description="A new secret that the site does not have yet.")
    ]
    renewal_id: Annotated[UUID | None, Field(description="The renewal in progress, or the last failed one.")]
    renew_by: Annotated[datetime, Field(description="The earlier of the expirations.")]
    expirations: Expirations
    next_warning: NextWarning | None
    pending_providers: Annotated[
        tuple[str, ...], Field(description="Resource providers that Azure has not registered yet.")
    ]
    directory: Annotated[
        DirectoryInspection | None, Field(description="Missing before the first inspection.")
    ]
    links_revoked_at: Annotated[
        datetime | None, Field(description="Links in messages that were sent before are no longer valid.")
    ]
    request: FullRequest
    onboarding_id: UUID
    requested_by: Requester
    on_behalf_of: OnBehalfOf | None
    created_at: datetime

    @classmethod
    def of(cls, record: records.Connection, upcoming: Upcoming) -> Self:
        """A recorded connection with its next warnings."""
        return cls(
            id=record.id,
            name=record.name,
            description=record.description,
            tenant_id=record.tenant,
            tenant_name=record.tenant_name,
            tenant_domain=record.tenant_domain,
            azure_environment=record.environment,
            subscription_id=record.subscription,
            profile=record.profile,
            app_id_uri=record.app_id_uri,
            server_app=App.of(record.server_app),
            client_app=App.of(record.client_app) if record.client_app else None,
            state=record.state,
            handover=Handover.of(record),
            secret=Secret.of(record.secret),
            pending_secret=Secret.of(record.pending) if record.pending else None,
            renewal_id=record.renewal or None,
            renew_by=record.renew_by,
            expirations=Expirations.of(record, upcoming),
            next_warning=_soonest(upcoming),
            pending_providers=record.pending_providers,
            directory=DirectoryInspection.of(record),
            links_revoked_at=record.links_revoked_at,
            request=record.request.complete(),
            onboarding_id=record.onboarding,
            requested_by=Requester(id=record.requester, name=record.requester_name),
            on_behalf_of=record.on_behalf_of,
            created_at=record.created_at,
        )


class ConnectionList(Page[Connection]):
    """A page of connections."""


def _soonest(upcoming: Upcoming) -> NextWarning | None:
    found = [(warning.due_at, kind, warning.days) for kind, warning in upcoming.items() if warning]
    due_at, kind, days = min(found, default=(None, "", 0))
    return NextWarning(expiration=kind, days_before_end=days, due_at=due_at) if due_at else None


def upcoming(record: records.Connection, cadence: Cadence, now: datetime) -> Upcoming:
    """The next warning of each expiration of a connection."""
    return {
        kind: cadence.upcoming(
            ends_at,
            now,
            acknowledged=record.is_acknowledged(kind),
            snooze=record.snooze(kind),
        )
        for kind, ends_at in record.expirations.items()
    }
