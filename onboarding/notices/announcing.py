"""Announces notices: each goes to each of its channels by a run of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from onboarding.clock import Clock
from onboarding.connections.records import Connection
from onboarding.notices.deliveries import DELIVERY, ESCALATION, Deliveries
from onboarding.notices.notice import DeliveryRequest, Notice
from onboarding.notices.routing import Routing
from onboarding.storage import keys
from onboarding.workflow.plan import Plan
from onboarding.workflow.runtime import SERVICE, Runtime


@dataclass(frozen=True, kw_only=True, slots=True)
class Notices:
    """Where whoever has something to tell announces it."""

    runs: Runtime
    clock: Clock
    routing: Routing

    async def announce(self, notice: Notice, connection: Connection) -> None:
        """Sends a notice on its way to each of its channels, unless it is already."""
        runs = [(DELIVERY, target) for target in self.routing.targets(connection)]
        if self.routing.escalates(notice.at, notice.ends_at):
            runs.append((ESCALATION, self.routing.escalation))
        await asyncio.gather(*(self._start(plan, notice, target) for plan, target in runs))

    async def _start(self, plan: Plan[Deliveries, DeliveryRequest], notice: Notice, target: str) -> None:
        identifier = keys.derived_id(plan.name, notice.id, target)
        request = DeliveryRequest(notice=notice, channel=target)
        now = self.clock.now()
        await self.runs.start(plan.head(identifier, request, actor=SERVICE, created_at=now))
