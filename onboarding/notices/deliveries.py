"""A notice on its way to one channel: the steps as the engine runs them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from onboarding.clock import Clock
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.notices import message_text
from onboarding.notices.channels.people import People
from onboarding.notices.digests import Digests
from onboarding.notices.failing_deliveries import FailingDeliveries, noted
from onboarding.notices.message_text import Item
from onboarding.notices.notice import DeliveryRequest, Notice
from onboarding.notices.routing import Routing
from onboarding.notices.signed_links import NoticeLinks
from onboarding.settings import WEBHOOK
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Context, Plan, Step


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryResult:
    """How the delivery ended."""

    outcome: str


_SUPERSEDED: Final = Done(result=DeliveryResult(outcome="superseded"))
_MARGIN: Final = timedelta(days=30)
"""How late an escalation may still be sent."""


class Programs(Protocol):
    """The channel for programs, which get each notice by itself."""

    async def send(self, notice: Notice, connection: Connection) -> str:
        """Sends a notice; returns the outcome. Raises this app's errors."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Deliveries:
    """The services of the steps."""

    connections: ConnectionStore
    webhook: Programs
    people: People
    routing: Routing
    digests: Digests
    links: NoticeLinks
    failing: FailingDeliveries
    clock: Clock

    async def deliver(self, context: DeliveryContext) -> Done[DeliveryResult]:
        """Sends a notice, or adds it to the digest of its recipient."""
        notice, connection = await self._current(context.request)
        if connection is None:
            return _SUPERSEDED
        target = context.request.channel
        if target == WEBHOOK:
            return Done(result=DeliveryResult(outcome=await self.webhook.send(notice, connection)))
        if self.routing.digest:
            day = await self.digests.add(notice, target, context.accepted_at)
            return Done(result=DeliveryResult(outcome=f"in the digest of {day}"))
        return await self._tell(target, notice, connection)

    async def escalate(self, context: DeliveryContext) -> Done[DeliveryResult] | Wait:
        """Sends a notice to the escalation channel, unless it is acknowledged in time or snoozed."""
        notice, connection = await self._current(context.request)
        if connection is None:
            return _SUPERSEDED
        if connection.acknowledgement(notice.expiration):
            return Done(result=DeliveryResult(outcome="acknowledged"))
        now = self.clock.now()
        if (left := context.accepted_at + self.routing.escalate_after - now) > timedelta(0):
            give_up_after = self.routing.escalate_after + _MARGIN
            return Wait(reason="Somebody acknowledges it", after=left, give_up_after=give_up_after)
        if (snooze := connection.snooze(notice.expiration)) and snooze.until > now:
            return Done(result=DeliveryResult(outcome="snoozed"))
        days = self.routing.escalate_after.days
        preface = f"Nobody has acknowledged this for {days} {'day' if days == 1 else 'days'}."
        return await self._tell(context.request.channel, notice, connection, preface)

    async def _tell(
        self, target: str, notice: Notice, connection: Connection, preface: str = ""
    ) -> Done[DeliveryResult]:
        item = Item(notice=notice, connection=connection, links=await self.links.of(notice))
        message = message_text.single(item, notice.id, preface)
        return Done(
            result=DeliveryResult(outcome=await self.people.send(*self.routing.address(target), message))
        )

    async def _current(self, request: DeliveryRequest) -> tuple[Notice, Connection | None]:
        """The notice of a request, and its connection unless what it is about has changed meanwhile."""
        notice = request.notice
        connection = await self.connections.get(notice.connection)
        return notice, connection if connection and notice.is_current(connection) else None


DeliveryContext = Context[Deliveries, DeliveryRequest]
"""An attempt of a step of a delivery."""


async def deliver(context: DeliveryContext) -> Done[DeliveryResult]:
    """Delivers a notice."""
    return await context.services.deliver(context)


async def escalate(context: DeliveryContext) -> Done[DeliveryResult] | Wait:
    """Escalates a notice."""
    return await context.services.escalate(context)


DELIVER: Final = Step(
    name="deliver", title="Notify the channel", handler=noted(deliver), result=Codec(DeliveryResult)
)
DELIVERY: Final = Plan("delivery", Codec(DeliveryRequest), DELIVER, persistent=True)

ESCALATE: Final = Step(
    name="escalate", title="Escalate", handler=noted(escalate), result=Codec(DeliveryResult)
)
ESCALATION: Final = Plan("escalation", Codec(DeliveryRequest), ESCALATE, persistent=True)
