"""What people do with a run: retry a failed run, stop a run, send a signal to a waiting step.

Each is one transaction with the ETags of what it changes, and is repeated after a conflict. So a worker
notices it at its next write, and never sees an incomplete change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onboarding.storage.tables import ConflictError
from onboarding.workflow import claims, decisions
from onboarding.workflow.run import SERVICE, Author, Event, Head, Run, RunStatus, StepState, StepStatus
from onboarding.workflow.runtime import Runtime
from onboarding.workflow.step_message import StepMessage

_CALM: Final = timedelta(seconds=2)
"""The time between two checks of a step that people request."""

_SELDOM: Final = 10
_SELDOM_CALM: Final = timedelta(seconds=30)
"""The same for people who did not sign in: a tenth of the time between two checks, and at most this long.

A link is valid for weeks, and each check is two events of the audit trail.
"""

_ENDED: Final = {RunStatus.CANCELLED: "cancelled", RunStatus.ROLLED_BACK: "rolled-back"}
"""The events of the audit trail at the end of a stopped run."""


class NotPossibleError(Exception):
    """The status of the run does not allow this."""

    def __init__(self, status: RunStatus) -> None:
        super().__init__(f"the run is {status}")
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class _Change:
    """The changes to a run."""

    steps: Sequence[StepState]
    event: Event
    head: Head | None = None


async def retry(
    runtime: Runtime, run_id: str, author: Author, *, keep_authority: bool = True, at_once: bool = False
) -> Run | None:
    """Retries a failed run where it stopped, or a blocked one at once; returns it, or None if there is none.

    Args:
        runtime: The runs.
        run_id: The run.
        author: Who retries it.
        keep_authority: False if the person who retries the run has less authority than the run.
        at_once: Also retry a run whose step the engine would retry later.

    Raises ``NotPossibleError`` unless the run has failed or waits for somebody to act.
    """
    run = await runtime.load(run_id)
    if run is None:
        return None
    _need_stuck(runtime, run, at_once=at_once)
    await runtime.index.reopen(run.head)  # the index is written before the run

    def change(run: Run) -> _Change:
        _need_stuck(runtime, run, at_once=at_once)
        now = runtime.clock.now()
        stuck = {StepStatus.FAILED, StepStatus.WAITING}
        declared = runtime.plan(run.head).steps
        steps = [
            decisions.renewed(declared[step.name], step, now)
            for step in run.steps.values()
            if step.status in stuck
        ]
        head = run.head if keep_authority else run.head.evolve(authority="")
        if runtime.status(run) is RunStatus.FAILED:
            head = head.evolve(retried_at=now)
        return _Change(
            head=head,
            steps=steps,
            event=Event.by(author, run=run_id, at=now, kind="retried"),
        )

    try:
        run = await _change(runtime, run_id, change)
    except NotPossibleError:
        if ended := await runtime.load(run_id):  # somebody else has ended the run in the meantime
            await runtime.settle(ended, again=True)
        raise
    if run is not None:
        await runtime.settle(run, again=True)  # a sweep may have closed the index in the meantime
        await _begin_ready(runtime, run)
    return run


async def stop(
    runtime: Runtime,
    run_id: str,
    stop_as: RunStatus,
    author: Author,
    *,
    only: Collection[RunStatus] = tuple(RunStatus),
) -> Run | None:
    """Stops a run: no other step starts. A running step finishes first; see ``at_rest``.

    Safe to repeat. The step of a worker that is dead is released when its lease is over. A run whose status
    is not one of ``only`` stays as it is.
    """

    def change(run: Run) -> _Change | None:
        if run.head.stop_as is None and runtime.status(run) not in only:
            return None
        now = runtime.clock.now()
        idle = [step for step in run.steps.values() if _idle(step)]
        if run.head.stop_as and not idle:
            return None
        after = stopped(run, stop_as, now)
        return _Change(
            head=after.head,
            steps=[after.steps[step.name] for step in idle],
            event=Event.by(author, run=run_id, at=now, kind="stopped"),
        )

    run = await runtime.load(run_id)
    if run is None or run.head.undone or (run.head.stop_as is None and runtime.status(run) not in only):
        return run
    await runtime.index.reopen(run.head)  # until what it created is removed
    for step in (step for step in run.steps.values() if step.error is not None):
        await runtime.index.blocked.leave(step)
    began = run.head.stop_as is None
    run = await _change(runtime, run_id, change)
    if run is not None:
        await runtime.settle(run, again=True)
        for step in run.steps.values() if began else ():
            if step.status is StepStatus.RUNNING:
                await claims.doubt(runtime, step)
    return run


def stopped(run: Run, stop_as: RunStatus, now: datetime) -> Run:
    """A run as a stop leaves it. The first stop decides how the run ends."""
    steps = {
        name: decisions.cancelled(step, now) if _idle(step) else step for name, step in run.steps.items()
    }
    return replace(run, head=run.head.evolve(stop_as=run.head.stop_as or stop_as), steps=steps)


def at_rest(run: Run) -> bool:
    """Whether no step of a run is running."""
    return all(step.status is not StepStatus.RUNNING for step in run.steps.values())


async def take_back(runtime: Runtime, run_id: str) -> None:
    """Cancels the stop of a run, if all its steps are nevertheless done; safe to repeat."""

    def change(run: Run) -> _Change | None:
        done = all(step.status is StepStatus.SUCCEEDED for step in run.steps.values())
        if run.head.stop_as is None or run.head.undone or not done:
            return None
        event = Event.by(SERVICE, run=run_id, at=runtime.clock.now(), kind="kept")
        return _Change(head=run.head.evolve(stop_as=None), steps=(), event=event)

    run = await _change(runtime, run_id, change)
    if run is not None:
        await runtime.settle(run, again=True)


async def finish(runtime: Runtime, run_id: str) -> None:
    """Records that what a stopped run created is removed; safe to repeat."""

    def change(run: Run) -> _Change | None:
        if run.head.stop_as is None or run.head.undone:
            return None
        now = runtime.clock.now()
        event = Event.by(SERVICE, run=run_id, at=now, kind=_ENDED[run.head.stop_as])
        idle = [decisions.cancelled(step, now) for step in run.steps.values() if _idle(step)]
        return _Change(head=run.head.evolve(undone=True, undone_at=now), steps=idle, event=event)

    run = await _change(runtime, run_id, change)
    if run is not None:
        await runtime.settle(run)


async def signal(runtime: Runtime, run_id: str, step_name: str, text: str, author: Author) -> Run | None:
    """Sends a signal to a waiting step, and wakes it; a running step runs once more.

    Raises ``NotPossibleError`` if the step has not started, or has finished.
    """

    def change(run: Run) -> _Change:
        step = run.steps[step_name]
        if run.head.stop_as or step.status not in {StepStatus.WAITING, StepStatus.RUNNING}:
            raise NotPossibleError(runtime.status(run))
        event = Event.by(author, run=run_id, at=runtime.clock.now(), kind=text, step=step_name)
        return _Change(steps=[step.evolve(signal=text)], event=event)

    run = await _change(runtime, run_id, change)
    if run is not None:
        attempt = run.steps[step_name].attempt + 1
        await runtime.send(StepMessage(run=run_id, step=step_name, attempt=attempt))
    return run


async def resume(runtime: Runtime, run_id: str, author: Author, *, seldom: bool = False) -> Run | None:
    """Lets the steps that wait for a person or for Azure check now; steps after an error keep their pause.

    However often it is called, each check is requested once: a step that is due already, or that has just
    checked, stays as it is. ``seldom``: the caller did not sign in, so that a step checks less often.
    """
    ready: list[StepState] = []

    def change(run: Run) -> _Change | None:
        now = runtime.clock.now()
        steps = () if run.head.stop_as else run.steps.values()
        ready[:] = [step for step in steps if _may_check(step, now, seldom=seldom)]
        if not ready:
            return None
        event = Event.by(author, run=run_id, at=now, kind="resumed")
        return _Change(steps=[step.evolve(due_at=now) for step in ready], event=event)

    run = await _change(runtime, run_id, change)
    for step in ready:
        await runtime.send(StepMessage(run=run_id, step=step.name, attempt=step.attempt + 1))
    return run


def _may_check(step: StepState, now: datetime, *, seldom: bool) -> bool:
    """Whether a step waits, is not due, and has not just checked."""
    waits = step.status is StepStatus.WAITING and (step.is_blocked or step.error is None)
    if not waits or step.changed_at is None or (step.due_at is not None and step.due_at <= now):
        return False
    calm = _CALM
    if seldom and step.due_at is not None:
        calm = max(calm, min((step.due_at - step.changed_at) / _SELDOM, _SELDOM_CALM))
    return abs(now - step.changed_at) >= calm


async def _change(runtime: Runtime, run_id: str, change: Callable[[Run], _Change | None]) -> Run | None:
    """Changes the current state of a run; returns the new state, or None if there is no such run."""
    while run := await runtime.load(run_id):
        wanted = change(run)
        if wanted is None:
            return run
        try:
            written = await runtime.store.commit(wanted.steps, [wanted.event], head=wanted.head)
        except ConflictError:
            continue
        return replace(run, head=written.head or run.head).having(written.steps)
    return None


async def _begin_ready(runtime: Runtime, run: Run) -> None:
    """Sends the messages of the steps that can start."""
    plan = runtime.plan(run.head)
    for name in (name for name in plan.steps if plan.ready(run, name)):
        attempt = run.steps[name].attempt + 1
        await runtime.send(
            StepMessage(run=run.head.id, step=name, attempt=attempt, traceparent=run.head.traceparent)
        )


def _need_stuck(runtime: Runtime, run: Run, *, at_once: bool) -> None:
    status = runtime.status(run)
    blocked = status is RunStatus.WAITING and any(
        step.is_blocked or (at_once and step.error) for step in run.steps.values()
    )
    if status is not RunStatus.FAILED and not blocked:
        raise NotPossibleError(status)


def _idle(step: StepState) -> bool:
    return step.status in {StepStatus.PENDING, StepStatus.WAITING}
