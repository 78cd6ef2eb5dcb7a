from __future__ import annotations

import asyncio

import pytest

from onboarding.workflow.outcomes import Done
from onboarding.workflow.run import RunStatus
from tests.storage.workbench import DIAMOND, LOOKS_AGAIN, new_head
from tests.support.accounts import both
from tests.support.transports import KilledError


async def test_starting_a_run_again_finds_the_one_that_is_there(bench):
    """A repeated request finds its run, leaves no index row, and starts nothing twice."""
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
    """A caller that repeats its request does not have to wait for the sweep to continue the run."""
    head = new_head()
    bench.fuse.kill(4, after=False)
    with pytest.raises(KilledError):
        await bench.runs.start(head)
    assert await bench.runs.start(new_head(head.id)) is not None
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED


@both
async def test_the_same_start_twice_at_once_keeps_its_announcement(bench):
    """Two simultaneous requests with the same time leave the run where the sweep finds it."""
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
    """The sweep restarts a step that runs far too long, because its message is lost with its worker."""

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
