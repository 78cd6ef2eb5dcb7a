from __future__ import annotations

import asyncio
import dataclasses
import json
from datetime import timedelta

import pytest

from onboarding.storage import keys
from onboarding.workflow.engine import Limits
from onboarding.workflow.outcomes import Done, Failed, Retry, RetryReason, Wait
from onboarding.workflow.run import RunStatus, StepStatus
from onboarding.workflow.step_message import StepMessage
from tests.storage.workbench import DIAMOND, ERROR, LOOKS_AGAIN, kinds, meeting, new_head
from tests.support.accounts import both
from tests.support.transports import KilledError


@both
async def test_a_run_goes_to_its_end_in_one_invocation(bench):
    """What can go on goes on at once: one message is enough for a run that nothing delays."""
    head = await bench.start()
    assert await bench.status(head) is RunStatus.NOT_STARTED
    assert await bench.open_runs() == [head.id]
    assert await bench.drain() == 1
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert await bench.open_runs() == []
    run = await bench.run(head)
    assert run.results == {name: {"by": f"{name}-1"} for name in DIAMOND.steps}


@both
async def test_accepting_a_run_costs_three_calls(bench):
    """A caller waits for three storage calls and no more."""
    before = bench.fuse.calls
    await bench.start()
    assert bench.fuse.calls - before == 3


async def test_each_step_is_audited_once(bench):
    """The trail says who accepted the run, and of each step when it was started and how it ended."""
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
    """Two branches of a plan are carried out at the same time: each waits for the other to be there."""
    barrier = asyncio.Barrier(2)

    async def meets(_run, _step):
        await meeting(barrier)
        return Done()

    bench.on("left", meets)
    bench.on("right", meets)
    head = await bench.start()
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_a_join_waits_for_both_branches(bench):
    """The last step sees the results of both branches, although one of them took its time."""
    seen = {}

    async def last(run, _step):
        seen.update(run.results)
        return Done()

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
    """Whichever invocation is last begins the step that joins, and only one of them does."""
    barrier, joined = asyncio.Barrier(2), []

    async def meets_on_the_second_attempt(_run, step):
        if step.attempt == 1:
            return LOOKS_AGAIN
        await meeting(barrier)
        return Done()

    async def last(_run, step):
        joined.append(step.attempt)
        return Done()

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
    """While a step waits, its invocation is over, and callers see what it waits for."""

    async def waits(_run, step):
        if step.attempt > 1:
            return Done()
        return Wait(reason="Azure registers X", after=timedelta(days=1), give_up_after=timedelta(days=2))

    bench.on("left", waits)
    head = await bench.start()
    assert await bench.drain() == 1
    assert await bench.status(head) is RunStatus.WAITING
    step = (await bench.run(head)).steps["left"]
    assert (step.waiting_for, step.error) == ("Azure registers X", None)
    assert step.due_at is not None
    assert ("left", "waiting", 1) in kinds(await bench.events(head))


async def test_looking_again_is_no_news(bench):
    """A step that waits for the same thing ten times fills the trail with one line, not with ten."""

    async def waits(_run, step):
        return LOOKS_AGAIN if step.attempt < 10 else Done()

    bench.on("left", waits)
    head = await bench.start()
    await bench.drain()
    trail = kinds(await bench.events(head))
    assert sum(step == "left" and kind == "waiting" for step, kind, _ in trail) == 1
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_trouble_is_shown_and_tried_again(bench):
    """A step that could not reach a service shows why, and succeeds when the service is back."""
    shown = []

    async def troubled(run, step):
        shown.append(run.steps["right"].error)
        return Retry(reason=RetryReason.TRANSIENT, error=ERROR) if step.attempt < 3 else Done()

    bench.on("right", troubled)
    head = await bench.start()
    await bench.drain()
    assert shown == [None, ERROR, ERROR]
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert (await bench.run(head)).steps["right"].error is None
    assert ("right", "retrying", 2) in kinds(await bench.events(head))


