"""A notice: something about a connection that people must know.

Its ID is derived from its subject: a notice that is announced twice is one notice, and a receiver that gets
it twice (after a crash) recognizes the ID. Each delivery to a channel is a separate run, so a failing channel
does not affect the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from onboarding.connections.handover import HandoverState
from onboarding.connections.records import Connection
from onboarding.errors import Action, Actor, reserve
from onboarding.former_values import StoredEnum
from onboarding.notices.about import About
from onboarding.storage import keys


class NoticeKind(StoredEnum):
    """The subject of a notice; the last part of the type of its CloudEvent."""

    SECRET_NEAR_EXPIRY = "SecretNearExpiry"  # noqa: S105 - named after Key Vault's own events
    SECRET_EXPIRED = "SecretExpired"  # noqa: S105
    APPLICATION_NEAR_AGE_LIMIT = "ApplicationNearAgeLimit"  # soon its secret can no longer be renewed
    APPLICATION_TOO_OLD = "ApplicationTooOld"
    RENEWAL_WAITS = "RenewalWaits"
    SECRET_REPLACED_BY_RENEWAL = "SecretRenewed"  # noqa: S105
    HANDOVER_WAITS = "HandoverWaits"  # the site must still be connected
    HANDOVER_CONFIRMED = "HandoverConfirmed"
    # Drift:
    APPLICATION_DELETED = "ApplicationDeleted"
    SIGN_IN_BLOCKED = "SignInBlocked"
    CONSENT_WITHDRAWN = "ConsentWithdrawn"
    SECRET_ADDED = "SecretAdded"  # noqa: S105 - manually, in addition to the recorded one
    CREDENTIAL_ADDED = "CredentialAdded"  # manually: a certificate, a federated credential
    SECRET_REPLACED = "SecretReplaced"  # noqa: S105 - manually, in place of the recorded one
    SECRET_REMOVED = "SecretRemoved"  # noqa: S105
    SECRET_END_CHANGED = "SecretEndChanged"  # noqa: S105
    PROFILE_DRIFT = "ProfileDrift"
    DIRECTORY_UNREADABLE = "DirectoryUnreadable"
    SUBSCRIPTION_CHANGED = "SubscriptionChanged"  # it moved to another tenant, or is disabled
    PROVIDERS_PENDING = "ProvidersPending"  # Azure takes long to register resource providers
    # The service itself:
    CHANNEL_FAILING = "ChannelFailing"
    CHANNEL_ENDED = "ChannelEnded"  # its receiver answered that it no longer exists
    CHANNEL_TEST = "ChannelTest"  # an operator asked for it
    CHANNEL_WORKS = "ChannelWorks"  # again
    CHANNEL_REMOVED = "ChannelRemoved"  # while it failed
    # Changes, for programs:
    EXPIRATION_ACKNOWLEDGED = "ExpirationAcknowledged"
    EXPIRATION_SNOOZED = "ExpirationSnoozed"
    DIFFERENCE_RESOLVED = "DifferenceResolved"
    CONNECTION_REMOVED = "ConnectionRemoved"
    MATTER_CLOSED = "MatterClosed"  # without an event of its own: dismissed, or no longer so
    ONBOARDING_WAITS = "OnboardingWaits"  # until somebody acts, for consent for example
    ONBOARDING_SUCCEEDED = "OnboardingSucceeded"
    ONBOARDING_FAILED = "OnboardingFailed"
    ONBOARDING_CANCELLED = "OnboardingCancelled"
    ONBOARDING_ROLLED_BACK = "OnboardingRolledBack"
    OPERATION_WAITS = "OperationWaits"
    OPERATION_FAILED = "OperationFailed"
    OPERATION_CANCELLED = "OperationCancelled"

    @property
    def is_failure(self) -> bool:
        """Whether a notice is about a channel that does not work."""
        return self in {NoticeKind.CHANNEL_FAILING, NoticeKind.CHANNEL_ENDED}

    @property
    def is_of_run(self) -> bool:
        """Whether a notice is about a run."""
        return self.startswith(("Onboarding", "Operation"))

    @property
    def event_type(self) -> str:
        """The type of the CloudEvent for a notice of this kind."""
        return f"ConfigMgr.CloudManagement.{self}"


DIGEST: Final = "Digest"
"""The kind of a delivery that has many notices."""

_NAMES: Final[Mapping[NoticeKind, str]] = {
    NoticeKind.SECRET_EXPIRED: NoticeKind.SECRET_NEAR_EXPIRY,
    NoticeKind.APPLICATION_TOO_OLD: NoticeKind.APPLICATION_NEAR_AGE_LIMIT,
    NoticeKind.HANDOVER_WAITS: "HandOverWaits",
    NoticeKind.HANDOVER_CONFIRMED: "HandOverConfirmed",
}
"""The kind in the ID of a notice, where it has another one: a warning that is sent after the date is the same
notice, and receivers have the IDs that a kind had before it was renamed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """The content of a notice, composed when it is announced. A warning is composed again when it is sent."""

    kind: NoticeKind
    connection: str  # its ID; empty: the notice is about a channel
    channel: str = ""  # its name
    key: tuple[str, ...]  # identifies the notice, together with kind and connection
    at: datetime  # when it was due, or when the inspection started
    message: str  # one or two sentences that remain true, however late they arrive
    impact: str
    remedy: str
    documentation: str = ""
    expiration: str = ""  # its kind; the notice is outdated once its date is not ends_at
    ends_at: datetime | None = None
    days: int | None = None  # of a warning: how many days before the expiration
    details: Mapping[str, Any] = field(default_factory=dict)  # JSON for programs
    actions: tuple[Action, ...] = ()  # what to do, the first one first
    fact: str = ""  # identifies its fact, if that affects several connections
    programs_only: bool = False  # good news, with which programs close what they opened
    about: About | None = None  # of a change: it is sent as it was, also if the connection is gone
    topic: str = ""  # its key, if it does not follow from the rest
    closes: tuple[str, ...] = ()  # the keys of what it ends
    path: str = ""  # of the API, where the thing is; by default the connection
    waits_for: Actor = Actor.NOBODY  # who must act, where no action is known

    @property
    def id(self) -> str:
        """The same for the same subject, even if its type has changed since it was announced."""
        return keys.derived_id(_NAMES.get(self.kind, self.kind), self.fact or self.connection, *self.key)

    @property
    def actor(self) -> Actor:
        """Who must act first."""
        return self.actions[0].actor if self.actions else self.waits_for

    def assigned(self, reserved: Collection[str]) -> Notice:
        """The notice of a deployment that reserves calls for operators; ``reserved`` are their names."""
        return replace(self, actions=reserve.assigned(self.actions, reserved))

    def for_owner(self, reserved: Collection[str]) -> Notice:
        """The notice for an owner, who is not an operator: the remedy begins with whom to ask."""
        asking = reserve.asking(self.actions, reserved)
        return replace(self, remedy=f"{asking}\n{self.remedy}") if asking else self

    def is_current(self, connection: Connection) -> bool:
        """Whether the notice still applies: the same date, an existing difference, a wait that continues."""
        if self.ends_at is not None and self.ends_at != connection.expirations.get(self.expiration):
            return False
        if self.kind is NoticeKind.HANDOVER_WAITS:
            return connection.handover_state is HandoverState.WAITING
        if self.kind is NoticeKind.RENEWAL_WAITS:
            return connection.pending is not None and self.details.get("renewalId") == connection.renewal
        if code := self.details.get("difference"):
            return f"{self.details.get('app') or ''}/{code}" in connection.differences
        return True


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryRequest:
    """A notice, and the channel that it goes to."""

    notice: Notice
    channel: str
    repeats: str = ""  # the delivery that an operator repeats, whether or not it still applies


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestRequest:
    """The channel of a digest, and the end of its day."""

    channel: str
    day: datetime
