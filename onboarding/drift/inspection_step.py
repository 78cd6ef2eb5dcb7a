"""Inspections at the directory: what it says of connections is recorded, and told when it should not be so.

Each day's round is cut into runs of at most 15 connections of one tenant: one call of Graph each, or two. A
tenant that throttles, or is away, is tried again by its own runs and holds up no other's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

from onboarding.clock import Clock
from onboarding.cloud.calls import recorded
from onboarding.connections.calendar import Calendar, View
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection, ConnectionState, Difference
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.drift.comparison import UNREADABLE, Comparison, compare, unreadable
from onboarding.drift.directory_snapshot import MOST_PAIRS
from onboarding.drift.drift_index import DriftIndex
from onboarding.drift.inspection import Subject, inspect
from onboarding.drift.inspection_plan import INSPECTION
from onboarding.drift.inspection_schedule import InspectionSchedule
from onboarding.errors import OnboardingError, PermanentError, TransientError
from onboarding.notices.notice import Kind, Notice, Notices
from onboarding.storage import keys
from onboarding.workflow.engine import SERVICE, Engine, Handler
from onboarding.workflow.outcomes import Done, Outcome, Retry, RetryReason
from onboarding.workflow.run import Head, Run, StepState

if TYPE_CHECKING:
    from onboarding.cloud.directory import Directory

_NEAR: Final = timedelta(days=30)
"""So close to its end (or as long after it) a connection is looked at each day."""

_SETTLED: Final = timedelta(hours=1)
"""The directory may not show yet what is younger."""

_PATIENCE: Final = timedelta(days=1)
"""A directory that does not answer for longer is itself what is to be told."""

_AT_ONCE: Final = 16
_PAGE: Final = 1000
_KINDS: Final[Mapping[str, Kind]] = {
    "application": Kind.APPLICATION_DELETED,
    "service-principal": Kind.SIGN_IN_BLOCKED,
    "sign-in-enabled": Kind.SIGN_IN_BLOCKED,
    "secret-added": Kind.SECRET_ADDED,
    "secret-replaced": Kind.SECRET_REPLACED,
    "secret-removed": Kind.SECRET_REMOVED,
    "secret-end-changed": Kind.SECRET_END_CHANGED,
    UNREADABLE: Kind.DIRECTORY_UNREADABLE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectionSweep:
    """Makes the rounds."""

    inspection_schedule: InspectionSchedule
    calendar: Calendar
    engine: Engine
    clock: Clock

    async def run(self) -> int:
        """Begins the looks of each round that is due; returns how many runs. Once a day there are some."""
        now = self.clock.now()
        days = await self.inspection_schedule.begun(now.date())
        if not days:
            return 0
        members = await self.inspection_schedule.members(days) | await self._near(now)
        heads = [_head(ids, now) for ids in _batches(sorted(members))]
        for start in range(0, len(heads), _AT_ONCE):
            await asyncio.gather(*(self.engine.start(head) for head in heads[start : start + _AT_ONCE]))
        await self.inspection_schedule.made(now.date())
        return len(heads)

    async def _near(self, now: datetime) -> set[str]:
        """The ids of the connections one of whose expirations is near its end."""
        found: set[str] = set()
        continuation = ""
        while True:
            entries, continuation = await self.calendar.page(
                View(), since=now - _NEAR, until=now + _NEAR, size=_PAGE, continuation=continuation
            )
            found |= {entry.connection for entry in entries}
            if not continuation:
                return found


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectionStep:
    """The step of a look."""

    directory: Callable[[str], Directory]
    connections: ConnectionStore
    inspection_schedule: InspectionSchedule
    differences: DriftIndex
    warning_schedule: WarningSchedule
    notices: Notices
    clock: Clock

    def handlers(self) -> Mapping[str, Handler]:
        """The step by its name."""
        return {"inspect": self._attempt}

    async def _attempt(self, run: Run, step: StepState) -> Outcome:
        with recorded() as calls:
            try:
                outcome: Outcome = await self._look(run, again=step.attempt > 1)
            except TransientError as error:
                outcome = Retry(
                    reason=RetryReason.TRANSIENT, error=error.as_json(), retry_after=error.retry_after
                )
            except OnboardingError as error:
                outcome = Retry(reason=RetryReason.INTERNAL, error=error.as_json())
            return replace(outcome, evidence=tuple(call.as_json() for call in calls))

    async def _look(self, run: Run, *, again: bool) -> Done:
        ids: Sequence[str] = run.head.request["connections"]
        begun = run.head.created_at
        found = await asyncio.gather(*(self._connection(each) for each in ids))
        settled = [each for each in found if each and _can_be_looked_at(each, begun)]
        if settled:
            comparisons = await self._verdicts(run.head.tenant, settled, begun)
            await asyncio.gather(
                *(
                    self._apply(connection, comparison, begun, again=again)
                    for connection, comparison in zip(settled, comparisons, strict=True)
                )
            )
        return Done(result={"looked": len(settled)})

    async def _connection(self, identifier: str) -> Connection | None:
        connection = await self.connections.get(identifier)
        if connection is None:
            await self.inspection_schedule.leave(identifier)
            await self.differences.remove(identifier)
        return connection

    async def _verdicts(
        self, tenant: str, connections: Sequence[Connection], begun: datetime
    ) -> list[Comparison]:
        try:
            subjects = [Subject.of(each) for each in connections]
            found = await inspect(self.directory(tenant), subjects, self.clock.now())
        except OnboardingError as error:
            if not isinstance(error, PermanentError) and self.clock.now() - begun < _PATIENCE:
                raise
            return [unreadable(each, error, begun) for each in connections]
        return [compare(each, inspection, begun) for each, inspection in zip(connections, found, strict=True)]

    async def _apply(
        self, looked: Connection, comparison: Comparison, begun: datetime, *, again: bool
    ) -> None:
        """Tells what is new, then records it: a crash in between tells it again under the same id."""
        for difference in comparison.differences.values():
            if difference.since == begun:
                await self.notices.announce(_notice(looked, difference), looked)
        changed = replace(
            looked,
            inspected_at=begun,
            differences=comparison.differences,
            secret=replace(looked.secret, ends_at=comparison.ends_at),
        )
        if comparison.differences:
            await self.differences.enter(changed)
        kept = await self.connections.change(looked.id, lambda now: _changed(now, looked, changed))
        if kept is None:
            return
        if not kept.differences:
            await self.differences.remove(kept.id)
        if again or kept.secret.ends_at != looked.secret.ends_at:
            await self.warning_schedule.schedule(kept, self.clock.now())


def _changed(now: Connection, looked: Connection, changed: Connection) -> Connection | None:
    """A connection as it is now with what a look has found; None when its secret was renewed meanwhile."""
    if now.secret != looked.secret:
        return None
    return replace(
        now, inspected_at=changed.inspected_at, differences=changed.differences, secret=changed.secret
    )


def _can_be_looked_at(connection: Connection, begun: datetime) -> bool:
    """Whether what the directory shows of a connection is neither too young nor just being removed."""
    return connection.state is ConnectionState.ACTIVE and connection.created_at < begun - _SETTLED


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    """Connections of one tenant, as many as one call takes; their ids begin with the tenant's."""
    for _, group in groupby(ids, key=_tenant):
        some = list(group)
        for start in range(0, len(some), MOST_PAIRS):
            yield some[start : start + MOST_PAIRS]


def _tenant(connection: str) -> str:
    return connection.partition(".")[0]


def _head(ids: list[str], now: datetime) -> Head:
    """The run of a look: the same for the same connections on the same day."""
    return Head(
        id=keys.derived_id(INSPECTION.name, f"{now:%Y-%m-%d}", *ids),
        plan=INSPECTION.name,
        tenant=_tenant(ids[0]),
        name=INSPECTION.name,
        requester="",
        requester_name=SERVICE,
        created_at=now,
        request={"connections": ids},
        fingerprint="",
    )


def _notice(connection: Connection, difference: Difference) -> Notice:
    kind = Kind.CONSENT_WITHDRAWN if difference.code.startswith("consent-") else Kind.PROFILE_DRIFT
    return Notice(
        kind=_KINDS.get(difference.code, kind),
        connection=connection.id,
        key=(difference.key, difference.since.isoformat()),
        at=difference.since,
        message=difference.detail,
        impact=difference.impact,
        remedy=difference.remedy,
        details={"finding": difference.code, "app": difference.app or None},
    )
