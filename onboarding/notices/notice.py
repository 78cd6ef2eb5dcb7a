"""A notice: something that people must know about a connection.

The ID of a notice is derived from its subject. So announcing it twice makes one notice, and after a crash a
receiver recognises a repeated one. Its delivery to each channel is a run of its own: it survives crashes,
and a failing channel does not affect the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from onboarding.clock import Clock
from onboarding.connections.records import Connection
from onboarding.notices.delivery_plans import DELIVERY, ESCALATION
from onboarding.notices.routing import Routing
from onboarding.storage import keys
from onboarding.storage.codec import Codec
from onboarding.workflow.engine import SERVICE, Engine
from onboarding.workflow.plan import Plan
from onboarding.workflow.run import Head


class Kind(StrEnum):
    """The subject of a notice; the last part of the type of its CloudEvent."""

    SECRET_NEAR_EXPIRY = "SecretNearExpiry"  # noqa: S105 - named after Key Vault's own events
    SECRET_EXPIRED = "SecretExpired"  # noqa: S105
    APPLICATION_NEAR_AGE_LIMIT = "ApplicationNearAgeLimit"  # soon its secret can no longer be renewed
    APPLICATION_TOO_OLD = "ApplicationTooOld"
    RENEWAL_WAITS = "RenewalWaits"
    # Drift:
    APPLICATION_DELETED = "ApplicationDeleted"
    SIGN_IN_BLOCKED = "SignInBlocked"
    CONSENT_WITHDRAWN = "ConsentWithdrawn"
    SECRET_ADDED = "SecretAdded"  # noqa: S105 - outside this service, beside the recorded one
    SECRET_REPLACED = "SecretReplaced"  # noqa: S105 - outside this service, instead of the recorded one
    SECRET_REMOVED = "SecretRemoved"  # noqa: S105
    SECRET_END_CHANGED = "SecretEndChanged"  # noqa: S105
    PROFILE_DRIFT = "ProfileDrift"
    DIRECTORY_UNREADABLE = "DirectoryUnreadable"

    @property
    def event_type(self) -> str:
        """The type of the CloudEvent for a notice of this kind."""
        return f"ConfigMgr.CloudManagement.{self}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """The content of a notice, composed once when it is announced: it is the same on every channel."""

    kind: Kind
    connection: str  # its ID
    key: tuple[str, ...]  # identifies the notice, together with kind and connection
    at: datetime  # when it was due, or when the inspection started
    message: str  # one or two sentences that remain true however late they arrive
    impact: str
    remedy: str
    documentation: str = ""
    expiration: str = ""  # its kind; the notice is outdated once its date is not ends_at
    ends_at: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)  # JSON for programs

    @property
    def id(self) -> str:
        """The same for the same subject."""
        return keys.derived_id(self.kind, self.connection, *self.key)

    def is_current(self, connection: Connection) -> bool:
        """Whether the expiration that the notice is about still has the same date."""
        return self.ends_at is None or self.ends_at == connection.expirations.get(self.expiration)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryRequest:
    """A notice for one channel: what the run of a delivery or an escalation carries."""

    channel: str  # of the deployment, or "mail:" and the address of an owner
    notice: Notice


CODEC: Final = Codec(Notice)
REQUEST: Final = Codec(DeliveryRequest)


class Notices:
    """Announces notices."""

    def __init__(self, *, engine: Engine, clock: Clock, routing: Routing) -> None:
        self._engine = engine
        self._clock = clock
        self._routing = routing

    async def announce(self, notice: Notice, connection: Connection) -> None:
        """Starts the delivery of a notice to each of its channels; safe to repeat."""
        runs = [(DELIVERY, channel) for channel in self._routing.targets(connection)]
        if self._routing.escalates(notice.at, notice.ends_at):
            runs.append((ESCALATION, self._routing.escalation))
        await asyncio.gather(*(self._start(plan, notice, connection, channel) for plan, channel in runs))

    async def _start(self, plan: Plan, notice: Notice, connection: Connection, channel: str) -> None:
        head = Head(
            id=keys.derived_id(plan.name, notice.id, channel),
            plan=plan.name,
            tenant=connection.tenant,
            name=connection.name,
            requester=connection.requester,
            requester_name=SERVICE,
            created_at=self._clock.now(),
            request=REQUEST.document(DeliveryRequest(channel=channel, notice=notice)),
            fingerprint="",
        )
        await self._engine.start(head)
