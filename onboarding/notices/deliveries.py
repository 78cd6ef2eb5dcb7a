"""The steps that deliver a notice to one channel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
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
from onboarding.notices.notice import REQUEST, Notice
from onboarding.notices.routing import Routing
from onboarding.notices.signed_links import NoticeLinks
from onboarding.settings import WEBHOOK
from onboarding.workflow.engine import Handler
from onboarding.workflow.outcomes import Done, Outcome, Retry, RetryReason, Wait
from onboarding.workflow.run import Run, StepState

_SUPERSEDED: Final = Done(result={"outcome": "superseded"})
_MARGIN: Final = timedelta(days=30)
"""How late an escalation may still be sent."""


class Programs(Protocol):
    """The channel for programs, which get each notice by itself."""

    async def send(self, notice: Notice, connection: Connection) -> str:
        """Sends a notice; returns the outcome. Raises this app's errors."""
        ...


class Deliveries:
    """Delivers notices, escalates them, and sends digests."""

    def __init__(
        self,
        *,
        connections: ConnectionStore,
        webhook: Programs,
        people: People,
        routing: Routing,
        digests: Digests,
        links: NoticeLinks,
        failing: FailingDeliveries,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._webhook = webhook
        self._people = people
        self._routing = routing
        self._digests = digests
        self._links = links
        self._failing = failing
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The steps by name."""
        work = {
            "deliver": self._deliver,
            "escalate": self._escalate,
            "send-digest": self._digests.send,
            "forget-digest": self._digests.forget,
        }
        return {name: partial(self._attempt, step) for name, step in work.items()}

    async def _deliver(self, run: Run) -> Outcome:
        """Sends a notice, or adds it to the digest of its recipient."""
        channel, notice, connection = await self._current(run)
        if connection is None:
            return _SUPERSEDED
        if channel == WEBHOOK:
            return Done(result={"outcome": await self._webhook.send(notice, connection)})
        if self._routing.digest:
            day = await self._digests.add(notice, channel, run.head.created_at)
            return Done(result={"outcome": f"in the digest of {day}"})
        return await self._send(channel, notice, connection)

    async def _escalate(self, run: Run) -> Outcome:
        """Sends a notice to the escalation channel, unless it is acknowledged in time or snoozed."""
        channel, notice, connection = await self._current(run)
        if connection is None:
            return _SUPERSEDED
        if connection.acknowledgement(notice.expiration):
            return Done(result={"outcome": "acknowledged"})
        now = self._clock.now()
        if (left := run.head.created_at + self._routing.escalate_after - now) > timedelta(0):
            give_up_after = self._routing.escalate_after + _MARGIN
            return Wait(reason="Somebody acknowledges it", after=left, give_up_after=give_up_after)
        if (snooze := connection.snooze(notice.expiration)) and snooze.until > now:
            return Done(result={"outcome": "snoozed"})
        days = self._routing.escalate_after.days
        preface = f"Nobody has acknowledged this for {days} {'day' if days == 1 else 'days'}."
        return await self._send(channel, notice, connection, preface)

    async def _send(self, channel: str, notice: Notice, connection: Connection, preface: str = "") -> Outcome:
        item = Item(notice=notice, connection=connection, links=await self._links.of(notice))
        message = message_text.single(item, notice.id, preface)
        return Done(result={"outcome": await self._people.send(*self._routing.address(channel), message)})

    async def _current(self, run: Run) -> tuple[str, Notice, Connection | None]:
        """The channel and notice of a run, and its connection; None if the notice is outdated."""
        request = REQUEST.read(run.head.request)
        notice = request.notice
        connection = await self._connections.get(notice.connection)
        current = connection if connection and notice.is_current(connection) else None
        return request.channel, notice, current

    async def _attempt(self, work: Callable[[Run], Awaitable[Outcome]], run: Run, step: StepState) -> Outcome:
        """Runs a step. Every error is retried, since operators can fix it, and shown to them."""
        try:
            outcome = await work(run)
        except OnboardingError as error:
            await self._failing.note(run.head)
            retry_after = error.retry_after if isinstance(error, TransientError) else None
            return Retry(reason=RetryReason.TRANSIENT, error=error.as_json(), retry_after=retry_after)
        if step.error:
            await self._failing.forget(run.head)
        return outcome
