"""The step that inspects connections: it records what differs in the directory, and announces what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from onboarding.clock import Clock
from onboarding.cloud.calls import recorded
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection, ConnectionState, Difference
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.drift.comparison import UNREADABLE, Comparison, compare, unreadable
from onboarding.drift.drift_index import DriftIndex
from onboarding.drift.inspection import Subject, inspect
from onboarding.drift.inspection_schedule import InspectionSchedule
from onboarding.drift.inspection_sweep import REQUEST
from onboarding.errors import OnboardingError, PermanentError, TransientError
from onboarding.notices.notice import Kind, Notice, Notices
from onboarding.workflow.engine import Handler
from onboarding.workflow.outcomes import Done, Outcome, Retry, RetryReason
from onboarding.workflow.run import Run, StepState

if TYPE_CHECKING:
    from onboarding.cloud.directory import Directory

_SETTLED: Final = timedelta(hours=1)
"""The directory may not show yet what is younger."""

_PATIENCE: Final = timedelta(days=1)
"""When a directory does not answer for longer, that itself is reported."""

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


class InspectionStep:
    """Inspects the connections of a run."""

    def __init__(
        self,
        *,
        directory: Callable[[str], Directory],
        connections: ConnectionStore,
        inspection_schedule: InspectionSchedule,
        drift_index: DriftIndex,
        warning_schedule: WarningSchedule,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._connections = connections
        self._inspection_schedule = inspection_schedule
        self._drift_index = drift_index
        self._warning_schedule = warning_schedule
        self._notices = notices
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The step by its name."""
        return {"inspect": self._attempt}

    async def _attempt(self, run: Run, step: StepState) -> Outcome:
        with recorded() as calls:
            try:
                outcome: Outcome = await self._inspect(run, again=step.attempt > 1)
            except TransientError as error:
                outcome = Retry(
                    reason=RetryReason.TRANSIENT, error=error.as_json(), retry_after=error.retry_after
                )
            except OnboardingError as error:
                outcome = Retry(reason=RetryReason.INTERNAL, error=error.as_json())
            return replace(outcome, evidence=tuple(call.as_json() for call in calls))

    async def _inspect(self, run: Run, *, again: bool) -> Done:
        ids, started_at = REQUEST.read(run.head.request).connections, run.head.created_at
        found = await asyncio.gather(*map(self._connection, ids))
        settled = [connection for connection in found if connection and _is_settled(connection, started_at)]
        if settled:
            comparisons = await self._comparisons(settled, started_at)
            await asyncio.gather(
                *(
                    self._apply(connection, comparison, started_at, again=again)
                    for connection, comparison in zip(settled, comparisons, strict=True)
                )
            )
        return Done(result={"inspected": len(settled)})

    async def _connection(self, identifier: str) -> Connection | None:
        connection = await self._connections.get(identifier)
        if connection is None:
            await self._inspection_schedule.leave(identifier)
            await self._drift_index.remove(identifier)
        return connection

    async def _comparisons(self, connections: Sequence[Connection], started_at: datetime) -> list[Comparison]:
        try:
            subjects = [Subject.of(connection) for connection in connections]
            inspections = await inspect(self._directory(connections[0].tenant), subjects, self._clock.now())
        except OnboardingError as error:
            if not isinstance(error, PermanentError) and self._clock.now() - started_at < _PATIENCE:
                raise
            return [unreadable(connection, error, started_at) for connection in connections]
        return [
            compare(connection, inspection, started_at)
            for connection, inspection in zip(connections, inspections, strict=True)
        ]

    async def _apply(
        self, inspected: Connection, comparison: Comparison, started_at: datetime, *, again: bool
    ) -> None:
        """Announces new differences, then records them: a crash in between repeats them with the same id."""
        for difference in comparison.differences.values():
            if difference.since == started_at:
                await self._notices.announce(_notice(inspected, difference), inspected)
        secret = replace(inspected.secret, ends_at=comparison.ends_at)

        def changed(current: Connection) -> Connection | None:
            if current.secret != inspected.secret:  # it was renewed in the meantime
                return None
            return current.evolve(inspected_at=started_at, differences=comparison.differences, secret=secret)

        if comparison.differences:
            await self._drift_index.enter(inspected.evolve(differences=comparison.differences))
        kept = await self._connections.change(inspected.id, changed)
        if kept is None:
            return
        if not kept.differences:
            await self._drift_index.remove(kept.id)
        if again or kept.secret.ends_at != inspected.secret.ends_at:
            await self._warning_schedule.schedule(kept, self._clock.now())


def _is_settled(connection: Connection, started_at: datetime) -> bool:
    """Whether the directory already shows a connection completely, and it is not being removed."""
    return connection.state is ConnectionState.ACTIVE and connection.created_at < started_at - _SETTLED


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
        details={"difference": difference.code, "app": difference.app or None},
    )
