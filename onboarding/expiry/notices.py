"""A notice: one warning on its way to whom it concerns. It is a run, and survives what runs survive.

Its id is derived from what it warns of. Announcing it twice makes one notice, and a receiver that sees one
twice (after a crash) recognises it by the id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from onboarding.connections.expirations import Expiration
from onboarding.connections.records import Connection
from onboarding.connections.store import ConnectionStore
from onboarding.errors import OnboardingError, PermanentError, TransientError
from onboarding.storage import keys
from onboarding.workflow.engine import SERVICE, Handler
from onboarding.workflow.outcomes import Again, Done, Failed, Outcome, Trouble
from onboarding.workflow.plans import Plan, Step
from onboarding.workflow.retry import Policies, Policy
from onboarding.workflow.runs import Head, Run, StepState

NOTICE: Final = Plan("notice", [Step(name="webhook", title="Post the warning to the webhook")])

_WEEK: Final = timedelta(days=7)
DELIVERY: Final[Policies] = {
    # A channel may be down for days; a warning that comes late is better than none.
    trouble: Policy(delays=(2, 10, 60, 300, 900, 3600), give_up_after=_WEEK)
    for trouble in Trouble
}


class Channel(Protocol):
    """A way to tell somebody."""

    async def send(self, notice: Run, connection: Connection) -> str:
        """Sends a warning; returns how it was taken. Raises this app's errors."""
        ...


def head(expiration: Expiration, connection: Connection, now: datetime) -> Head:
    """The notice of a warning that is due."""
    warning = {
        "connection": expiration.connection,
        "clock": expiration.clock,
        "days": expiration.warning.days,
        "dueAt": expiration.warning.due_at.isoformat(),
        "endsAt": expiration.ends_at.isoformat(),
    }
    return Head(
        id=keys.derived_id(*map(str, warning.values())),
        plan=NOTICE.name,
        tenant=expiration.tenant,
        name=connection.name,
        requester=connection.requester,
        requester_name=SERVICE,
        created_at=now,
        request=warning,
        fingerprint="",
    )


def handlers(connections: ConnectionStore, channels: Mapping[str, Channel]) -> Mapping[str, Handler]:
    """The steps of a notice as the engine runs them: one for each channel."""
    return {name: partial(_deliver, connections, channel.send) for name, channel in channels.items()}


async def _deliver(
    connections: ConnectionStore,
    send: Callable[[Run, Connection], Awaitable[str]],
    run: Run,
    _: StepState,
) -> Outcome:
    """Sends a notice unless what it warns of has changed meanwhile."""
    connection = await connections.get(run.head.request["connection"])
    if connection is None or not is_current(run.head.request, connection):
        return Done(result={"outcome": "superseded"})
    try:
        return Done(result={"outcome": await send(run, connection)})
    except PermanentError as error:
        return Failed(error=error.as_json())
    except TransientError as error:
        return Again(trouble=Trouble.TRANSIENT, error=error.as_json(), retry_after=error.retry_after)
    except OnboardingError as error:
        return Again(trouble=Trouble.INTERNAL, error=error.as_json())


def is_current(warning: Mapping[str, Any], connection: Connection) -> bool:
    """Whether a warning is still about the connection's clock, or about one that was moved."""
    return datetime.fromisoformat(warning["endsAt"]) == connection.secret.ends_at
