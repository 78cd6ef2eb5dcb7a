from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from onboarding.storage import keys
from onboarding.texts import phrases
from onboarding.workflow.outcomes import Done, Failed, Retry, RetryReason, Wait
from onboarding.workflow.run import RunStatus, StepStatus
from onboarding.workflow.runtime import Limits
from onboarding.workflow.step_message import MESSAGES, StepMessage
from tests.storage.workbench import DIAMOND, ERROR, LOOKS_AGAIN, kinds, meeting
from tests.support.accounts import both


@both
async def test_a_run_goes_to_its_end_in_one_invocation(bench):
    """The engine runs steps as soon as they are ready: one message is enough for a run without delays."""
    head = await bench.start()
    assert await bench.status(head) is RunStatus.NOT_STARTED
    assert await bench.open_runs() == [head.id]
    assert await bench.drain() == 1
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert await bench.open_runs() == []
    run = await bench.run(head)
    results = {name: step.result_of(run) for name, step in DIAMOND.steps.items()}
    assert results == {name: {"by": f"{name}-1"} for name in DIAMOND.steps}


@both
async def test_accepting_a_run_costs_four_calls(bench):
    """A caller waits for exactly four storage calls, two of them at the same time."""
    before = bench.fuse.calls
    await bench.start()
    assert bench.fuse.calls - before == 4


async def test_each_step_is_audited_once(bench):
    """The trail shows who accepted the run, and for each step when it was started and how it ended."""
    head = await bench.start()
    await bench.drain()
    expected = [("", "accepted", 0)]
    expected += [(name, kind, 1) for name in DIAMOND.steps for kind in ("started", "succeeded")]
    events = await bench.events(head)
    assert kinds(events) == sorted(expected)
    moments = [keys.milliseconds(event.at) for event in events]
    assert moments == sorted(moments)
    assert {event.actor for event in events} == {"app x", "service"}


async def test_steps_that_do_not_depend_on_each_other_run_side_by_side(bench):
    """Two branches of a plan run at the same time: each waits for the other one to start."""
    barrier = asyncio.Barrier(2)

    async def meets(_run, _step):
        await meeting(barrier)
        return Done(result={})

    bench.on("left", meets)
    bench.on("right", meets)
    head = await bench.start()
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_a_join_waits_for_both_branches(bench):
    """The last step has the results of both branches, although one of them took longer."""
    seen = {}

    async def last(run, _step):
        seen.update({name: step.found_in(run) for name, step in DIAMOND.steps.items() if step.is_done(run)})
        return Done(result={})

    async def slow(_run, step):
        return LOOKS_AGAIN if step.attempt < 3 else Done(result={"slow": True})

    bench.on("right", slow)
    bench.on("last", last)
    head = await bench.start()
    assert await bench.drain() == 3
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert set(seen) == {"first", "left", "right"}
    assert seen["right"] == {"slow": True}


async def test_branches_in_two_invocations_join_once(bench):
    """The invocation that is last starts the step that joins, and only one of them does."""
    barrier, joined = asyncio.Barrier(2), []

    async def meets_on_the_second_attempt(_run, step):
        if step.attempt == 1:
            return LOOKS_AGAIN
        await meeting(barrier)
        return Done(result={})

    async def last(_run, step):
        joined.append(step.attempt)
        return Done(result={})

    for name in ("left", "right"):
        bench.on(name, meets_on_the_second_attempt)
    bench.on("last", last)
    head = await bench.start()
    await bench.handle(await bench.receive())
    wakes = [await bench.receive(), await bench.receive()]
    await asyncio.gather(*map(bench.handle, wakes))
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert joined == [1]
    assert await bench.drain() == 0


async def test_waiting_holds_no_worker(bench):
    """While a step waits, its invocation has ended, and callers see what it waits for."""

    async def waits(_run, step):
        if step.attempt > 1:
            return Done(result={})
        return Wait(
            reason=phrases.WAITS_PROVIDER.of(namespace="X"),
            after=timedelta(days=1),
            give_up_after=timedelta(days=2),
        )

    bench.on("left", waits)
    head = await bench.start()
    assert await bench.drain() == 1
    assert await bench.status(head) is RunStatus.WAITING
    step = (await bench.run(head)).steps["left"]
    assert (step.waiting_for, step.error) == ("Azure to register X", None)
    assert step.due_at is not None
    assert ("left", "waiting", 1) in kinds(await bench.events(head))


