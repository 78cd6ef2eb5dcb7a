"""A notice on its way to one channel: the steps as the engine runs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

from onboarding.clock import Clock
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.errors import OnboardingError, TransientError
from onboarding.notices import message_text
from onboarding.notices.channels.people import People
from onboarding.notices.digests import Digests
from onboarding.notices.failing_deliveries import FailingDeliveries
from onboarding.notices.message_text import Item
from onboarding.notices.notice import Notice
from onboarding.notices.routing import Routing
from onboarding.notices.signed_links import NoticeLinks
from onboarding.settings import WEBHOOK
from onboarding.workflow.engine import Handler
from onboarding.workflow.outcomes import Done, Outcome, Retry, RetryReason, Wait
from onboarding.workflow.run import Run, StepState

_SUPERSEDED: Final = Done(result={"outcome": "superseded"})
_MARGIN: Final = timedelta(days=30)
"""How much later than planned an escalation may still be told."""


class Programs(Protocol):
    """The channel of programs, which get each notice as it is."""

    async def send(self, notice: Notice, connection: Connection) -> str:
        """Sends a notice; returns how it was taken. Raises this app's errors."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Deliveries:
    """What the steps share."""

    connections: ConnectionStore
    webhook: Programs
    people: People
    routing: Routing
    digests: Digests
    links: NoticeLinks
    failing: FailingDeliveries
    clock: Clock

    def handlers(self) -> Mapping[str, Handler]:
        """The steps by name."""
        work = {
            "deliver": self._deliver,
            "escalate": self._escalate,
            "send-digest": self.digests.send,
            "forget-digest": self.digests.forget,
        }
        return {name: partial(self._attempt, each) for name, each in work.items()}

    async def _deliver(self, run: Run) -> Outcome:
        """Sends a notice, or puts it into its recipient's digest."""
        notice, connection = await self._current(run)
        if connection is None:
            return _SUPERSEDED
        target = run.head.request["channel"]
        if target == WEBHOOK:
            return Done(result={"outcome": await self.webhook.send(notice, connection)})
        if self.routing.digest:
            day = await self.digests.add(notice, target, run.head.created_at)
            return Done(result={"outcome": f"in the digest of {day}"})
        return await self._tell(target, notice, connection)

    async def _escalate(self, run: Run) -> Outcome:
        """Tells somebody else, unless the notice is acknowledged in time, or put off."""
        notice, connection = await self._current(run)
        if connection is None:
            return _SUPERSEDED
        if connection.acknowledgement(notice.expiration):
            return Done(result={"outcome": "acknowledged"})
        now = self.clock.now()
        if (left := run.head.created_at + self.routing.escalate_after - now) > timedelta(0):
            give_up_after = self.routing.escalate_after + _MARGIN
            return Wait(reason="Somebody acknowledges", after=left, give_up_after=give_up_after)
        if (snooze := connection.snooze(notice.expiration)) and snooze.until > now:
            return Done(result={"outcome": "snoozed"})
        days = self.routing.escalate_after.days
        preface = f"Nobody has acknowledged this for {days} {'day' if days == 1 else 'days'}."
        return await self._tell(run.head.request["channel"], notice, connection, preface)

    async def _tell(self, target: str, notice: Notice, connection: Connection, preface: str = "") -> Outcome:
        item = Item(notice=notice, connection=connection, links=await self.links.of(notice))
        message = message_text.single(item, notice.id, preface)
        return Done(result={"outcome": await self.people.send(*self.routing.address(target), message)})

    async def _current(self, run: Run) -> tuple[Notice, Connection | None]:
        """The notice of a run, and its connection unless what it is about has changed meanwhile."""
        notice = Notice.from_json(run.head.request["notice"])
        connection = await self.connections.get(notice.connection)
        return notice, connection if connection and notice.is_current(connection) else None

    async def _attempt(self, work: Callable[[Run], Awaitable[Outcome]], run: Run, step: StepState) -> Outcome:
        """Tries; what goes wrong is tried again whatever it is, since it may be mended, and is shown."""
        try:
            outcome = await work(run)
        except OnboardingError as error:
            await self.failing.note(run.head)
            retry_after = error.retry_after if isinstance(error, TransientError) else None
            return Retry(reason=RetryReason.TRANSIENT, error=error.as_json(), retry_after=retry_after)
        if step.error:
            await self.failing.forget(run.head)
        return outcome
