from __future__ import annotations

import asyncio

import pytest

from onboarding.workflow.engine import Engine
from onboarding.workflow.outcomes import Done
from onboarding.workflow.run import RunStatus, StepStatus
from tests.storage.workbench import DIAMOND, LOOKS_AGAIN, kinds
from tests.support.accounts import both
from tests.support.transports import KilledError


@both
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_worker_that_dies_is_replaced_by_the_redelivery(bench, after):
    """A repeated delivery means that the worker is gone: its steps continue where they were."""
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
        return Done(result={})

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
    """A copy of a message, early or late, starts nothing that was already started."""
    begun = []

    async def counts(_run, step):
        begun.append((step.name, step.attempt))
        return LOOKS_AGAIN if step.name == "left" and step.attempt == 1 else Done(result={})

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
    """If two workers get the same message at the same time, only one of them handles it."""
    begun = []

    async def counts(_run, step):
        begun.append((step.name, step.attempt))
        return Done(result={})

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
    """A second message for a step that another worker runs does not take it away."""
    going, go_on, begun = asyncio.Event(), asyncio.Event(), []

    async def slow(_run, step):
        begun.append(step.attempt)
        going.set()
        await go_on.wait()
        return Done(result={})

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


async def test_a_poison_message_fails_the_run(bench):
    """A message that killed its worker repeatedly ends its run with an error that has a remedy."""

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
    assert run.steps["left"].error.code == "worker-crashed"
    assert run.steps["left"].error.remedy
    assert await bench.open_runs() == []
    assert ("left", "failed", 3) in kinds(await bench.events(head))
    (message,) = await bench.messages()
    assert (message.reason, message.run, message.body) == ("WorkerCrashed", head.id, delivery.body)
    assert "left" in message.detail


async def test_a_poison_message_that_never_began_fails_its_step(bench):
    """A run whose first message cannot be handled does not stay open forever."""
    head = await bench.start()
    delivery = await bench.receive()
    await bench.engine.abandon(delivery.body)
    assert await bench.status(head) is RunStatus.FAILED
    assert (await bench.statuses(head))["first"] is StepStatus.FAILED


async def test_a_poison_copy_of_a_message_that_worked_changes_nothing(bench):
    """A late copy of a message does not fail a step that succeeded."""
    head = await bench.start()
    delivery = await bench.receive()
    await bench.handle(delivery)
    await bench.engine.abandon(delivery.body)
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert await bench.messages() == []


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b'{"v":1,"run":""}', b"\xff", b'{"v":1,"run":"unknown"}'])
async def test_a_message_that_is_none_is_put_away(bench, body):
    """An invalid message neither blocks the queue nor is repeated; it is kept once, unchanged."""
    await bench.engine.handle(body, "d")
    await bench.engine.abandon(body)
    (message,) = await bench.messages()
    assert message.body == body
    assert message.reason == ("UnknownRun" if b"unknown" in body else "Invalid")


async def test_a_message_of_a_newer_release_is_kept_for_it(bench):
    """A message that this release cannot read has a reason of its own, and waits to be re-driven."""
    await bench.engine.handle(b'{"v":99,"run":"r"}', "d")
    (message,) = await bench.messages()
    assert message.reason == "UnknownVersion"
    assert message.detail == "The message has the version 99. This release reads messages up to version 1."


@both
async def test_a_conflict_is_no_harm(bench):
    """A worker whose step was taken over does not overwrite the result of the other worker."""
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
    elsewhere = Engine(bench.runs, bench.poison_messages)
    await elsewhere.handle(delivery.body, delivery.id)
    taken.set()
    await old
    run = await bench.run(head)
    assert DIAMOND.status(run) is RunStatus.SUCCEEDED
    assert DIAMOND.steps["first"].result_of(run) == {"by": "new"}