async def test_looking_again_is_no_news(bench):
    """A step that waits for the same thing ten times adds one event to the trail."""

    async def waits(_run, step):
        return LOOKS_AGAIN if step.attempt < 10 else Done(result={})

    bench.on("left", waits)
    head = await bench.start()
    await bench.drain()
    trail = kinds(await bench.events(head))
    assert sum(step == "left" and kind == "waiting" for step, kind, _ in trail) == 1
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_trouble_is_shown_and_tried_again(bench):
    """A step that cannot reach a service shows why, and succeeds when the service is available again."""
    shown = []

    async def troubled(run, step):
        shown.append(run.steps["right"].error)
        return Retry(reason=RetryReason.TRANSIENT, error=ERROR) if step.attempt < 3 else Done(result={})

    bench.on("right", troubled)
    head = await bench.start()
    await bench.drain()
    assert shown == [None, ERROR, ERROR]
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert (await bench.run(head)).steps["right"].error is None
    assert ("right", "retrying", 2) in kinds(await bench.events(head))


async def test_a_defect_of_a_step_is_tried_again_and_tells_nothing(bench):
    """An unexpected exception causes a retry with a neutral error; its text is only in the log."""

    async def broken(_run, step):
        if step.attempt < 2:
            raise ValueError("hunter2")
        return Done(result={})

    bench.on("left", broken)
    head = await bench.start()
    await bench.drain()
    events = await bench.events(head)
    (retrying,) = [event for event in events if event.kind == "retrying"]
    assert retrying.error.code == "internal-error"
    assert "hunter2" not in str(events)
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_a_failure_ends_the_run_and_lets_others_finish(bench):
    """If one branch fails permanently, the other one can finish, and no new step starts."""
    barrier = asyncio.Barrier(2)

    async def fails(_run, _step):
        await meeting(barrier)
        return Failed(error=ERROR)

    async def ends(_run, _step):
        await meeting(barrier)
        return Done(result={})

    bench.on("left", fails)
    bench.on("right", ends)
    head = await bench.start()
    await bench.drain()
    assert await bench.statuses(head) == {
        "first": StepStatus.SUCCEEDED,
        "left": StepStatus.FAILED,
        "right": StepStatus.SUCCEEDED,
        "last": StepStatus.PENDING,
    }
    assert await bench.status(head) is RunStatus.FAILED
    assert await bench.open_runs() == []


@pytest.mark.parametrize("limits", [Limits(step=timedelta(milliseconds=50))])
async def test_a_step_that_takes_too_long_is_tried_again(bench):
    """A handler that hangs does not block its worker forever."""

    async def hangs(_run, step):
        if step.attempt == 1:
            await asyncio.Event().wait()
        return Done(result={})

    bench.on("first", hangs)
    head = await bench.start()
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert ("first", "retrying", 1) in kinds(await bench.events(head))


@pytest.mark.parametrize("limits", [Limits(invocation=timedelta(seconds=-1))])
async def test_a_long_invocation_passes_its_steps_on(bench):
    """After its time limit, an invocation starts no step: each step that is ready gets its own message."""
    head = await bench.start()
    await bench.handle(await bench.receive())
    assert (await bench.statuses(head))["left"] is StepStatus.PENDING
    assert await bench.drain() == 3, "one message for each step that was passed on"
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert await bench.open_runs() == []


async def test_a_message_of_a_later_attempt_waits_for_its_turn(bench):
    """A message for a later attempt than the next one starts nothing."""

    async def waits(_run, step):
        return LOOKS_AGAIN if step.attempt == 1 else Done(result={})

    bench.on("first", waits)
    head = await bench.start()
    await bench.handle(await bench.receive())
    await bench.engine.handle(message(head, "first", 3), "d")
    assert (await bench.run(head)).steps["first"].attempt == 1
    await bench.engine.handle(message(head, "last", 1), "d")
    assert (await bench.statuses(head))["last"] is StepStatus.PENDING


def message(head, step: str, attempt: int) -> bytes:
    return MESSAGES.dump(StepMessage(run=head.id, step=step, attempt=attempt)).encode()