async def test_a_defect_of_a_step_is_tried_again_and_tells_nothing(bench):
    """An exception that nobody foresaw becomes a retry with a neutral error; its text stays in the log."""

    async def broken(_run, step):
        if step.attempt < 2:
            raise ValueError("hunter2")
        return Done()

    bench.on("left", broken)
    head = await bench.start()
    await bench.drain()
    events = await bench.events(head)
    (retrying,) = [event for event in events if event.kind == "retrying"]
    assert retrying.error["code"] == "internal-error"
    assert "hunter2" not in str(events)
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_a_failure_ends_the_run_and_lets_others_finish(bench):
    """When one branch fails for good the other one is let end, and nothing new is begun."""
    barrier = asyncio.Barrier(2)

    async def fails(_run, _step):
        await meeting(barrier)
        return Failed(error=ERROR)

    async def ends(_run, _step):
        await meeting(barrier)
        return Done()

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
    """A handler that hangs does not hold its worker for ever."""

    async def hangs(_run, step):
        if step.attempt == 1:
            await asyncio.Event().wait()
        return Done()

    bench.on("first", hangs)
    head = await bench.start()
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert ("first", "retrying", 1) in kinds(await bench.events(head))


@pytest.mark.parametrize("limits", [Limits(invocation=timedelta(seconds=-1))])
async def test_a_long_invocation_hands_over(bench):
    """After its time an invocation begins nothing new: what is ready gets messages of its own."""
    head = await bench.start()
    await bench.handle(await bench.receive())
    assert (await bench.statuses(head))["left"] is StepStatus.PENDING
    assert await bench.drain() == 3, "one message for each step that was handed over"
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert await bench.open_runs() == []


@both
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_worker_that_dies_is_replaced_by_the_redelivery(bench, after):
    """The same delivery again means that its worker is gone: its steps are taken up where they were."""
    effects = []

    async def dies(_run, step):
        if not after:
            if step.attempt == 1:
                raise KilledError
            effects.append(step.attempt)
        else:
            effects.append(step.attempt)
            if step.attempt == 1:
                raise KilledError
        return Done()

    bench.on("left", dies)
    head = await bench.start()
    delivery = await bench.receive()
    with pytest.raises(BaseExceptionGroup):
        await bench.handle(delivery)
    assert (await bench.statuses(head))["left"] is StepStatus.RUNNING
    await bench.handle(delivery)
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert effects == ([1, 2] if after else [2])
    assert ("left", "redelivered", 2) in kinds(await bench.events(head))


async def test_a_message_that_comes_twice_does_nothing_twice(bench):
    """A copy of a message, early or late, begins nothing that was begun."""
    begun = []

    async def counts(_run, step):
        begun.append((step.name, step.attempt))
        return LOOKS_AGAIN if step.name == "left" and step.attempt == 1 else Done()

    for name in DIAMOND.steps:
        bench.on(name, counts)
    head = await bench.start()
    first = await bench.receive()
    await bench.put_back(first.body)
    await bench.handle(first)
    received = [await bench.receive(), await bench.receive()]
    (wake,) = [each for each in received if each.body != first.body]
    await bench.put_back(wake.body)
    await bench.handle(wake)
    await bench.put_back(first.body)
    await bench.drain()
    assert sorted(begun) == [("first", 1), ("last", 1), ("left", 1), ("left", 2), ("right", 1)]
    assert await bench.status(head) is RunStatus.SUCCEEDED


@both
async def test_two_copies_at_the_same_time_begin_a_step_once(bench):
    """Two workers that get the same message in the same moment agree on who carries it out."""
    begun = []

    async def counts(_run, step):
        begun.append((step.name, step.attempt))
        return Done()

    for name in DIAMOND.steps:
        bench.on(name, counts)
    head = await bench.start()
    first = await bench.receive()
    await bench.put_back(first.body)
    copy = await bench.receive()
    await asyncio.gather(bench.handle(first), bench.handle(copy))
    await bench.drain()
    assert sorted(begun) == sorted((name, 1) for name in DIAMOND.steps)
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_a_copy_leaves_a_running_step_alone(bench):
    """A second message for a step that another worker is carrying out does not take it away."""
    going, go_on, begun = asyncio.Event(), asyncio.Event(), []

    async def slow(_run, step):
        begun.append(step.attempt)
        going.set()
        await go_on.wait()
        return Done()

    bench.on("first", slow)
    head = await bench.start()
    first = await bench.receive()
    await bench.put_back(first.body)
    copy = await bench.receive()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.handle(first))
        await going.wait()
        await bench.handle(copy)
        go_on.set()
    assert begun == [1]
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_starting_a_run_again_finds_the_one_that_is_there(bench):
    """A request that comes again finds its run, leaves no index row, and begins nothing twice."""
    begun = []

    async def counts(_run, step):
        begun.append((step.name, step.attempt))
        return Done()

    bench.on("first", counts)
    head = await bench.start("fixed")
    existing = await bench.engine.start(new_head("fixed"))
    assert existing.head == head
    assert await bench.open_runs() == [head.id]
    await bench.drain()
    existing = await bench.engine.start(new_head("fixed"))
    assert existing.status(DIAMOND) is RunStatus.SUCCEEDED
    assert await bench.drain() == 0
    assert await bench.open_runs() == []
    assert begun == [("first", 1)]


async def test_starting_again_makes_good_a_message_that_was_never_sent(bench):
    """A caller that repeats its request need not wait for the sweep to find what the first one left."""
    head = new_head()
    bench.fuse.kill(3, after=False)
    with pytest.raises(KilledError):
        await bench.engine.start(head)
    assert await bench.engine.start(new_head(head.id)) is not None
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


@both
async def test_the_same_start_twice_at_once_keeps_its_announcement(bench):
    """Two simultaneous requests of the same moment leave the run where the sweep finds it."""
    head = new_head("fixed")
    found = await asyncio.gather(*(bench.engine.start(head) for _ in range(4)))
    assert sum(each is None for each in found) == 1
    assert await bench.open_runs() == [head.id]
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


@both
async def test_the_sweep_starts_a_run_whose_message_was_lost(bench):
    """A run that was written but never announced to the queue is found and driven to its end."""
    bench.fuse.kill(3, after=False)
    head = new_head()
    with pytest.raises(KilledError):
        await bench.engine.start(head)
    assert await bench.drain() == 0
    assert await bench.engine.sweep() == 0, "it has not stood still for long"
    assert await bench.sweep_later() == 1
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_the_sweep_wakes_a_step_whose_message_was_lost(bench):
    """A waiting step whose wake-up message is gone is woken by the sweep."""

    async def waits(_run, step):
        return LOOKS_AGAIN if step.attempt == 1 else Done()

    bench.on("right", waits)
    head = await bench.start()
    await bench.handle(await bench.receive())
    await bench.complete(await bench.receive())
    assert await bench.status(head) is RunStatus.WAITING
    assert await bench.sweep_later() == 1
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_the_sweep_takes_up_what_a_lost_worker_left(bench):
    """A step that runs for much too long, because its message is gone with its worker, is begun again."""

    async def dies(_run, step):
        if step.attempt == 1:
            raise KilledError
        return Done()

    bench.on("first", dies)
    head = await bench.start()
    delivery = await bench.receive()
    with pytest.raises(BaseExceptionGroup):
        await bench.handle(delivery)
    await bench.complete(delivery)
    assert await bench.sweep_later() == 1
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_the_sweep_forgets_an_announcement_without_a_run(bench):
    """An index row whose run was never written is removed, but not before it has had its time."""
    bench.fuse.kill(1, after=True)
    with pytest.raises(KilledError):
        await bench.engine.start(new_head())
    assert len(await bench.open_runs()) == 1
    await bench.engine.sweep()
    assert len(await bench.open_runs()) == 1, "its run may be written at this moment"
    await bench.sweep_later()
    assert await bench.open_runs() == []


