"""The events that the service posts to the webhook, for the description of the API.

``notices/channels/webhook.py`` makes them; tests compare the events that it sends with these models.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import Field

from onboarding.api import documents, tags
from onboarding.api.documents import DifferenceCode, Document, FailureCode, StepName
from onboarding.api.expirations import AppName
from onboarding.api.run_documents import OnBehalfOf, Requester
from onboarding.api.schemas import PATH, reference
from onboarding.api.told import Action
from onboarding.connections.handover import ConfirmationWay
from onboarding.errors import Actor
from onboarding.lifecycle.awaited import WaitingCode
from onboarding.notices.channel_states import ChannelState
from onboarding.notices.channels.channel_faults import ChannelFault
from onboarding.notices.notice import NoticeKind
from onboarding.notices.open_matters import ClosingReason
from onboarding.workflow.run import RunStatus

MEDIA_TYPE: Final = "application/cloudevents+json"


class EventConnection(Document):
    """The connection of an event, even before it exists and after it is removed."""

    id: str
    name: str
    tenant_id: UUID
    url: str | None = Field(description="Missing before it exists, and if the service has no PUBLIC_URL.")


class AnyEvent(Document):
    """What all events have in common."""

    key: UUID = Field(
        description="The same in all events about one subject, from the first one to the one that closes it."
    )
    closes: tuple[UUID, ...] = Field(description="The keys of what is over with this event.")
    url: str | None = Field(description="Of the subject, in the API. Missing without PUBLIC_URL.")
    message: str = Field(description="What happened, as a sentence that is true whenever it arrives.")
    impact: str = Field(description="What stops working, and when.")
    remedy: str = Field(description="What to do, step by step.")
    documentation: str = Field(description="URL of a page about it, or empty.")
    actor: Actor = Field(description="Who must act. Nobody: the event is for information.")
    actions: tuple[Action, ...] = Field(description="What to do, the first step first.")


class AboutEvent(AnyEvent):
    """What all events about connections and runs have in common."""

    connection: EventConnection
    onboarding_id: str = Field(description="The onboarding that created the connection.")
    requested_by: Requester = Field(description="The name can be empty.")
    on_behalf_of: OnBehalfOf | None = Field(
        description="On whose behalf the requester acted; for a response, on whose behalf it was given."
    )
    owners: tuple[str, ...] = Field(description="The email addresses of the owners.")
    labels: dict[str, str]


class EventData(AboutEvent):
    """What all events about connections have in common."""

    server_app: AppName


class ChannelEvent(AnyEvent):
    """A channel of notices does not work, works again, or is tested."""

    channel: str = Field(description="Its name.")
    state: ChannelState | None = Field(description="Missing in a test.")
    since: datetime | None = Field(description="Of the state.")
    fault: ChannelFault | None = Field(description="The class of the error of a channel that does not work.")


class ExpirationEnds(Document):
    """When each expiration of a connection ends."""

    secret: datetime
    application: datetime | None = None


class ExpirationEvent(EventData):
    """A warning about an expiration of a connection."""

    expiration: Literal["secret", "application"]
    days_before_end: int = Field(description="Of the threshold. Negative after the expiration.")
    days_left: int = Field(
        description="Days left when the event was sent: 0 on the first day after the expiration."
    )
    ends_at: datetime
    renew_by: datetime = Field(description="The earlier of the expirations.")
    expirations: ExpirationEnds = Field(description="The dates of all expirations of the connection.")


class RenewalEvent(EventData):
    """A new client secret must be entered at the site."""

    renewal_id: UUID
    reminder: int = Field(description="0 for the first event, then increasing by 1.")
    last_reminder: bool = Field(description="Whether this is the last reminder before the time limit.")
    ends_at: datetime = Field(description="When the new secret expires.")
    retires_at: datetime | None = Field(
        description="When the previous secret is removed without a confirmation. Missing: never."
    )


class SecretRenewedEvent(EventData):
    """A renewal is complete: the old client secret was removed."""

    renewal_id: UUID
    ends_at: datetime = Field(description="When the new secret expires.")
    reason: Literal["Confirmation", "TimeLimit"]


class HandoverWaitsEvent(EventData):
    """The site of a connection must still be connected."""

    since: datetime = Field(description="The time from which the site could be connected.")
    reminder: int = Field(description="1 for the first event, then increasing by 1.")
    last_reminder: bool = Field(description="There are no more.")


class HandoverConfirmedEvent(EventData):
    """The site of a connection is connected."""

    confirmed_at: datetime
    confirmed_via: ConfirmationWay


class DifferenceEvent(EventData):
    """The directory differs from the expected state."""

    difference: DifferenceCode = Field(description="The code of the difference.")
    app: Literal["serverApp", "clientApp"] | None
    days_since: int = Field(
        description="If above 0, the event is a repetition, sent this number of days later."
    )
    connections: int = Field(description="How many connections it affects: one fact is one event.")
    connection_ids: tuple[str, ...] = Field(description="The first of them.")


class ExpirationResponseEvent(EventData):
    """A person acknowledged an expiration, or postponed the warnings about it."""

    expiration: Literal["secret", "application"]
    ends_at: datetime
    by: str
    until: datetime | None = Field(
        description=("The end of the time in which no warnings are sent. Missing: acknowledged.")
    )


class DifferenceResolvedEvent(EventData):
    """A difference in the directory no longer exists."""

    difference: DifferenceCode
    app: Literal["serverApp", "clientApp"] | None
    since: datetime = Field(description="When an inspection found it first.")


class ConnectionRemovedEvent(EventData):
    """A connection was removed."""

    operation_id: UUID


class ClosedEvent(AboutEvent):
    """No further action is required for something, and no other event reports this."""

    server_app: AppName | None = Field(description="Missing before it exists.")
    reason: ClosingReason
    opened: documents.NoticeKind = Field(description="The type of the last event that asked somebody to act.")


class RunEvent(AboutEvent):
    """An onboarding, a renewal or a removal waits for somebody, or has ended."""

    server_app: AppName | None = Field(description="Of the connection. Missing before it exists.")
    operation_id: UUID | None = Field(description="Missing for an onboarding.")
    operation: Literal["renewal", "removal"] | None
    status: RunStatus
    step: StepName | None = Field(description="The step that waits or has failed.")
    code: FailureCode | None = Field(description="Of the error.")
    waiting_code: WaitingCode | None = Field(description="What it waits for, without an error.")
    args: dict[str, Any] | None = Field(description="The values in the texts of the error.")


_EXPIRATION_KINDS: Final = (
    NoticeKind.SECRET_NEAR_EXPIRY,
    NoticeKind.SECRET_EXPIRED,
    NoticeKind.APPLICATION_NEAR_AGE_LIMIT,
    NoticeKind.APPLICATION_TOO_OLD,
)
_RUN_KINDS: Final = tuple(kind for kind in NoticeKind if kind.is_of_run)
_CHANNEL_KINDS: Final = tuple(kind for kind in NoticeKind if kind.startswith("Channel"))

_OTHERS: Final[dict[str, tuple[type[AnyEvent], tuple[NoticeKind, ...]]]] = {
    "expiration": (ExpirationEvent, _EXPIRATION_KINDS),
    "renewal": (RenewalEvent, (NoticeKind.RENEWAL_WAITS,)),
    "renewed": (SecretRenewedEvent, (NoticeKind.SECRET_REPLACED_BY_RENEWAL,)),
    "handover": (HandoverWaitsEvent, (NoticeKind.HANDOVER_WAITS,)),
    "channel": (ChannelEvent, _CHANNEL_KINDS),
    "connected": (HandoverConfirmedEvent, (NoticeKind.HANDOVER_CONFIRMED,)),
    "answered": (
        ExpirationResponseEvent,
        (NoticeKind.EXPIRATION_ACKNOWLEDGED, NoticeKind.EXPIRATION_SNOOZED),
    ),
    "resolved": (DifferenceResolvedEvent, (NoticeKind.DIFFERENCE_RESOLVED,)),
    "removed": (ConnectionRemovedEvent, (NoticeKind.CONNECTION_REMOVED,)),
    "closed": (ClosedEvent, (NoticeKind.MATTER_CLOSED,)),
    "run": (RunEvent, _RUN_KINDS),
}
_NAMED: Final = {kind for _, kinds in _OTHERS.values() for kind in kinds}

EVENTS: Final[dict[str, tuple[type[AnyEvent], tuple[NoticeKind, ...]]]] = {
    **_OTHERS,
    "directory": (DifferenceEvent, tuple(kind for kind in NoticeKind if kind not in _NAMED)),
}
"""The data of each kind of event, and the kinds of notices for which it is used."""


EVENT: Final = "CloudEvent"
"""The schema of all events. Programs read the member ``type`` to find out which one an event is."""


def schemas() -> dict[str, Any]:
    """The schemas of the events by name: one for each kind, and ``EVENT`` for any of them."""
    found: dict[str, Any] = {}
    types: dict[str, str] = {}
    for model, kinds in EVENTS.values():
        name = model.__name__.replace("Event", EVENT)
        found[name] = _envelope(model, kinds)
        types |= {kind.event_type: f"{PATH}{name}" for kind in kinds}
    one = {
        "description": "An event that the service posts. A later release can have more values of 'type'.",
        "oneOf": [reference(name) for name in found],
        "discriminator": {"propertyName": "type", "mapping": types},
    }
    return {**found, EVENT: one}


def webhooks() -> dict[str, Any]:
    """The webhook of the description: one POST with any event."""
    post = {
        "operationId": "receive_event",
        "tags": [tags.EVENTS],
        "summary": "An event about a connection or about the service",
        "description": "The service posts this CloudEvent to each webhook that is subscribed to its type.",
        "security": [],
        "requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": reference(EVENT)}}},
        "responses": {
            "2XX": {"description": "Accepted."},
            "410": {"description": "The service sends no more events to this webhook."},
            "default": {"description": "Not accepted. The service sends the event again."},
        },
    }
    return {"event": {"post": post}}


def _envelope(model: type[AnyEvent], kinds: tuple[NoticeKind, ...]) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    source = "The path of the subject, without /api, for example /connections/ and an ID."
    subject = {**text, "format": "uuid", "description": "Client ID of the server app."}
    if model is ClosedEvent:
        subject = {**text, "description": "Client ID of the server app; before it exists, of the connection."}
    if model is RunEvent:
        subject = {**text, "description": "ID of the connection, even before it exists."}
    if model is ChannelEvent:
        source = "/channels/ and the name of the channel."
        subject = {**text, "description": "Name of the channel."}
    members = {
        "specversion": {**text, "const": "1.0"},
        "id": {**text, "description": "The same in every delivery of the event."},
        "source": {**text, "description": source},
        "type": {**text, "enum": [kind.event_type for kind in kinds]},
        "subject": subject,
        "time": {**text, "format": "date-time"},
        "datacontenttype": {**text, "const": "application/json"},
        "data": reference(model.__name__),
    }
    return {
        "type": "object",
        "description": f"{model.__doc__}",
        "properties": members,
        "required": list(members),
    }
