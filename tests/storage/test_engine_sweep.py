from __future__ import annotations

import asyncio

import pytest
from azure.core.exceptions import ServiceRequestError

from onboarding.workflow.outcomes import Done
from onboarding.workflow.run import RunStatus
from onboarding.workflow.runtime import Limits
from onboarding.workflow.sweep_place import Place
from tests.storage.workbench import DIAMOND, LOOKS_AGAIN, STALLED, new_head
from tests.support.accounts import both
from tests.support.transports import KilledError


async def test_starting_a_run_again_finds_the_one_that_is_there(bench):
    """A repeated request finds its run, leaves no index row behind, and starts nothing twice."""
    begun = []

    async def counts(_run, step):
        begun.append((step.name, step.attempt))
        return Done(result={})

    bench.on("first", counts)
    head = await bench.start("fixed")
    existing = await bench.runs.start(new_head("fixed"))
    assert existing.head == head
    assert await bench.open_runs() == [head.id]
    await bench.drain()
    existing = await bench.runs.start(new_head("fixed"))
    assert DIAMOND.status(existing) is RunStatus.SUCCEEDED
    assert await bench.drain() == 0
    assert await bench.open_runs() == []
    assert begun == [("first", 1)]


async def test_starting_again_makes_good_a_message_that_was_never_sent(bench):
    """If a caller repeats its request, the run continues without waiting for the sweep."""
    head = new_head()
    bench.fuse.kill(4, after=False)
    with pytest.raises(KilledError):
        await bench.runs.start(head)
    assert await bench.runs.start(new_head(head.id)) is not None
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


@both
async def test_the_same_start_twice_at_once_keeps_its_announcement(bench):
    """After two simultaneous requests, the sweep can still find the run."""
    head = new_head("fixed")
    found = await asyncio.gather(*(bench.runs.start(head) for _ in range(4)))
    assert sum(each is None for each in found) == 1
    assert await bench.open_runs() == [head.id]
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


@both
async def test_the_sweep_starts_a_run_whose_message_was_lost(bench):
    """The sweep finds a run that was written but never queued, and completes it."""
    bench.fuse.kill(4, after=False)
    head = new_head()
    with pytest.raises(KilledError):
        await bench.runs.start(head)
    assert await bench.drain() == 0
    assert await bench.engine.sweep() == 0, "it has not stood still for long"
    assert await bench.sweep_later() == 1
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_the_sweep_wakes_a_step_whose_message_was_lost(bench):
    """The sweep wakes a waiting step whose message is lost."""

    async def waits(_run, step):
        return LOOKS_AGAIN if step.attempt == 1 else Done(result={})

    bench.on("right", waits)
    head = await bench.start()
    await bench.handle(await bench.receive())
    await bench.complete(await bench.receive())
    assert await bench.status(head) is RunStatus.WAITING
    assert await bench.sweep_later() == 1
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_the_sweep_takes_up_what_a_lost_worker_left(bench):
    """The sweep restarts a step that runs far too long, because its message was lost with its worker."""

    async def dies(_run, step):
        if step.attempt == 1:
            raise KilledError
        return Done(result={})

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
    """The sweep removes an index row whose run was never written, but only after some time."""
    bench.fuse.kill(1, after=True)
    with pytest.raises(KilledError):
        await bench.runs.start(new_head())
    assert len(await bench.open_runs()) == 1
    await bench.engine.sweep()
    assert len(await bench.open_runs()) == 1, "its run may be written at this moment"
    await bench.sweep_later()
    assert await bench.open_runs() == []


async def test_the_sweep_closes_what_has_ended(bench):
    """After the sweep, a run whose worker died between its end and the index is shown as ended."""
    head = await bench.start()
    await bench.drain()
    await bench.runs.index.begin(head)  # as if it had not been closed
    assert await bench.open_runs() == [head.id]
    await bench.engine.sweep()
    assert await bench.open_runs() == []


FIFTY = pytest.mark.parametrize("limits", [Limits(stalled=STALLED, swept=50)])


@FIFTY
@pytest.mark.parametrize("number", [10, 90, pytest.param(900, marks=pytest.mark.soak)])
async def test_a_sweep_costs_the_same_however_many_runs_wait(bench, number, record_property):
    """No sweep makes more calls than its limit, and together the sweeps check each run."""
    for _ in range(number):
        await bench.runs.index.announce(new_head())
    costs = []
    for _ in range(-(-number // 50)):
        before = bench.fuse.calls
        assert await bench.engine.sweep() == 0
        costs.append(bench.fuse.calls - before)
    record_property("calls", max(costs))
    assert max(costs) <= min(number, 50) + 4
    assert sum(costs) >= number


@FIFTY
async def test_each_run_has_its_turn_whatever_comes_in(bench):
    """New runs are read first, but do not keep the sweep from those that stalled long ago."""
    oldest = await bench.start()
    await bench.complete(await bench.receive())  # its message is lost
    for _ in range(120):
        await bench.runs.index.announce(new_head())
    bench.advance(STALLED / 2)
    driven = []
    for _ in range(6):
        for _ in range(60):
            await bench.runs.index.announce(new_head())
        bench.advance(STALLED / 5)
        driven.append(await bench.engine.sweep())
    assert sum(driven) == 1
    await bench.drain()
    assert await bench.status(oldest) is RunStatus.SUCCEEDED


@FIFTY
async def test_a_run_that_cannot_be_checked_is_passed(bench):
    """The error of one run is raised after the others were continued; the next sweep starts behind it."""
    heads = [await bench.start() for _ in range(60)]
    bench.fuse.refused = heads[-1].id  # the newest comes first
    bench.advance(STALLED * 2)
    with pytest.raises(ServiceRequestError):
        await bench.engine.sweep()
    assert await bench.engine.sweep() == 10
    bench.fuse.refused = ""
    assert await bench.engine.sweep() == 50


async def test_a_place_that_is_gone_stops_no_sweep(bench):
    """If the run where the sweep stopped has finished, or its position is damaged, the sweep continues."""
    head = await bench.start()
    for place in (Place(partition="open", key="0:gone"), Place(partition="new", key="~"), Place(key="x")):
        await bench.runs.index.sweep_place.put(place)
        await bench.sweep_later()
        assert await bench.sweep_later() == 1
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED
