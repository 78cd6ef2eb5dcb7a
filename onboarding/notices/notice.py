"""A notice: something about a connection that people have to know.

Its id is derived from what it is about: announcing it twice makes one notice, and a receiver that sees one
twice (after a crash) recognises it by the id. On its way to each channel it is a run of its own, and
survives what runs survive; a channel that fails is no other's trouble.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from onboarding.clock import Clock
from onboarding.connections.records import Connection
from onboarding.notices.delivery_plans import DELIVERY, ESCALATION
from onboarding.notices.routing import Routing
from onboarding.storage import keys
from onboarding.workflow.engine import SERVICE, Engine
from onboarding.workflow.plan import Plan
from onboarding.workflow.run import Head


class Kind(StrEnum):
    """What a notice is about; the last part of its CloudEvent's type."""

    SECRET_NEAR_EXPIRY = "SecretNearExpiry"  # noqa: S105 - named after Key Vault's own events
    SECRET_EXPIRED = "SecretExpired"  # noqa: S105
    APPLICATION_NEAR_AGE_LIMIT = "ApplicationNearAgeLimit"  # soon its secret can't be renewed any more
    APPLICATION_TOO_OLD = "ApplicationTooOld"
    RENEWAL_WAITS = "RenewalWaits"
    # What the directory says, and should not:
    APPLICATION_DELETED = "ApplicationDeleted"
    SIGN_IN_BLOCKED = "SignInBlocked"
    CONSENT_WITHDRAWN = "ConsentWithdrawn"
    SECRET_ADDED = "SecretAdded"  # noqa: S105 - by hand, beside the recorded one
    SECRET_REPLACED = "SecretReplaced"  # noqa: S105 - by hand, in place of the recorded one
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
    """What is told. It is composed once, when it is announced, so that every channel says the same."""

    kind: Kind
    connection: str  # its id
    key: tuple[str, ...]  # with kind and connection: which notice it is; the same again is no new one
    at: datetime  # the moment it is about
    message: str  # what is the matter, in a sentence that is true whenever it arrives
    impact: str
    remedy: str
    documentation: str = ""
    expiration: str = ""  # its kind; with ends_at: outdated once this expiration has another end
    ends_at: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)  # for programs

    @property
    def id(self) -> str:
        """The same for the same matter."""
        return keys.derived_id(self.kind, self.connection, *self.key)

    def is_current(self, connection: Connection) -> bool:
        """Whether an expiration that the notice is about has not been moved meanwhile."""
        return self.ends_at is None or self.ends_at == connection.expirations.get(self.expiration)

    def as_json(self) -> dict[str, Any]:
        """The notice as it is kept."""
        return {
            "kind": str(self.kind),
            "connection": self.connection,
            "key": list(self.key),
            "at": self.at.isoformat(),
            "message": self.message,
            "impact": self.impact,
            "remedy": self.remedy,
            "documentation": self.documentation,
            "expiration": self.expiration,
            "endsAt": self.ends_at.isoformat() if self.ends_at else None,
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The notice of what was kept."""
        ends_at = document["endsAt"]
        return cls(
            kind=Kind(document["kind"]),
            connection=document["connection"],
            key=tuple(document["key"]),
            at=datetime.fromisoformat(document["at"]),
            message=document["message"],
            impact=document["impact"],
            remedy=document["remedy"],
            documentation=document["documentation"],
            expiration=document["expiration"],
            ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
            details=document["details"],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Notices:
    """Where whoever has something to tell announces it."""

    engine: Engine
    clock: Clock
    routing: Routing

    async def announce(self, notice: Notice, connection: Connection) -> None:
        """Sends a notice on its way to each of its channels, unless it is already."""
        runs = [(DELIVERY, target) for target in self.routing.targets(connection)]
        if self.routing.escalates(notice.at, notice.ends_at):
            runs.append((ESCALATION, self.routing.escalation))
        await asyncio.gather(*(self._start(plan, notice, connection, target) for plan, target in runs))

    async def _start(self, plan: Plan, notice: Notice, connection: Connection, target: str) -> None:
        head = Head(
            id=keys.derived_id(plan.name, notice.id, target),
            plan=plan.name,
            tenant=connection.tenant,
            name=connection.name,
            requester=connection.requester,
            requester_name=SERVICE,
            created_at=self.clock.now(),
            request={"notice": notice.as_json(), "channel": target},
            fingerprint="",
        )
        await self.engine.start(head)
