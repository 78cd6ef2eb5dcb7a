"""What people do to a run: let a failed one go on, stop one, tell a waiting step something.

Each is one transaction with ETags on what it changes, tried again when somebody else's change came first; so
it meets a worker at its next write, and never half of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from onboarding.storage.tables import ConflictError
from onboarding.workflow import decisions
from onboarding.workflow.run import Event, Head, Run, RunStatus, StepState, StepStatus
from onboarding.workflow.runtime import SERVICE, Runtime
from onboarding.workflow.step_message import StepMessage

GONE: Final = timedelta(minutes=6)
"""A worker that has not written for longer is gone: the platform ends an invocation after five minutes
(``functionTimeout`` in host.json)."""


_ENDED: Final = {RunStatus.CANCELLED: "cancelled", RunStatus.ROLLED_BACK: "rolledBack"}
"""What the audit trail calls the end of a run that was stopped."""


class NotPossibleError(Exception):
    """The run is not in a state in which this can be done."""

    def __init__(self, status: RunStatus) -> None:
        super().__init__(f"the run is {status}")
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class _Change:
    """What becomes of a run."""

    steps: Sequence[StepState]
    event: Event
    head: Head | None = None


async def resume(runtime: Runtime, run_id: str, actor: str) -> Run | None:
    """Lets a failed run go on where it stopped; returns it, or None when there is none.

    Raises ``NotPossibleError`` unless the run has failed.
    """
    run = await runtime.store.load(run_id)
    if run is None:
        return None
    _need_failed(runtime, run)
    await runtime.index.reopen(run.head)  # the index may run ahead of the run, never behind

    def change(run: Run) -> _Change:
        _need_failed(runtime, run)
        now = runtime.clock.now()
        stuck = {StepStatus.FAILED, StepStatus.WAITING}
        steps = [decisions.renewed(step, now) for step in run.steps.values() if step.status in stuck]
        return _Change(steps=steps, event=Event(run=run_id, at=now, kind="resumed", actor=actor))

    run = await _change(runtime, run_id, change)
    if run is not None:
        await _begin_ready(runtime, run)
    return run


async def stop(runtime: Runtime, run_id: str, stop_as: RunStatus, actor: str) -> Run | None:
    """Stops a run: nothing more of it begins. What runs just now ends by itself; see ``at_rest``.

    Safe to repeat. Each time it also puts away what a worker has left that is gone.
    """

    def change(run: Run) -> _Change | None:
        now = runtime.clock.now()
        idle = [step for step in run.steps.values() if _idle(step) or _abandoned(runtime, step)]
        if run.head.stop_as and not idle:
            return None
        return _Change(
            head=None if run.head.stop_as else run.head.evolve(stop_as=stop_as),
            steps=[decisions.cancelled(step, now) for step in idle],
            event=Event(run=run_id, at=now, kind="stopped", actor=actor),
        )

    run = await runtime.store.load(run_id)
    if run is None or run.head.undone:
        return run
    await runtime.index.reopen(run.head)  # until what it had made is removed
    return await _change(runtime, run_id, change)


def at_rest(run: Run) -> bool:
    """Whether no worker is at any step of a run."""
    return all(step.status is not StepStatus.RUNNING for step in run.steps.values())


async def finish(runtime: Runtime, run_id: str) -> None:
    """Says that what a stopped run had made is removed; safe to repeat."""

    def change(run: Run) -> _Change | None:
        if run.head.stop_as is None or run.head.undone:
            return None
        event = Event(run=run_id, at=runtime.clock.now(), kind=_ENDED[run.head.stop_as], actor=SERVICE)
        return _Change(head=run.head.evolve(undone=True), steps=(), event=event)

    run = await _change(runtime, run_id, change)
    if run is not None:
        await runtime.settle(run)


async def signal(runtime: Runtime, run_id: str, step_name: str, text: str, actor: str) -> Run | None:
    """Tells a step that waits something, and wakes it; one that just looks around looks once more.

    Raises ``NotPossibleError`` when the step has not begun, or has ended.
    """

    def change(run: Run) -> _Change:
        step = run.steps[step_name]
        if run.head.stop_as or step.status not in {StepStatus.WAITING, StepStatus.RUNNING}:
            raise NotPossibleError(runtime.status(run))
        event = Event(run=run_id, at=runtime.clock.now(), kind=text, step=step_name, actor=actor)
        return _Change(steps=[step.evolve(signal=text)], event=event)

    run = await _change(runtime, run_id, change)
    if run is not None:
        attempt = run.steps[step_name].attempt + 1
        await runtime.send(StepMessage(run=run_id, step=step_name, attempt=attempt))
    return run


async def _change(runtime: Runtime, run_id: str, change: Callable[[Run], _Change | None]) -> Run | None:
    """Changes a run as it is now; returns it as it is then, or None when there is none."""
    while run := await runtime.store.load(run_id):
        wanted = change(run)
        if wanted is None:
            return run
        try:
            steps = await runtime.store.commit(wanted.steps, [wanted.event], head=wanted.head)
        except ConflictError:
            continue
        return replace(run, head=wanted.head or run.head).having(steps)
    return None


async def _begin_ready(runtime: Runtime, run: Run) -> None:
    """Sends the messages of the steps that can begin."""
    plan = runtime.plan(run.head)
    for name in (name for name in plan.steps if plan.ready(run, name)):
        attempt = run.steps[name].attempt + 1
        await runtime.send(
            StepMessage(run=run.head.id, step=name, attempt=attempt, traceparent=run.head.traceparent)
        )


def _need_failed(runtime: Runtime, run: Run) -> None:
    status = runtime.status(run)
    if status is not RunStatus.FAILED:
        raise NotPossibleError(status)


def _idle(step: StepState) -> bool:
    return step.status in {StepStatus.PENDING, StepStatus.WAITING}


def _abandoned(runtime: Runtime, step: StepState) -> bool:
    """Whether the worker of a running step is gone, and nobody has taken over."""
    begun = step.changed_at
    return step.status is StepStatus.RUNNING and begun is not None and begun < runtime.clock.now() - GONE
