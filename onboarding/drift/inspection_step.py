"""The step that inspects connections: it records what differs in the directory, and announces what is new."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onboarding.clock import Clock
from onboarding.cloud.directory import Directory
from onboarding.cloud.ports import Subscription
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection, ConnectionState, Difference
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.drift.comparison import Comparison, blames, compare, outdated, unreadable
from onboarding.drift.drift_index import DriftIndex
from onboarding.drift.inspection import InspectedConnection, Inspection, inspect
from onboarding.drift.inspection_schedule import InspectionSchedule
from onboarding.drift.subscription_comparison import (
    SubscriptionSnapshot,
    with_subscription,
)
from onboarding.errors import OnboardingError, PermanentError, requests, responses
from onboarding.notices.difference_notices import DifferenceNotices
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Context, Plan, Step

log = logging.getLogger(__name__)

SETTLED: Final = timedelta(hours=1)
"""The directory may not show newer objects yet."""

_PATIENCE: Final = timedelta(days=1)
"""A directory that does not answer for this time is reported as a difference."""

_OF_ONE: Final = (responses.ANSWER_TOO_LARGE, responses.ANSWER_UNREADABLE)
"""Errors of a whole response that one object in it can cause: connections are then inspected separately, so
that only those wait of which a response cannot be read.
"""

_LOOK: Final = timedelta(minutes=5)
_LONGEST: Final = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectionRequest:
    """The IDs of the connections of a tenant to inspect."""

    connections: tuple[str, ...]


_DONE: Final = Codec(InspectionRequest)
"""Those of a run that earlier attempts have inspected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectionResult:
    """How many connections were inspected."""

    inspected: int


