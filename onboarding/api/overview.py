"""``/api/overview``: the state of the deployment at a glance. What needs attention comes first.

Everything is read up to a limit, the newest or most urgent first. So the cost does not grow with the number
of onboardings. Where a limit was reached, ``more`` is true.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol, TypeVar

from pydantic import Field

from onboarding.api.attention_expirations import URGENT
from onboarding.api.channels import ChannelReports
from onboarding.api.counting import Some
from onboarding.api.endpoint import OPERATORS, Call, endpoint
from onboarding.api.overview_documents import Overview
from onboarding.api.overview_facts import OPEN, Expiring, OverviewFacts
from onboarding.api.reading import Id, Parameters
from onboarding.audit.trail_gaps import TrailGaps
from onboarding.clock import Clock
from onboarding.connections.calendar import Calendar, View
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.site_waits import SiteWaits
from onboarding.drift.drift_index import DriftIndex
from onboarding.lifecycle.requests import TENANT
from onboarding.notices import failing_deliveries
from onboarding.recovery.epoch import Epoch
from onboarding.storage import names
from onboarding.storage.periodic_jobs import PeriodicJobs
from onboarding.storage.queues import Queues
from onboarding.storage.unreadable_rows import UnreadableRows
from onboarding.workflow.blocked_steps import BlockedStep
from onboarding.workflow.index_entry import Entry
from onboarding.workflow.poison_messages import PoisonMessages
from onboarding.workflow.run import RunStatus
from onboarding.workflow.run_index import RunIndex
from onboarding.workflow.run_view import RunView
from onboarding.workflow.runtime import Runtime

_MOST: Final = 1000
"""Runs that are counted of one status."""

_LISTED: Final = 100
"""Connections, messages and notices that are read."""

_NEAR: Final = timedelta(days=30)

_FEW: Final = 5
_MANY: Final = 20
"""Pages that are read at most to find what nobody has acknowledged or dismissed, or what is of one tenant. A
page of records that are looked up one by one costs more, so there are fewer of these.
"""

_Thing = TypeVar("_Thing")
_Some_co = TypeVar("_Some_co", covariant=True)


class _Page(Protocol[_Some_co]):
    """A list that is read page by page; the continuation is empty at the end."""

    def __call__(self, *, size: int, continuation: str) -> Awaitable[tuple[Sequence[_Some_co], str]]: ...


class OverviewQuery(Parameters):
    """What the overview is about."""

    tenant_id: Id | None = Field(None, description="Only this tenant.")


class OverviewResource:
    """The endpoint."""

    def __init__(
        self,
        *,
        onboardings: RunIndex,
        operations: RunIndex,
        inspections: RunIndex,
        queues: Queues,
        messages: PoisonMessages,
        unreadable: UnreadableRows,
        jobs: PeriodicJobs,
        trail_gaps: TrailGaps,
        epoch: Epoch,
        calendar: Calendar,
        connections: ConnectionStore,
        differences: DriftIndex,
        waits: SiteWaits,
        notices: Runtime,
        channels: ChannelReports,
        clock: Clock,
    ) -> None:
        self._onboardings = onboardings
        self._operations = operations
        self._inspections = inspections
        self._queues = queues
        self._messages = messages
        self._unreadable = unreadable
        self._jobs = jobs
        self._trail_gaps = trail_gaps
        self._epoch = epoch
        self._calendar = calendar
        self._connections = connections
        self._differences = differences
        self._waits = waits
        self._notices = notices
        self._channels = channels
        self._clock = clock

    @endpoint(
        "GET /overview",
        name="get_overview",
        roles=OPERATORS,
        answers={200: Overview},
    )
    async def get(self, call: Call[OverviewQuery, None]) -> Overview:
        """Get the state of the deployment or of one tenant; what needs attention comes first."""
        tenant = call.query.tenant_id
        return Overview.of(await self._facts(tenant), tenant, call.url)

    async def _facts(self, tenant: str | None) -> OverviewFacts:
        now = self._clock.now()
        (
            (onboardings, operations, lengths, messages),
            (blocked, expirations, drifting, waiting, failing),
        ) = await asyncio.gather(
            asyncio.gather(
                self._statuses(self._onboardings, tenant),
                self._statuses(self._operations, tenant),
                asyncio.gather(*(self._queues.length(queue) for queue in names.QUEUES)),
                self._messages.page(size=_LISTED),
            ),
            asyncio.gather(
                self._blocked(tenant),
                self._expiring(tenant, now),
                self._differences.spread(size=_LISTED, tenant=tenant),
                _read(partial(self._waits.page, tenant=tenant), size=_MOST, most=_FEW * _MOST),
                _read(
                    partial(failing_deliveries.page, self._notices),
                    lambda delivery: tenant in {None, delivery.tenant},
                    pages=_FEW,
                ),
            ),
        )
        return OverviewFacts(
            onboardings=onboardings,
            operations=operations,
            queues=dict(zip(names.QUEUES, lengths, strict=True)),
            messages=Some(messages[0], more=bool(messages[1])),
            blocked=blocked,
            expirations=expirations,
            drifting=Some(*drifting),
            waiting=waiting,
            failing=failing,
            channels=await self._channels.all(),
            jobs=await self._jobs.all(),
            trail_gaps=await _read(self._trail_gaps.page, lambda gap: gap.dismissed is None),
            trail_round=await self._trail_gaps.round(),
            gap=await self._epoch.known_gap(),
            failed_onboardings=await self._failed(self._onboardings, tenant),
            failed_operations=await self._failed(self._operations, tenant),
            failed_inspections=await self._failed(self._inspections, tenant),
            ended=await self._unseen(View(tenant=tenant), None, now),
            ends_soon=await self._unseen(View(tenant=tenant), now, now + URGENT),
            now=now,
            # Last, because the other calls can find rows.
            unreadable=await _read(self._unreadable.page, lambda row: row.dismissed is None, pages=_FEW),
        )

    async def _blocked(self, tenant: str | None) -> Some[BlockedStep]:
        """The steps that wait for somebody to act."""
        several = await asyncio.gather(
            *(
                _read(
                    index.blocked.page,
                    lambda step: tenant in {None, step.lists.get(TENANT)},
                    size=_MOST,
                    most=_FEW * _MOST,
                )
                for index in (self._onboardings, self._operations)
            )
        )
        return Some([step for some in several for step in some.found], any(some.more for some in several))

    @staticmethod
    async def _statuses(index: RunIndex, tenant: str | None) -> dict[str, Some[Entry]]:
        statuses = {str(RunStatus.NOT_STARTED): RunStatus.NOT_STARTED, OPEN: RunStatus.RUNNING}
        statuses |= {str(status): status for status in RunStatus if status.final}
        pages = await asyncio.gather(
            *(index.page(RunView(status=status), size=_MOST) for status in statuses.values())
        )
        return {
            name: Some(entries, more=bool(more)).where(
                lambda entry: tenant in {None, entry.lists.get(TENANT)}
            )
            for name, (entries, more) in zip(statuses, pages, strict=True)
        }

    @staticmethod
    async def _failed(index: RunIndex, tenant: str | None) -> Some[Entry]:
        """The failed runs that nobody has retried, undone or dismissed."""
        found, continuation = await index.marked(size=_MOST)
        entries = [entry for entry in found if tenant in {None, entry.lists.get(TENANT)}]
        return Some(entries, more=bool(continuation))

    async def _unseen(self, view: View, since: datetime | None, until: datetime) -> Some[Expiring]:
        """What nobody has acknowledged."""

        async def page(*, size: int, continuation: str) -> tuple[list[Expiring], str]:
            entries, further = await self._calendar.page(
                view, since=since, until=until, size=size, continuation=continuation
            )
            return await self._connections.expiring(entries), further

        return await _read(page, lambda expiring: not expiring[0].is_acknowledged(expiring[1]))

    async def _expiring(self, tenant: str | None, now: datetime) -> Some[Expiring]:
        """What expires soon or has expired lately, as the connections have it now."""
        entries, more = await self._calendar.page(
            View(tenant=tenant), since=now - _NEAR, until=now + _NEAR, size=_LISTED, continuation=""
        )
        return Some(await self._connections.expiring(entries), more=bool(more))


async def _read(
    page: _Page[_Thing],
    keep: Callable[[_Thing], bool] = lambda _: True,
    *,
    size: int = _LISTED,
    most: int = _LISTED,
    pages: int = _MANY,
) -> Some[_Thing]:
    """The entries of a list to which ``keep`` applies; the others take no room from them.

    Args:
        page: The list.
        keep: Whether a thing counts.
        size: Of a page.
        most: The number after which no other page is read.
        pages: The number of pages.
    """
    found: list[_Thing] = []
    continuation = ""
    for _ in range(pages):
        some, continuation = await page(size=size, continuation=continuation)
        found += filter(keep, some)
        if not continuation or len(found) >= most:
            break
    return Some(found, more=bool(continuation))
