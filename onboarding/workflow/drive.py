"""The work of one invocation on one run: the steps that its message starts, and the steps after them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from onboarding.calls import CloudCall
from onboarding.storage.tables import ConflictError
from onboarding.workflow import claims, decisions
from onboarding.workflow.attempts import Attempt
from onboarding.workflow.blocked_steps import BlockedStep
from onboarding.workflow.claims import Claim
from onboarding.workflow.failure_log import log_failure
from onboarding.workflow.outcomes import Outcome
from onboarding.workflow.run import Event, Run, StepState, StepStatus
from onboarding.workflow.runtime import Runtime
from onboarding.workflow.step_message import StepMessage

log = logging.getLogger(__name__)

_LONG: Final = timedelta(hours=1)
"""A step that has repeated an error for this time needs attention."""


class Drive:
    """Continues a run. Steps that do not depend on each other run in parallel."""

    def __init__(self, runtime: Runtime, run: Run, message: StepMessage, delivery: str) -> None:
        self._runtime = runtime
        self._plan = runtime.plan(run.head)
        self._head = run.head
        self._steps = dict(run.steps)
        self._message = message
        self._delivery = delivery
        self._began = runtime.clock.now()
        self._lock = asyncio.Lock()  # one transaction at a time: each needs the ETags of the previous one
        self._tasks: asyncio.TaskGroup

    @property
    def run(self) -> Run:
        """The run as this invocation knows it."""
        return Run(head=self._head, steps=self._steps)

    async def go(self) -> None:
        """Starts the steps that the message names, and continues with the plan as far as possible."""
        if self._head.stop_as:
            await self._leave_off()
            return
        if not any(step.attempt for step in self._steps.values()):
            await self._runtime.index.begin(self._head)
        async with asyncio.TaskGroup() as self._tasks, self._lock:
            await self._wake_again()
            await self._begin(lambda: [name for name in self._plan.steps if self._mine(name)])
        await self._runtime.settle(self.run)

    async def _leave_off(self) -> None:
        """Releases the steps that a crashed worker of this message had claimed: the run was stopped."""
        held = [step for step in self._steps.values() if self._is_left(step)]
        if held:
            left = [decisions.cancelled(step, self._runtime.clock.now()) for step in held]
            await self._runtime.store.commit(left, [self._runtime.event(step, "cancelled") for step in left])

    def _mine(self, name: str) -> bool:
        """Whether this message may start a step now."""
        step = self._steps[name]
        if self._ends():
            return False
        if self._is_left(step):
            return True
        if not self._message.step:
            return self._runtime.overdue(self.run, step)
        if name == self._message.step and step.status is StepStatus.WAITING:
            return self._message.attempt == step.attempt + 1
        return self._plan.ready(self.run, name) and self._follows(name)

    def _is_left(self, step: StepState) -> bool:
        """Whether the worker of a step is dead: it had this message, or has not renewed its claim."""
        had = step.status is StepStatus.RUNNING and step.delivery == self._delivery
        return had or claims.is_dead(step, self._message)

    def _follows(self, name: str) -> bool:
        """Whether the message is for this step, or for a step whose completed successors lead to it."""
        if name == self._message.step:
            return True
        return any(
            self._steps[other].status is StepStatus.SUCCEEDED and self._follows(other)
            for other in self._plan.steps[name].after
        )

    def _ends(self) -> bool:
        """Whether no other step may start: one has failed, or the run was stopped."""
        failed = any(step.status is StepStatus.FAILED for step in self._steps.values())
        return failed or self._head.stop_as is not None

    async def _wake_again(self) -> None:
        """Repeats the delayed messages that a crashed worker of this message may not have sent."""
        for step in self._steps.values():
            if step.status is StepStatus.WAITING and step.delivery == self._delivery:
                await self._send_wake(step)

    async def _begin(self, choose: Callable[[], Sequence[str]]) -> None:
        """Claims the steps to start, and starts them. The lock is held.

        A claim is written in one transaction with the head, so that a stop or retry of the run is noticed.
        """
        while claims := [self._claim(name) for name in choose()]:
            try:
                claimed = await self._commit([step for step, _ in claims], [event for _, event in claims])
            except ConflictError:
                # Another message was faster, or this write succeeded and its response was lost.
                await self._reload()
                claimed = [self._steps[step.name] for step, _ in claims if self._is_ours(step)]
                if not claimed:
                    continue
            for step in claimed:
                self._start(step)
            return

    async def _commit(self, steps: Sequence[StepState], events: Sequence[Event]) -> list[StepState]:
        """Writes steps of which some are claimed, with the head. Raises ``ConflictError``."""
        written = await self._runtime.store.commit(steps, events, head=self._head)
        self._head = written.head or self._head
        return written.steps

    def _claim(self, name: str) -> tuple[StepState, Event]:
        now = self._runtime.clock.now()
        before = self._steps[name]
        step = before.evolve(
            status=StepStatus.RUNNING,
            attempt=before.attempt + 1,
            key=self._message.key,
            delivery=self._delivery,
            changed_at=now,
            started_at=before.started_at or now,
            due_at=None,
        )
        new = self._plan.notes_of(self._head, step)
        kind = "redelivered" if before.status is StepStatus.RUNNING else "started"
        event = self._runtime.event(step, kind, detail=", ".join(new))
        return step.evolve(noted=(*step.noted, *new)), event

    def _is_ours(self, step: StepState) -> bool:
        """Whether the stored step has the state that this invocation wanted to write."""
        return claims.is_same(self._steps[step.name], step)

    def _start(self, step: StepState, before: tuple[CloudCall, ...] = ()) -> None:
        """Runs a step; no event shows the calls ``before`` yet."""
        self._steps[step.name] = step
        self._tasks.create_task(self._work(step, before))

    async def _work(self, step: StepState, before: tuple[CloudCall, ...]) -> None:
        """Runs a claimed step, and records its outcome."""
        claim = Claim(self._runtime, step)
        async with claim.kept():
            outcome, calls = await self._attempt(claim).work()
        step, calls = claim.step, (*before, *calls)
        async with self._lock:
            declared, now = self._plan.steps[step.name], self._runtime.clock.now()
            after = decisions.after(declared, step, outcome, now, self._runtime.policies)
            await self._runtime.tell_wait(self.run, step, after, outcome)
            held = await self._record(step, after, outcome, calls)
        if not held:
            await self._take_back(claim, outcome, calls)

    def _attempt(self, claim: Claim) -> Attempt:
        return Attempt(
            plan=self._plan,
            services=self._runtime.services,
            run=self.run,
            step=claim.step,
            limit=self._runtime.limits.step,
            lost=claim.lost,
        )

    async def _take_back(self, claim: Claim, outcome: Outcome[Any], calls: tuple[CloudCall, ...]) -> None:
        """Undoes an attempt that lost its claim, and shows its calls in the audit trail."""
        step = claim.step
        log.warning("this worker lost its claim on the step %s", step.name, extra={"run": step.run})
        error, more = await self._attempt(claim).take_back(outcome)
        event = self._runtime.event(step, "superseded", error=error, calls=(*calls, *more))
        await self._runtime.store.commit([], [event])

    async def _record(
        self, claimed: StepState, step: StepState, outcome: Outcome[Any], calls: tuple[CloudCall, ...]
    ) -> bool:
        """Writes an outcome and the claims on the next steps, then sends the messages; False if it is lost.

        ``claimed`` is the step as this worker claimed it: the outcome counts only while it is unchanged.
        """
        while True:
            self._steps[step.name] = step
            ready = self._next(step)
            yields = self._runtime.clock.now() - self._began > self._runtime.limits.invocation
            claims = [] if yields else [self._claim(name) for name in ready]
            wanted = [step, *(claim for claim, _ in claims)]
            events = [*self._events(claimed, step, outcome, calls), *(event for _, event in claims)]
            try:
                if claims:
                    written = await self._commit(wanted, events)
                else:
                    written = (await self._runtime.store.commit(wanted, events)).steps
            except ConflictError:
                await self._reload()
                now = self._steps[step.name]
                if now.etag == claimed.etag:  # others have claimed a next step, or changed the head
                    continue
                if self._is_ours(claimed):  # a person has sent a signal in the meantime: the step runs again
                    self._start(now, calls)
                    return True
                if not self._is_ours(step):
                    return False
                written = [self._steps[step.name] for step in wanted if self._is_ours(step)]
            break
        self._steps[step.name] = written[0]
        for started in written[1:]:
            self._start(started)
        await self._follow_up(written[0], ready if yields else [])
        return True

    async def _follow_up(self, step: StepState, passed_on: list[str]) -> None:
        """After the transaction: sends messages, and checks what other invocations have done."""
        await self._report(step)
        for name in passed_on:
            await self._runtime.send(self._to(self._steps[name]))
        if step.status is StepStatus.WAITING:
            await self._send_wake(step)
        elif step.status is StepStatus.SUCCEEDED and self._may_be_ready_elsewhere(step, passed_on):
            await self._reload()
            await self._begin(lambda: [name for name in self._next(step) if name not in passed_on])

    async def _report(self, step: StepState) -> None:
        """Lists a blocked step, removes one that is no longer blocked from the list, and logs a failure."""
        blocked = self._runtime.index.blocked
        if step.is_blocked or self._stalls(step):
            await blocked.enter(BlockedStep.of(self._head, step))
        elif step.attempt > 1:
            await blocked.leave(step)
        if step.status is StepStatus.FAILED:
            log_failure(self._head, step)

    def _stalls(self, step: StepState) -> bool:
        """Whether a step has repeated an error for so long that operators must know."""
        if step.status is not StepStatus.WAITING or step.error is None or step.since is None:
            return False
        return self._runtime.clock.now() - step.since >= _LONG

    def _next(self, step: StepState) -> list[str]:
        """The steps that can start after this one."""
        if step.status is not StepStatus.SUCCEEDED or self._ends():
            return []
        return [name for name in self._plan.successors(step.name) if self._plan.ready(self.run, name)]

    def _may_be_ready_elsewhere(self, step: StepState, passed_on: list[str]) -> bool:
        """Whether a next step waits only for steps that other invocations may have completed."""
        return any(
            self._steps[name].status is StepStatus.PENDING
            and name not in passed_on
            and not any(self._here(other) for other in self._plan.steps[name].after)
            for name in self._plan.successors(step.name)
        )

    def _here(self, name: str) -> bool:
        """Whether this invocation will run a step (now, or after one that it runs now)."""
        step = self._steps[name]
        if step.status is StepStatus.RUNNING:
            return step.delivery == self._delivery
        return step.status is StepStatus.PENDING and any(map(self._here, self._plan.steps[name].after))

    def _events(
        self, before: StepState, step: StepState, outcome: Outcome[Any], calls: tuple[CloudCall, ...]
    ) -> list[Event]:
        """The audit event of an outcome, if people must know about it."""
        if not decisions.is_news(before, step, outcome, calls):
            return []
        kind, detail = decisions.described(step, outcome)
        return [self._runtime.event(step, kind, detail=detail, error=step.error, calls=calls)]

    async def _send_wake(self, step: StepState) -> None:
        """Sends the delayed message that wakes a waiting step."""
        delay = max((step.due_at or self._began) - self._runtime.clock.now(), timedelta(0))
        await self._runtime.send(self._to(step), delay)

    def _to(self, step: StepState) -> StepMessage:
        return StepMessage(
            run=step.run, step=step.name, attempt=step.attempt + 1, traceparent=self._message.traceparent
        )

    async def _reload(self) -> None:
        """Reads the run again. Steps of this invocation keep their state unless another claimed them."""
        fresh = await self._runtime.load(self._head.id)
        if fresh is not None:
            self._head, self._steps = fresh.head, dict(fresh.steps)