class InspectionStep:
    """Inspects the connections of a run."""

    def __init__(
        self,
        *,
        directory: Callable[[str], Directory],
        subscription: Callable[[str, str], Subscription],
        connections: ConnectionStore,
        inspection_schedule: InspectionSchedule,
        drift_index: DriftIndex,
        warning_schedule: WarningSchedule,
        notices: DifferenceNotices,
        clock: Clock,
        need_present: Callable[[], Awaitable[None]],
        is_outdated: Callable[[Connection, Inspection], Awaitable[bool]],
    ) -> None:
        """``need_present`` raises while all records are outdated, because storage was restored.

        ``is_outdated``: whether the service itself has changed something since a connection was recorded.
        """
        self._is_outdated = is_outdated
        self._need_present = need_present
        self._directory = directory
        self._subscription = subscription
        self._connections = connections
        self._inspection_schedule = inspection_schedule
        self._drift_index = drift_index
        self._warning_schedule = warning_schedule
        self._notices = notices
        self._clock = clock

    async def run(self, context: InspectionContext) -> Done[InspectionResult] | Wait:
        """Inspects the connections of a run. After an error, it inspects those that are left.

        It waits while the records are outdated, so that it does not report the service's own changes.
        """
        try:
            await self._need_present()
        except OnboardingError as error:
            return Wait(
                reason=error.as_finding().said("title"), code=error.code, after=_LOOK, give_up_after=_LONGEST
            )
        ids, started_at, again = context.request.connections, context.accepted_at, context.step.attempt > 1
        done = _DONE.load(context.step.memo).connections if context.step.memo else ()
        found = await self._connections.several(name for name in ids if name not in done)
        known = {connection.id for connection in found}
        unreadable = {f"{row.partition}.{row.key}" for row in found.unreadable}
        await asyncio.gather(*(self._leave(name) for name in {*ids} - {*done} - known - unreadable))
        settled = [connection for connection in found if _is_settled(connection, started_at)]
        if settled:
            await self._inspect(settled, started_at, again=again, done=done)
        return Done(result=InspectionResult(inspected=len(done) + len(settled)))

    async def inspect_now(self, connection: Connection) -> None:
        """Inspects one connection, and records what it finds. Raises this app's errors."""
        await self._need_present()
        await self._inspect([connection], self._clock.now(), again=False)

    async def _inspect(
        self,
        connections: Sequence[Connection],
        started_at: datetime,
        *,
        again: bool,
        done: Sequence[str] = (),
    ) -> None:
        """Inspects connections, and then raises the first error; its memo has all that are ``done``."""
        found = await self._comparisons(connections, started_at)
        pairs = [*zip(connections, found, strict=True)]
        known = [(connection, compared) for connection, compared in pairs if isinstance(compared, Comparison)]
        comparisons = await asyncio.gather(
            *(self._with_subscription(connection, compared, started_at) for connection, compared in known)
        )
        await asyncio.gather(
            *(
                self._apply(connection, comparison, started_at, again=again)
                for (connection, _), comparison in zip(known, comparisons, strict=True)
            )
        )
        for error in (result for result in found if isinstance(result, OnboardingError)):
            inspected = (*done, *(connection.id for connection, _ in known))
            error.memo = _DONE.dump(InspectionRequest(connections=inspected))
            raise error

    async def _leave(self, identifier: str) -> None:
        """Forgets a connection that no longer exists."""
        await self._inspection_schedule.leave(identifier)
        await self._drift_index.remove(identifier)

    async def _comparisons(
        self, connections: Sequence[Connection], started_at: datetime
    ) -> list[Comparison | OnboardingError]:
        """The comparison for each connection, or the reason why it must be inspected again later.

        What cannot be read does not prevent the inspection of others.
        """
        try:
            return [*await self._compared(connections, started_at)]
        except OnboardingError as error:
            if error.kind not in _OF_ONE or len(connections) == 1:
                if not isinstance(error, PermanentError) and self._clock.now() - started_at < _PATIENCE:
                    return [error] * len(connections)
                return [unreadable(connection, error, started_at) for connection in connections]
        except Exception:
            log.exception("an inspection in tenant %s failed unexpectedly", connections[0].tenant)
            if len(connections) == 1:
                return [unreadable(connections[0], requests.INTERNAL_ERROR.error(), started_at)]
        alone = [await self._comparisons([connection], started_at) for connection in connections]
        return [comparison for found in alone for comparison in found]

    async def _compared(self, connections: Sequence[Connection], started_at: datetime) -> list[Comparison]:
        subjects = [InspectedConnection.of(connection) for connection in connections]
        inspections = await inspect(self._directory(connections[0].tenant), subjects, self._clock.now())
        return [
            unreadable(connection, found, started_at)
            if isinstance(found, OnboardingError)
            else await self._blameless(connection, found, compare(connection, found, started_at))
            for connection, found in zip(connections, inspections, strict=True)
        ]

    async def _blameless(
        self, connection: Connection, inspection: Inspection, comparison: Comparison
    ) -> Comparison:
        """The comparison, after a check that the service itself did not cause the differences."""
        if not blames(comparison) or not await self._is_outdated(connection, inspection):
            return comparison
        log.warning("the record of %s is outdated: an operator must reconcile the records", connection.id)
        return outdated(connection)

    async def _with_subscription(
        self, connection: Connection, comparison: Comparison, started_at: datetime
    ) -> Comparison:
        """The comparison with what differs in the subscription; errors there change nothing."""
        if connection.subscription is None:
            return comparison
        subscription = self._subscription(connection.tenant, connection.subscription)
        snapshot = SubscriptionSnapshot()
        with contextlib.suppress(OnboardingError):
            snapshot = SubscriptionSnapshot(record=await subscription.subscription())
            if connection.pending_providers:
                snapshot = replace(snapshot, providers=await subscription.registrations())
        return with_subscription(connection, comparison, snapshot, started_at)

    async def _apply(
        self, inspected: Connection, comparison: Comparison, started_at: datetime, *, again: bool
    ) -> None:
        """Announces what was corrected, records the differences, and then announces those that are new.

        After a crash, all of this is repeated. A difference that this inspection found first has its time, so
        a repetition announces it with the same ID.
        """
        secret, tenant = replace(inspected.secret, ends_at=comparison.ends_at), comparison.tenant

        def changed(current: Connection) -> Connection | None:
            if current.secret != inspected.secret:  # it was renewed in the meantime
                return None
            return current.evolve(
                inspected_at=started_at,
                differences=_with_dismissals(current, comparison.differences),
                secret=secret,
                lost=comparison.lost,
                pending_providers=comparison.pending_providers,
                updated=comparison.updated,
                tenant_name=(tenant.name if tenant else "") or current.tenant_name,
                tenant_domain=(tenant.initial_domain if tenant else "") or current.tenant_domain,
            )

        for key in inspected.differences.keys() - comparison.differences.keys():
            await self._notices.resolved(inspected, inspected.differences[key], started_at)
        if comparison.differences:
            await self._inspection_schedule.inspect_daily(inspected.id)
            await self._drift_index.enter(inspected.evolve(differences=comparison.differences))
        kept = await self._connections.change(inspected.id, changed)
        if kept is None or not kept.differences:  # even if it was removed or renewed in the meantime
            await self._inspection_schedule.relax(inspected.id)
            await self._drift_index.remove(inspected.id)
        if kept is None or kept.inspected_at != started_at:
            return
        if again or kept.expirations != inspected.expirations:
            await self._warning_schedule.schedule(kept, self._clock.now())
        for difference in kept.differences.values():
            await self._notices.announce(kept, difference, started_at)


def _with_dismissals(current: Connection, found: Mapping[str, Difference]) -> Mapping[str, Difference]:
    """The differences, with what operators dismissed while the inspection ran."""
    known = current.differences
    return {
        key: known[key]
        if key in known and replace(known[key], dismissed=difference.dismissed) == difference
        else difference
        for key, difference in found.items()
    }


def _is_settled(connection: Connection, started_at: datetime) -> bool:
    """Whether the directory already shows a connection completely, and it is not being removed."""
    return connection.state is ConnectionState.ACTIVE and is_old(connection, started_at)


def is_old(connection: Connection, now: datetime) -> bool:
    """Whether a connection was created long enough ago, or by a clock that was ahead."""
    return abs(now - connection.created_at) > SETTLED


InspectionContext = Context[InspectionStep, InspectionRequest]
"""An attempt of the step of an inspection."""


async def run(context: InspectionContext) -> Done[InspectionResult] | Wait:
    """Inspects connections."""
    return await context.services.run(context)


INSPECT: Final = Step(
    name="inspect",
    title="Inspect connections in the directory",
    handler=run,
    result=Codec(InspectionResult),
)
INSPECTION: Final = Plan("inspection", Codec(InspectionRequest), INSPECT, persistent=True)
"""It has a separate queue."""
