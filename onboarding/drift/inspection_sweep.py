"""Starts the inspections of the day.

The inspections of a day are divided into runs of at most 15 connections of one tenant: one or two calls to
Graph each. When a tenant throttles or does not answer, only its own runs are retried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from onboarding.clock import Clock
from onboarding.connections.calendar import Calendar
from onboarding.drift.directory_snapshot import MOST_PAIRS
from onboarding.drift.inspection_schedule import InspectionSchedule
from onboarding.drift.inspection_step import INSPECTION, InspectionRequest
from onboarding.storage import keys
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.workflow.run import SERVICE, Head
from onboarding.workflow.runtime import Runtime

_NEAR: Final = timedelta(days=30)
"""The time before and after an expiration in which a connection is inspected every day."""

_AT_ONCE: Final = 16

_OF_TENANT: Final = "tenant"
"""The list that names the tenant of a run: it has a share of the workers."""


class InspectionSweep:
    """What the timer runs."""

    def __init__(
        self, *, inspection_schedule: InspectionSchedule, calendar: Calendar, runs: Runtime, clock: Clock
    ) -> None:
        self._inspection_schedule = inspection_schedule
        self._calendar = calendar
        self._runs = runs
        self._clock = clock

    async def run(self) -> int:
        """Starts the inspections of each day that is due, once a day; returns the number of runs."""
        now = self._clock.now()
        days = await self._inspection_schedule.due(now.date())
        if not days:
            return 0
        members = await self._inspection_schedule.members(days) | await self._near(now)
        heads = [_head(ids, now) for ids in _batches(sorted(members))]
        for start in range(0, len(heads), _AT_ONCE):
            await asyncio.gather(*map(self._start, heads[start : start + _AT_ONCE]))
        await self._inspection_schedule.complete(now.date())
        return len(heads)

    async def _start(self, head: Head) -> None:
        """Starts a run. One that exists and cannot be read does not affect the others."""
        try:
            await self._runs.start(head)
        except UnreadableRowError as error:
            await self._runs.store.note(error)

    async def _near(self, now: datetime) -> set[str]:
        """The IDs of the connections with an expiration at about this time."""
        entries = self._calendar.scan(since=now - _NEAR, until=now + _NEAR)
        return {entry.connection async for entry in entries}


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    """Connections of one tenant, at most as many as one call can read. Their IDs start with the tenant ID."""
    for _, group in groupby(ids, key=_tenant):
        of_tenant = list(group)
        for start in range(0, len(of_tenant), MOST_PAIRS):
            yield of_tenant[start : start + MOST_PAIRS]


def _tenant(connection: str) -> str:
    return connection.partition(".")[0]


def _head(ids: list[str], now: datetime) -> Head:
    """The run of an inspection: the same for the same connections on the same day."""
    return INSPECTION.head(
        keys.derived_id(INSPECTION.name, f"{now:%Y-%m-%d}", *ids),
        InspectionRequest(connections=tuple(ids)),
        author=SERVICE,
        created_at=now,
        lists={_OF_TENANT: _tenant(ids[0])},
    )
