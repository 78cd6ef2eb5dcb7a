"""The engine: makes a run go on, from one queue message, as far as it can go.

The order is always the same: the outcome of a step, its audit event and the claim on the steps that can
begin because of it are written in one transaction; then delayed messages are put on the queue; then the
message is completed by the host. A crash anywhere is repaired by the redelivery of that message, which
recognises its own claims and takes them up again.

It knows nothing of what the steps do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from weakref import WeakValueDictionary

from onboarding.clock import Clock
from onboarding.errors import steps
from onboarding.storage.queues import Queues
from onboarding.workflow import retry
from onboarding.workflow.drive import Drive
from onboarding.workflow.outcomes import Outcome
from onboarding.workflow.plan import Plan
from onboarding.workflow.poison_messages import PoisonMessage, PoisonMessages, Reason
from onboarding.workflow.run import Event, Head, Run, RunStatus, StepState, StepStatus
from onboarding.workflow.run_index import Index
from onboarding.workflow.run_store import RunStore
from onboarding.workflow.step_message import InvalidMessageError, StepMessage

log = logging.getLogger(__name__)

SERVICE: Final = "service"
"""Who acts when no caller does."""

Handler = Callable[[Run, StepState], Awaitable[Outcome]]
"""What carries out one step. It is safe to run twice, and never raises for what it foresees."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long things may take."""

    step: timedelta = timedelta(minutes=2)  # one attempt of a step; then it is tried again
    invocation: timedelta = timedelta(
        minutes=1
    )  # after that, steps that become ready get messages of their own
    stalled: timedelta = timedelta(minutes=15)  # no progress for longer: the sweep drives the run on


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """Runs plans. One per process."""

    store: RunStore
    index: Index
    queues: Queues
    queue: str
    plans: Mapping[str, Plan]
    handlers: Callable[[], Mapping[str, Handler]]  # by step; made when the first step runs, not before
    clock: Clock
    poison_messages: PoisonMessages
    limits: Limits = field(default_factory=Limits)
    policies: retry.Policies = field(default_factory=lambda: retry.CLOUD)
    working: WeakValueDictionary[str, asyncio.Lock] = field(
        init=False, repr=False, default_factory=WeakValueDictionary
    )
    """By delivery: what this process works on now."""

    async def start(self, head: Head) -> Run | None:
        """Accepts a run: announces it, writes it, sends its first message. Three storage calls.

        Returns the run that had this id before, if there is one; it is left as it is.
        """
        plan = self.plans[head.plan]
        await self.index.announce(head)
        accepted = Event(run=head.id, at=head.created_at, kind="accepted", actor=head.requester_name)
        existing = None
        if not await self.store.create(head, plan, accepted):
            existing = await self.store.load(head.id)
            if existing is None or not self.index.same_entry(existing.head, head):
                await self.index.retract(head)
        if existing is None or existing.status(plan) is RunStatus.NOT_STARTED:
            # Also for one that was there: whoever wrote it may have stopped before its message was sent.
            first = StepMessage(run=head.id, step=plan.first, attempt=1, traceparent=head.traceparent)
            await self.send(first)
        return existing

    async def send(self, message: StepMessage, delay: timedelta = timedelta(0)) -> None:
        """Puts a step's message on the queue."""
        await self.queues.send(self.queue, message.as_json(), delay=delay)

    async def handle(self, body: bytes, delivery: str) -> None:
        """Carries out a message.

        Args:
            body: The message.
            delivery: The queue's id of the message. It is the same when the message is delivered again,
                which happens only after its lock has run out: whoever worked on it is gone, or is this very
                process, which could not renew the lock in time and finishes first.

        Raises what storage raises; the host then delivers the message again.
        """
        try:
            message = StepMessage.from_bytes(body)
        except InvalidMessageError as error:
            await self._give_up(body, Reason.INVALID, str(error))
            return
        async with self.working.setdefault(delivery, asyncio.Lock()):
            run = await self.store.load(message.run)
            if run is None or run.head.plan not in self.plans:
                await self._give_up(body, Reason.UNKNOWN_RUN, "There is no such run.", message.run)
                return
            await Drive(self, run, message, delivery).go()

    async def abandon(self, body: bytes) -> None:
        """Gives up on a message that has failed as often as the host tries: its steps and the run fail."""
        try:
            message = StepMessage.from_bytes(body)
        except InvalidMessageError as error:
            await self._give_up(body, Reason.INVALID, str(error))
            return
        run = await self.store.load(message.run)
        if run is None:
            await self._give_up(body, Reason.UNKNOWN_RUN, "There is no such run.", message.run)
            return
        crashed = steps.WORKER_CRASHED.error().as_json()
        now = self.clock.now()
        held = [
            step
            for step in run.steps.values()
            if (step.status is StepStatus.RUNNING and step.key == message.key)
            or (step.name == message.step and step.status is StepStatus.PENDING)
        ]
        failed = [step.evolve(status=StepStatus.FAILED, changed_at=now, error=crashed) for step in held]
        if failed:
            names = ", ".join(step.name for step in failed)
            await self._give_up(body, Reason.WORKER_CRASHED, f"In step {names}.", run.head.id)
            events = [self.event(step, "failed", error=crashed) for step in failed]
            await self.store.commit(failed, events)
        run = Run(head=run.head, steps={**run.steps, **{step.name: step for step in failed}})
        await self.settle(run)

    async def _give_up(self, body: bytes, reason: Reason, detail: str, run: str = "") -> None:
        """Keeps a message that nobody carries out any more where people can see it."""
        log.error("gave up a message (%s): %s", reason, detail, extra={"run": run})
        message = PoisonMessage(
            queue=self.queue, body=body, reason=reason, detail=detail, run=run, at=self.clock.now()
        )
        await self.poison_messages.keep(message)

    async def settle(self, run: Run) -> None:
        """Closes the index of a run that is at its end."""
        status = run.status(self.plans[run.head.plan])
        if not status.final:
            return
        await self.index.close(run.head, status)
        if status is RunStatus.FAILED:
            # Somebody may have let it go on, or stopped it, before this was written down.
            fresh = await self.store.load(run.head.id)
            if fresh and not fresh.status(self.plans[fresh.head.plan]).final:
                await self.index.reopen(fresh.head)

    def event(self, step: StepState, kind: str, **more: Any) -> Event:
        """An audit event of a step, now."""
        fields = {"actor": SERVICE, "at": self.clock.now(), **more}
        return Event(run=step.run, kind=kind, step=step.name, attempt=step.attempt, **fields)

    async def sweep(self) -> int:
        """Drives on what has made no progress (a crash between a row and its message); returns how many."""
        driven = 0
        async for entry in self.index.unfinished():
            run = await self.store.load(entry.run)
            if run is None or not entry.points_to(run.head):
                # Announced, but never written (or written by an earlier request with the same key).
                if entry.announced_at < self.clock.now() - self.limits.stalled:
                    await self.index.forget(entry)
                continue
            if run.status(self.plans[run.head.plan]).final:
                await self.settle(run)
                # Also an announcement that a request repeated in the same moment left after the end.
                await self.index.forget(entry)
            elif self.stalled(run):
                await self.send(StepMessage(run=run.head.id, traceparent=run.head.traceparent))
                driven += 1
            await asyncio.sleep(0)
        return driven

    def stalled(self, run: Run) -> bool:
        """Whether nothing has happened for too long although something could."""
        return any(self.overdue(run, step) for step in run.steps.values())

    def overdue(self, run: Run, step: StepState) -> bool:
        """Whether a step should have been begun, woken or finished long ago."""
        plan = self.plans[run.head.plan]
        before = self.clock.now() - self.limits.stalled
        match step.status:
            case StepStatus.PENDING:
                last = max((each.changed_at or run.head.created_at) for each in run.steps.values())
                return run.ready(plan, step.name) and last < before
            case StepStatus.RUNNING:
                return step.changed_at is not None and step.changed_at < before
            case StepStatus.WAITING:
                return step.due_at is not None and step.due_at < before
            case _:
                return False
