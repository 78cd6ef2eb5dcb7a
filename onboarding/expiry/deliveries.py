"""A notice on its way to one channel: the steps as the engine runs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from onboarding.connections.records import Connection
from onboarding.connections.store import ConnectionStore
from onboarding.errors import OnboardingError, TransientError
from onboarding.expiry.notices import Notice
from onboarding.expiry.troubles import Troubles
from onboarding.workflow.engine import Handler
from onboarding.workflow.outcomes import Again, Done, Outcome, Trouble
from onboarding.workflow.runs import Run, StepState


class Channel(Protocol):
    """A way to tell somebody."""

    async def send(self, notice: Notice, connection: Connection) -> str:
        """Sends a notice; returns how it was taken. Raises this app's errors."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Deliveries:
    """What the steps share."""

    connections: ConnectionStore
    channels: Mapping[str, Channel]  # by name
    troubles: Troubles

    def handlers(self) -> Mapping[str, Handler]:
        """The steps by name."""
        return {"deliver": partial(self._attempt, self._deliver)}

    async def _deliver(self, run: Run) -> Outcome:
        """Sends a notice unless what it is about has changed meanwhile."""
        notice = Notice.from_json(run.head.request["notice"])
        connection = await self.connections.get(notice.connection)
        if connection is None or not notice.is_current(connection):
            return Done(result={"outcome": "superseded"})
        channel = self.channels[run.head.request["channel"]]
        return Done(result={"outcome": await channel.send(notice, connection)})

    async def _attempt(self, work: Callable[[Run], Awaitable[Outcome]], run: Run, step: StepState) -> Outcome:
        """Tries; what goes wrong is tried again whatever it is, since it may be mended, and is shown."""
        try:
            outcome = await work(run)
        except OnboardingError as error:
            await self.troubles.note(run.head)
            retry_after = error.retry_after if isinstance(error, TransientError) else None
            return Again(trouble=Trouble.TRANSIENT, error=error.as_json(), retry_after=retry_after)
        if step.error:
            await self.troubles.forget(run.head)
        return outcome