async def test_the_sweep_closes_what_has_ended(bench):
    """A run whose worker died between its end and the index is shown as ended after the sweep."""
    head = await bench.start()
    await bench.drain()
    await bench.engine.index.begin(head)  # as if the closing had not happened
    assert await bench.open_runs() == [head.id]
    await bench.engine.sweep()
    assert await bench.open_runs() == []


async def test_a_poison_message_fails_the_run(bench):
    """A message that killed its worker again and again ends its run with an error that says what to do."""

    async def dies(_run, _step):
        raise KilledError

    bench.on("left", dies)
    head = await bench.start()
    delivery = await bench.receive()
    for _ in range(3):
        with pytest.raises(BaseExceptionGroup):
            await bench.handle(delivery)
    await bench.engine.abandon(delivery.body)
    assert await bench.status(head) is RunStatus.FAILED
    run = await bench.run(head)
    assert run.steps["left"].error["code"] == "worker-crashed"
    assert run.steps["left"].error["remedy"]
    assert await bench.open_runs() == []
    assert ("left", "failed", 3) in kinds(await bench.events(head))
    (message,) = await bench.messages()
    assert (message.reason, message.run, message.body) == ("WorkerCrashed", head.id, delivery.body)
    assert "left" in message.detail


async def test_a_poison_message_that_never_began_fails_its_step(bench):
    """A run whose very first message can't be carried out does not stay open for ever."""
    head = await bench.start()
    delivery = await bench.receive()
    await bench.engine.abandon(delivery.body)
    assert await bench.status(head) is RunStatus.FAILED
    assert (await bench.statuses(head))["first"] is StepStatus.FAILED


async def test_a_poison_copy_of_a_message_that_worked_changes_nothing(bench):
    """What succeeded is not failed by a straggler."""
    head = await bench.start()
    delivery = await bench.receive()
    await bench.handle(delivery)
    await bench.engine.abandon(delivery.body)
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert await bench.messages() == []


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b'{"run": ""}', b"\xff", b'{"run": "unknown"}'])
async def test_a_message_that_is_none_is_put_away(bench, body):
    """A stray message neither stops the queue nor comes again; it is kept once, as it came."""
    await bench.engine.handle(body, "d")
    await bench.engine.abandon(body)
    (message,) = await bench.messages()
    assert message.body == body
    assert message.reason == ("UnknownRun" if b"unknown" in body else "Invalid")


@both
async def test_a_conflict_is_no_harm(bench):
    """A worker whose step was taken over meanwhile does not overwrite what the other one wrote."""
    taken = asyncio.Event()
    going = asyncio.Event()

    async def slow(_run, step):
        if step.attempt == 1:
            going.set()
            await taken.wait()
            return Done(result={"by": "old"})
        return Done(result={"by": "new"})

    bench.on("first", slow)
    head = await bench.start()
    delivery = await bench.receive()
    old = asyncio.create_task(bench.engine.handle(delivery.body, delivery.id))
    async with asyncio.timeout(10):
        await going.wait()
    elsewhere = dataclasses.replace(bench.engine)
    await elsewhere.handle(delivery.body, delivery.id)
    taken.set()
    await old
    run = await bench.run(head)
    assert run.status(DIAMOND) is RunStatus.SUCCEEDED
    assert run.results["first"] == {"by": "new"}


async def test_a_message_of_a_later_attempt_waits_for_its_turn(bench):
    """A message for an attempt that is not next begins nothing."""

    async def waits(_run, step):
        return LOOKS_AGAIN if step.attempt == 1 else Done()

    bench.on("first", waits)
    head = await bench.start()
    await bench.handle(await bench.receive())
    await bench.engine.handle(message(head, "first", 3), "d")
    assert (await bench.run(head)).steps["first"].attempt == 1
    await bench.engine.handle(message(head, "last", 1), "d")
    assert (await bench.statuses(head))["last"] is StepStatus.PENDING


def message(head, step: str, attempt: int) -> bytes:
    return json.dumps(StepMessage(run=head.id, step=step, attempt=attempt).as_json()).encode()
