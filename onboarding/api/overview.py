"""``/api/overview``: how the deployment is, for an operator in a hurry. What needs somebody comes first.

Everything is read up to a limit, newest or most urgent first, so it costs the same with a million onboardings
behind; where a limit was met, ``more`` says so.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import azure.functions as func

from onboarding.api.callers import Caller
from onboarding.api.front import Front, answer
from onboarding.api.parameters import tenant_id
from onboarding.api.problems import bad_parameter
from onboarding.api.summaries import OPEN, Expiring, Facts, Some, document
from onboarding.clock import Clock
from onboarding.connections.calendar import Calendar, View
from onboarding.connections.connection_store import ConnectionStore
from onboarding.drift.drift_index import DriftIndex
from onboarding.notices.failing_deliveries import FailingDeliveries
from onboarding.storage import names
from onboarding.storage.queues import Queues
from onboarding.workflow.poison_messages import PoisonMessages
from onboarding.workflow.run import RunStatus
from onboarding.workflow.run_index import Entry, Index
from onboarding.workflow.run_index import View as Runs

_MOST: Final = 1000
"""Runs that are counted of one status."""

_LISTED: Final = 100
"""Connections, messages and notices that are looked through."""

_NEAR: Final = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The endpoint."""

    front: Front
    onboardings: Index
    operations: Index
    queues: Queues
    messages: PoisonMessages
    calendar: Calendar
    connections: ConnectionStore
    differences: DriftIndex
    failing: FailingDeliveries
    clock: Clock

    async def get(self, request: func.HttpRequest, _: Caller) -> func.HttpResponse:
        """The deployment, or one tenant of it."""
        if unknown := sorted(set(request.params) - {"tenantId"}):
            raise bad_parameter(unknown[0], "there is no such parameter; there is tenantId.")
        tenant = tenant_id(request.params)
        facts = await self._facts(tenant)
        return answer(document(facts, tenant, self.front.url(request, "")))

    async def _facts(self, tenant: str | None) -> Facts:
        now = self.clock.now()
        (onboardings, operations, lengths, messages), (expirations, drifting, failing) = await asyncio.gather(
            asyncio.gather(
                self._statuses(self.onboardings, tenant),
                self._statuses(self.operations, tenant),
                asyncio.gather(*(self.queues.length(queue) for queue in names.QUEUES)),
                self.messages.page(size=_LISTED),
            ),
            asyncio.gather(
                self._clocks(tenant, now),
                self.differences.first(_LISTED, tenant),
                self.failing.page(size=_LISTED),
            ),
        )
        return Facts(
            onboardings=onboardings,
            operations=operations,
            queues=dict(zip(names.QUEUES, lengths, strict=True)),
            messages=Some(messages[0], more=bool(messages[1])),
            expirations=expirations,
            drifting=Some(drifting, more=len(drifting) == _LISTED),
            failing=Some(failing[0], more=bool(failing[1])).where(lambda each: tenant in {None, each.tenant}),
            now=now,
        )

    @staticmethod
    async def _statuses(index: Index, tenant: str | None) -> dict[str, Some[Entry]]:
        statuses = {str(RunStatus.NOT_STARTED): RunStatus.NOT_STARTED, OPEN: RunStatus.RUNNING}
        statuses |= {str(status): status for status in RunStatus if status.final}
        pages = await asyncio.gather(
            *(index.page(Runs(status=status), size=_MOST) for status in statuses.values())
        )
        return {
            name: Some(entries, more=bool(more)).where(lambda entry: tenant in {None, entry.tenant})
            for name, (entries, more) in zip(statuses, pages, strict=True)
        }

    async def _clocks(self, tenant: str | None, now: datetime) -> Some[Expiring]:
        """The expirations that end soon or have ended lately, as their connections say today."""
        entries, more = await self.calendar.page(
            View(tenant=tenant), since=now - _NEAR, until=now + _NEAR, size=_LISTED, continuation=""
        )
        found = await asyncio.gather(*(self.connections.get(entry.connection) for entry in entries))
        expirations = [
            (connection, entry.kind)
            for connection, entry in zip(found, entries, strict=True)
            if connection and connection.expirations.get(entry.kind) == entry.ends_at
        ]
        return Some(expirations, more=bool(more))
