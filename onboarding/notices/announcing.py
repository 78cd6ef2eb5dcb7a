"""Announces notices: one run delivers a notice to one channel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from onboarding.clock import Clock
from onboarding.connections.records import Connection
from onboarding.notices.deliveries import DELIVERY, ESCALATION
from onboarding.notices.delivery_context import DeliveryServices
from onboarding.notices.notice import DeliveryRequest, Notice
from onboarding.notices.open_matters import OpenMatters
from onboarding.notices.routing import Routing
from onboarding.notices.subscribers import Subscribers
from onboarding.settings import WEBHOOK
from onboarding.storage import keys
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.workflow.plan import Plan
from onboarding.workflow.run import SERVICE
from onboarding.workflow.runtime import Runtime

_Delivery = Plan[DeliveryServices, DeliveryRequest]


class Notices:
    """Announces notices."""

    def __init__(
        self,
        *,
        runs: Runtime,
        clock: Clock,
        routing: Routing,
        subscribers: Subscribers,
        matters: OpenMatters,
    ) -> None:
        self._runs = runs
        self._matters = matters
        self._clock = clock
        self._routing = routing
        self._subscribers = subscribers

    async def announce(self, notice: Notice, connection: Connection) -> None:
        """Starts the deliveries of a notice to its channels; safe to repeat."""
        targets = self._routing.targets(connection)
        if notice.days is not None and self._is_answered(notice, notice.days, connection):
            targets = self._routing.of_operators()  # it was not an operator who answered
        programs = await self._subscribers.wanting(notice, connection)
        if notice.programs_only or (programs and targets == (WEBHOOK,)):
            targets = (WEBHOOK,) if self._routing.webhook else ()
        targets = (*targets, *programs)
        deliveries = [(DELIVERY, target) for target in targets]
        if not notice.programs_only and self._routing.escalates(notice.at, notice.ends_at):
            deliveries.append((ESCALATION, self._routing.escalation))
        await self._deliver(deliveries, notice, connection)

    def _is_answered(self, notice: Notice, days: int, connection: Connection) -> bool:
        """Whether somebody has acknowledged what a warning repeats, or snoozes the warnings."""
        if days < 0 and connection.acknowledgement(notice.expiration):
            return True
        snooze = connection.snooze(notice.expiration)
        return snooze is not None and snooze.until > self._clock.now()

    async def tell(self, notice: Notice, *, subscribers_only: bool = False) -> None:
        """Starts the deliveries of a change to programs; safe to repeat.

        ``subscribers_only``: the webhook of the deployment, which has no filter, does not get it.
        """
        targets = [WEBHOOK] if self._routing.webhook and not subscribers_only else []
        targets += await self._subscribers.wanting(notice, None)
        deliveries = [(DELIVERY, target) for target in targets]
        await self._deliver(deliveries, notice, None, subscribers_only=subscribers_only)

    async def about_channel(self, notice: Notice) -> None:
        """Starts the deliveries of a notice about a channel to the other channels; safe to repeat."""
        targets = self._routing.of_service(notice.channel)
        if notice.programs_only:
            targets = tuple(target for target in targets if target == WEBHOOK)
        targets = (*targets, *await self._subscribers.wanting(notice, None))
        await self._deliver([(DELIVERY, target) for target in targets], notice, None)

    async def _deliver(
        self,
        deliveries: Sequence[tuple[_Delivery, str]],
        notice: Notice,
        connection: Connection | None,
        *,
        subscribers_only: bool = False,
    ) -> None:
        """Starts deliveries. What a notice opens is recorded before, and what it closes afterwards."""
        await self._matters.open(notice, connection, subscribers_only=subscribers_only)
        await asyncio.gather(*(self._start(plan, notice, target) for plan, target in deliveries))
        await self._matters.close(notice.closes)

    async def _start(self, plan: _Delivery, notice: Notice, target: str) -> None:
        """Starts a delivery. An existing delivery that is damaged is listed, and does not stop the others."""
        identifier = keys.derived_id(plan.name, notice.id, target)
        request = DeliveryRequest(notice=notice, channel=target)
        head = plan.head(identifier, request, author=SERVICE, created_at=self._clock.now())
        try:
            await self._runs.start(head)
        except UnreadableRowError as error:
            await self._runs.store.note(error)
