"""Restores an onboarding and its connection from the copy in the vault."""

from __future__ import annotations

from datetime import datetime

from onboarding.connections.handover import Handover
from onboarding.connections.records import Connection
from onboarding.lifecycle import ownership
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.existing import keep_up
from onboarding.lifecycle.run_copies import RunCopy
from onboarding.lifecycle.steps.connection import CONNECTION, ConnectionResult, connection_of
from onboarding.workflow.plan import Context
from onboarding.workflow.run import SERVICE, Event, Run, StepState, StepStatus


class RestoredOnboarding:
    """An onboarding as its copy shows it."""

    def __init__(self, services: Services, copy: RunCopy) -> None:
        self._services = services
        self._copy = copy
        run = copy.run()
        request = services.onboardings.plan(run.head).request_of(run.head)
        step = StepState(run=run.head.id, name=CONNECTION.name)
        self._context: OnboardingContext = Context(services=services, request=request, run=run, step=step)
        self.connection: Connection = connection_of(self._context).evolve(
            created_at=copy.at, handover=Handover(since=copy.at), copied=True
        )
        result = CONNECTION.dump(ConnectionResult(id=self.connection.id))
        done = step.evolve(
            status=StepStatus.SUCCEEDED,
            attempt=1,
            started_at=copy.at,
            changed_at=copy.at,
            result=result,
        )
        self._run = run.having([done])

    async def restore(self, now: datetime) -> bool:
        """Writes the run and the connection; False if its run was stopped in the meantime. Safe to repeat."""
        services, connection = self._services, self.connection
        if not await self._write_run():
            return False
        kept = await services.connections.add(connection)
        if kept.onboarding != connection.onboarding:
            return False
        await ownership.enter(services, connection.request, connection.onboarding, connection.requester)
        await services.warning_schedule.schedule(kept, now)
        await keep_up(self._context, kept)
        return True

    async def _write_run(self) -> bool:
        runs, head = self._services.onboardings, self._run.head
        known = await runs.load(head.id)
        if known is None:
            await runs.index.begin(head)
            accepted = Event.by(head.author, run=head.id, at=head.created_at, kind="accepted")
            if await runs.store.create(self._run, accepted):
                await runs.settle(self._run)
                return True
            known = await runs.load(head.id)  # its requester has sent it again
        return known is not None and await self._complete(known)

    async def _complete(self, known: Run) -> bool:
        """Completes a run that is recorded as it was at the time of the backup."""
        runs = self._services.onboardings
        if known.head.stop_as:
            return False
        behind = [step for step in known.steps.values() if step.status is not StepStatus.SUCCEEDED]
        for step in (step for step in behind if step.is_blocked):
            await runs.index.blocked.leave(step)
        done = [
            self._run.steps[step.name].evolve(etag=step.etag, table=step.table)
            for step in behind
            if step.name in self._run.steps
        ]
        if done:
            event = Event.by(SERVICE, run=known.head.id, at=self._copy.at, kind="restored")
            written = await runs.store.commit(done, [event])
            known = known.having(written.steps)
        await runs.settle(known)
        return True
