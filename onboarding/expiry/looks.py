"""Looks at the directory: what it says of connections is recorded, and told when it should not be so.

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
from onboarding.cloud.inventory import MOST_PAIRS
from onboarding.connections.calendar import Calendar, View
from onboarding.connections.deviations import DeviationIndex
from onboarding.connections.expirations import ExpirationIndex
from onboarding.connections.inspection import Subject, inspect
from onboarding.connections.records import Connection, ConnectionState, Deviation
from onboarding.connections.rounds import Rounds
from onboarding.connections.store import ConnectionStore
from onboarding.errors import OnboardingError, PermanentError, TransientError
from onboarding.expiry.comparison import UNREADABLE, Verdict, compare, unreadable
from onboarding.expiry.notices import Kind, Notice, Notices
from onboarding.expiry.plans import LOOK
from onboarding.storage import keys
from onboarding.workflow.engine import SERVICE, Engine, Handler
from onboarding.workflow.outcomes import Again, Done, Outcome, Trouble
from onboarding.workflow.runs import Head, Run, StepState

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
class DirectorySweep:
    """Makes the rounds."""

    rounds: Rounds
    calendar: Calendar
    engine: Engine
    clock: Clock

    async def run(self) -> int:
        """Begins the looks of each round that is due; returns how many runs. Once a day there are some."""
        now = self.clock.now()
        days = await self.rounds.begun(now.date())
        if not days:
            return 0
        members = await self.rounds.members(days) | await self._near(now)
        heads = [_head(ids, now) for ids in _batches(sorted(members))]
        for start in range(0, len(heads), _AT_ONCE):
            await asyncio.gather(*(self.engine.start(head) for head in heads[start : start + _AT_ONCE]))
        await self.rounds.made(now.date())
        return len(heads)

    async def _near(self, now: datetime) -> set[str]:
        """The ids of the connections one of whose clocks is near its end."""
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
class Looks:
    """The step of a look."""

    directory: Callable[[str], Directory]
    connections: ConnectionStore
    rounds: Rounds
    deviations: DeviationIndex
    expirations: ExpirationIndex
    notices: Notices
    clock: Clock

    def handlers(self) -> Mapping[str, Handler]:
        """The step by its name."""
        return {"look": self._attempt}

    async def _attempt(self, run: Run, step: StepState) -> Outcome:
        with recorded() as calls:
            try:
                outcome: Outcome = await self._look(run, again=step.attempt > 1)
            except TransientError as error:
                outcome = Again(
                    trouble=Trouble.TRANSIENT, error=error.as_json(), retry_after=error.retry_after
                )
            except OnboardingError as error:
                outcome = Again(trouble=Trouble.INTERNAL, error=error.as_json())
            return replace(outcome, evidence=tuple(call.as_json() for call in calls))

    async def _look(self, run: Run, *, again: bool) -> Done:
        ids: Sequence[str] = run.head.request["connections"]
        begun = run.head.created_at
        found = await asyncio.gather(*(self._connection(each) for each in ids))
        settled = [each for each in found if each and _can_be_looked_at(each, begun)]
        if settled:
            verdicts = await self._verdicts(run.head.tenant, settled, begun)
            await asyncio.gather(
                *(
                    self._apply(connection, verdict, begun, again=again)
                    for connection, verdict in zip(settled, verdicts, strict=True)
                )
            )
        return Done(result={"looked": len(settled)})

    async def _connection(self, identifier: str) -> Connection | None:
        connection = await self.connections.get(identifier)
        if connection is None:
            await self.rounds.leave(identifier)
            await self.deviations.remove(identifier)
        return connection

    async def _verdicts(
        self, tenant: str, connections: Sequence[Connection], begun: datetime
    ) -> list[Verdict]:
        try:
            subjects = [Subject.of(each) for each in connections]
            found = await inspect(self.directory(tenant), subjects, self.clock.now())
        except OnboardingError as error:
            if not isinstance(error, PermanentError) and self.clock.now() - begun < _PATIENCE:
                raise
            return [unreadable(each, error, begun) for each in connections]
        return [compare(each, inspection, begun) for each, inspection in zip(connections, found, strict=True)]

    async def _apply(self, looked: Connection, verdict: Verdict, begun: datetime, *, again: bool) -> None:
        """Tells what is new, then records it: a crash in between tells it again under the same id."""
        for deviation in verdict.deviations.values():
            if deviation.since == begun:
                await self.notices.announce(_notice(looked, deviation), looked)
        changed = replace(
            looked,
            looked_at=begun,
            deviations=verdict.deviations,
            secret=replace(looked.secret, ends_at=verdict.ends_at),
        )
        if verdict.deviations:
            await self.deviations.enter(changed)
        kept = await self.connections.change(looked.id, lambda now: _changed(now, looked, changed))
        if kept is None:
            return
        if not kept.deviations:
            await self.deviations.remove(kept.id)
        if again or kept.secret.ends_at != looked.secret.ends_at:
            await self.expirations.schedule(kept, self.clock.now())


def _changed(now: Connection, looked: Connection, changed: Connection) -> Connection | None:
    """A connection as it is now with what a look has found; None when its secret was renewed meanwhile."""
    if now.secret != looked.secret:
        return None
    return replace(now, looked_at=changed.looked_at, deviations=changed.deviations, secret=changed.secret)


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
        id=keys.derived_id(LOOK.name, f"{now:%Y-%m-%d}", *ids),
        plan=LOOK.name,
        tenant=_tenant(ids[0]),
        name=LOOK.name,
        requester="",
        requester_name=SERVICE,
        created_at=now,
        request={"connections": ids},
        fingerprint="",
    )


def _notice(connection: Connection, deviation: Deviation) -> Notice:
    kind = Kind.CONSENT_WITHDRAWN if deviation.code.startswith("consent-") else Kind.PROFILE_DRIFT
    return Notice(
        kind=_KINDS.get(deviation.code, kind),
        connection=connection.id,
        key=(deviation.key, deviation.since.isoformat()),
        at=deviation.since,
        message=deviation.detail,
        consequence=deviation.breaks,
        remedy=deviation.remedy,
        details={"finding": deviation.code, "app": deviation.app or None},
    )
