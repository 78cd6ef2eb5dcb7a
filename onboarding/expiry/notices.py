"""A notice: something about a connection that people have to know, on its way to them.

It is a run, and survives what runs survive. Its id is derived from what it is about: announcing it twice
makes one notice, and a receiver that sees one twice (after a crash) recognises it by the id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final, Protocol, Self

from onboarding.clock import Clock
from onboarding.connections.records import Connection
from onboarding.connections.store import ConnectionStore
from onboarding.errors import OnboardingError, PermanentError, TransientError
from onboarding.storage import keys
from onboarding.workflow.engine import SERVICE, Engine, Handler
from onboarding.workflow.outcomes import Again, Done, Failed, Outcome, Trouble
from onboarding.workflow.plans import Plan, Step
from onboarding.workflow.retry import Policies, Policy
from onboarding.workflow.runs import Head, Run, StepState

NOTICE: Final = Plan("notice", [Step(name="webhook", title="Post the notice to the webhook")])

_WEEK: Final = timedelta(days=7)
DELIVERY: Final[Policies] = {
    # A channel may be down for days; a notice that comes late is better than none.
    trouble: Policy(delays=(2, 10, 60, 300, 900, 3600), give_up_after=_WEEK)
    for trouble in Trouble
}


class Kind(StrEnum):
    """What a notice is about; the last part of its CloudEvent's type."""

    SECRET_NEAR_EXPIRY = "SecretNearExpiry"  # noqa: S105 - named after Key Vault's own events
    SECRET_EXPIRED = "SecretExpired"  # noqa: S105
    APPLICATION_NEAR_AGE_LIMIT = "ApplicationNearAgeLimit"  # soon its secret can't be renewed any more
    APPLICATION_TOO_OLD = "ApplicationTooOld"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """What is told. It is composed once, when it is announced, so that every channel says the same."""

    kind: Kind
    connection: str  # its id
    key: tuple[str, ...]  # with kind and connection: which notice it is; the same again is no new one
    at: datetime  # the moment it is about
    message: str  # what is the matter, in a sentence that is true whenever it arrives
    consequence: str
    remedy: str
    documentation: str = ""
    clock: str = ""  # with ends_at: outdated as soon as this clock of the connection has another end
    ends_at: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)  # for programs

    @property
    def id(self) -> str:
        """The same for the same matter."""
        return keys.derived_id(self.kind, self.connection, *self.key)

    def is_current(self, connection: Connection) -> bool:
        """Whether a clock that the notice is about has not been moved meanwhile."""
        return self.ends_at is None or self.ends_at == connection.clocks.get(self.clock)

    def as_json(self) -> dict[str, Any]:
        """The notice as it is kept."""
        return {
            "kind": str(self.kind),
            "connection": self.connection,
            "key": list(self.key),
            "at": self.at.isoformat(),
            "message": self.message,
            "consequence": self.consequence,
            "remedy": self.remedy,
            "documentation": self.documentation,
            "clock": self.clock,
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
            consequence=document["consequence"],
            remedy=document["remedy"],
            documentation=document["documentation"],
            clock=document["clock"],
            ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
            details=document["details"],
        )


class Channel(Protocol):
    """A way to tell somebody."""

    async def send(self, notice: Notice, connection: Connection) -> str:
        """Sends a notice; returns how it was taken. Raises this app's errors."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Notices:
    """Where whoever has something to tell announces it."""

    engine: Engine
    clock: Clock

    async def announce(self, notice: Notice, connection: Connection) -> None:
        """Sends a notice on its way, unless it is already."""
        head = Head(
            id=notice.id,
            plan=NOTICE.name,
            tenant=connection.tenant,
            name=connection.name,
            requester=connection.requester,
            requester_name=SERVICE,
            created_at=self.clock.now(),
            request=notice.as_json(),
            fingerprint="",
        )
        await self.engine.start(head)


def handlers(connections: ConnectionStore, channels: Mapping[str, Channel]) -> Mapping[str, Handler]:
    """The steps of a notice as the engine runs them: one for each channel."""
    return {name: partial(_deliver, connections, channel.send) for name, channel in channels.items()}


async def _deliver(
    connections: ConnectionStore,
    send: Callable[[Notice, Connection], Awaitable[str]],
    run: Run,
    _: StepState,
) -> Outcome:
    """Sends a notice unless what it is about has changed meanwhile."""
    notice = Notice.from_json(run.head.request)
    connection = await connections.get(notice.connection)
    if connection is None or not notice.is_current(connection):
        return Done(result={"outcome": "superseded"})
    try:
        return Done(result={"outcome": await send(notice, connection)})
    except PermanentError as error:
        return Failed(error=error.as_json())
    except TransientError as error:
        return Again(trouble=Trouble.TRANSIENT, error=error.as_json(), retry_after=error.retry_after)
    except OnboardingError as error:
        return Again(trouble=Trouble.INTERNAL, error=error.as_json())
