"""Claims on steps: a live worker keeps its step, and a dead one loses it."""

from __future__ import annotations

import asyncio
import functools
import itertools
from datetime import timedelta
from typing import Any

import pytest

from onboarding.workflow import interventions
from onboarding.workflow.outcomes import Done
from onboarding.workflow.run import Head, RunStatus, StepStatus
from onboarding.workflow.runtime import Limits
from tests.storage.workbench import DIAMOND, STALLED, WHO, Workbench, stopped
from tests.support.accounts import both
from tests.support.transports import KilledError

BEAT = timedelta(milliseconds=5)
DAY = timedelta(days=1)


async def renewed(bench: Workbench, head: Head, times: int) -> None:
    """Wait until the claim on the first step was renewed this many times."""
    async with asyncio.timeout(10):
        while (await bench.run(head)).steps["first"].beat < times:  # noqa: ASYNC110 - the worker polls, too
            await asyncio.sleep(BEAT.total_seconds())


@both
async def test_a_worker_that_never_comes_back_is_not_waited_for(bench):
    """A step whose claim is not renewed during the lease is released, whatever the clock shows."""

    async def dies(_run, _step):
        raise KilledError

    bench.on("left", dies)
    head = await bench.start()
    delivery = await bench.receive()
    with pytest.raises(BaseExceptionGroup):
        await bench.handle(delivery)
    await bench.complete(delivery)
    run = await stopped(bench, head)
    assert not interventions.at_rest(run)
    await bench.drain()
    run = await stopped(bench, head)
    assert interventions.at_rest(run)


@pytest.mark.parametrize("limits", [Limits(stalled=STALLED, beat=BEAT, lease=timedelta(0))])
@pytest.mark.parametrize("stops", [True, False], ids=["stop", "sweep"])
async def test_a_worker_that_lives_keeps_its_step(bench, stops):
    """A clock that jumps by a day does not take a step from a worker that renews its claim."""
    going, go_on, begun = asyncio.Event(), asyncio.Event(), []

    async def slow(_run, step):
        begun.append(step.attempt)
        going.set()
        await go_on.wait()
        return Done(result={"made": True})

    bench.on("first", slow)
    head = await bench.start()
    delivery = await bench.receive()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.handle(delivery))
        await going.wait()
        bench.advance(DAY)
        if stops:
            await stopped(bench, head)
        else:
            assert await bench.engine.sweep() == 1
        doubted = (await bench.run(head)).steps["first"].beat
        await renewed(bench, head, doubted + 1)
        assert await bench.drain() == 1
        assert (await bench.run(head)).steps["first"].status is StepStatus.RUNNING
        go_on.set()
    await bench.drain()
    assert begun == [1]
    assert (await bench.run(head)).steps["first"].status is StepStatus.SUCCEEDED


@pytest.mark.parametrize("limits", [Limits(stalled=STALLED, beat=BEAT)])
async def test_a_signal_to_a_worker_that_renews_its_claim(bench):
    """A person's signal is not lost when the worker renews its claim afterwards: the step runs once more."""
    looks, go_on, told = asyncio.Event(), asyncio.Event(), []

    async def looks_slowly(_run, step):
        told.append(step.signal)
        if not looks.is_set():
            looks.set()
            await go_on.wait()
        return Done(result={})

    bench.on("first", looks_slowly)
    head = await bench.start()
    delivery = await bench.receive()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.handle(delivery))
        await looks.wait()
        await interventions.signal(bench.runs, head.id, "first", "confirmed", WHO)
        signalled = (await bench.run(head)).steps["first"].beat
        await renewed(bench, head, signalled + 2)
        go_on.set()
    assert told == ["", "confirmed"]
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_a_run_that_is_stopped_just_now_begins_nothing_more(bench):
    """The stop comes before each call of a worker in turn: if the run is then at rest, no handler starts."""
    stops, rest = 0, [True]
    for call in itertools.count(1):
        if not rest:
            break  # the worker makes no more calls
        rest = []
        begun: list[str] = []

        async def stop(head: Head, rest: list[bool]) -> None:
            rest.append(interventions.at_rest(await stopped(bench, head)))

        async def begins(_run, step, rest: list[bool], begun: list[str]) -> Done[dict[str, Any]]:
            begun.extend([step.name] if any(rest) else [])
            return Done(result={})

        for name in DIAMOND.steps:
            bench.on(name, functools.partial(begins, rest=rest, begun=begun))
        head = await bench.start()
        bench.fuse.meanwhile(call, functools.partial(stop, head, rest))
        await bench.drain()
        stops += any(rest)
        assert begun == [], f"begun after the stop before call {call}"
    assert stops > 3
