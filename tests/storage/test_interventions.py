from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest

from onboarding.texts import reasons
from onboarding.workflow import interventions
from onboarding.workflow.interventions import NotPossibleError
from onboarding.workflow.outcomes import Done, Failed, Wait
from onboarding.workflow.run import Head, RunStatus, StepStatus
from onboarding.workflow.run_index import RunIndex
from onboarding.workflow.run_view import RunView
from onboarding.workflow.sweep import Sweep
from tests.storage.workbench import (
    DIAMOND,
    ERROR,
    LOOKS_AGAIN,
    STALLED,
    WHO,
    Workbench,
    done,
    kinds,
    stopped,
)
from tests.support.accounts import both
from tests.support.transports import KilledError

DAY = timedelta(days=1)


async def listed(bench: Workbench, status: RunStatus) -> list[str]:
    """The runs in the list for this status."""
    entries, _ = await bench.runs.index.page(RunView(status=status), size=100)
    return [entry.run for entry in entries]


async def failed_run(bench: Workbench) -> Head:
    """A run in which one branch has failed while the other one waits."""

    async def fails(_run, _step):
        return Failed(error=ERROR)

    async def waits(_run, _step):
        return LOOKS_AGAIN

    bench.on("left", fails)
    bench.on("right", waits)
    head = await bench.start()
    await bench.drain()
    assert await bench.status(head) is RunStatus.FAILED
    bench.on("left", done)
    bench.on("right", done)
    return head


async def test_a_retried_run_has_no_more_authority_than_its_caller(bench):
    """Someone who is no longer an operator can retry the run, but without an operator's authority."""
    head = await failed_run(bench)
    run = await bench.run(head)
    await bench.runs.store.commit([], [], head=run.head.evolve(authority="operator"))
    await interventions.retry(bench.runs, head.id, WHO, keep_authority=False)
    assert (await bench.run(head)).head.authority == ""


@both
async def test_a_failed_run_goes_on_where_it_stopped(bench):
    """Finished steps stay finished; the failed and the waiting steps start again."""
    head = await failed_run(bench)
    assert await listed(bench, RunStatus.FAILED) == [head.id]
    await interventions.retry(bench.runs, head.id, WHO)
    assert await bench.open_runs() == [head.id]
    assert await listed(bench, RunStatus.FAILED) == []
    await bench.drain()
    assert await bench.status(head) is RunStatus.SUCCEEDED
    run = await bench.run(head)
    assert run.steps["first"].attempt == 1
    assert run.steps["left"].attempt == 2
    assert (await bench.open_runs(), await listed(bench, RunStatus.SUCCEEDED)) == ([], [head.id])
    (retried,) = [event for event in await bench.events(head) if event.kind == "retried"]
    assert (retried.actor, retried.actor_id) == (WHO.name, WHO.id)


async def test_only_what_has_failed_is_retried(bench):
    """A run that is running or finished cannot be retried, and neither can an unknown one."""
    head = await bench.start()
    with pytest.raises(NotPossibleError):
        await interventions.retry(bench.runs, head.id, WHO)
    await bench.drain()
    with pytest.raises(NotPossibleError):
        await interventions.retry(bench.runs, head.id, WHO)
    assert await interventions.retry(bench.runs, "nobody", WHO) is None


@both
async def test_two_people_retry_at_once(bench):
    """One of two people retries the run, and the other one learns that it runs; nothing starts twice."""
    head = await failed_run(bench)
    answers = await asyncio.gather(
        *(interventions.retry(bench.runs, head.id, WHO) for _ in range(2)), return_exceptions=True
    )
    assert sum(isinstance(answer, NotPossibleError) for answer in answers) == 1
    await bench.drain()
    assert (await bench.run(head)).steps["left"].attempt == 2


@pytest.mark.parametrize("call", range(1, 8))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_retry_that_is_interrupted_is_repeated(bench, call, after):
    """Wherever the call's worker dies, a repeated call (or the sweep) completes the run."""
    head = await failed_run(bench)
    bench.fuse.kill(call, after=after)
    try:
        await interventions.retry(bench.runs, head.id, WHO)
    except KilledError:
        bench.fuse.kill(0, after=False)
        try:
            await interventions.retry(bench.runs, head.id, WHO)
        except NotPossibleError:
            await bench.sweep_later()
    await bench.drain()
    await bench.engine.sweep()
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert await bench.open_runs() == []


@pytest.mark.parametrize("call", range(1, 14))
async def test_a_retry_that_meets_a_rollback_is_interrupted(bench, call):
    """Wherever the retry of a run that ends meanwhile dies, the sweep repairs all lists."""
    head = await failed_run(bench)
    load = bench.runs.store.load
    loaded, ended = asyncio.Event(), asyncio.Event()

    class Late:
        """The store of a host that gets its response late."""

        def __getattr__(self, name):
            return getattr(bench.runs.store, name)

        async def load(self, run_id):
            """The run, as it was before somebody ended it."""
            run = await load(run_id)
            if not loaded.is_set():
                loaded.set()
                await ended.wait()
            return run

    retry = asyncio.create_task(interventions.retry(replace(bench.runs, store=Late()), head.id, WHO))
    await loaded.wait()
    await interventions.stop(bench.runs, head.id, RunStatus.ROLLED_BACK, WHO)
    await interventions.finish(bench.runs, head.id)
    bench.fuse.kill(call, after=False)
    ended.set()
    with pytest.raises((NotPossibleError, KilledError)):
        await retry
    bench.fuse.kill(0, after=False)
    await bench.sweep_later()
    assert await bench.open_runs() == []
    mine = RunView(status=RunStatus.RUNNING, lists={"owner": "o"})
    assert (await bench.runs.index.page(mine, size=9))[0] == []
    assert await listed(bench, RunStatus.FAILED) == []
    assert await listed(bench, RunStatus.ROLLED_BACK) == [head.id]
    assert (await bench.runs.index.marked(size=9))[0] == []


async def test_a_stopped_run_begins_nothing_more(bench):
    """A stopped run cancels its waiting step, ignores its delayed message, and shows how it ends."""

    async def waits(_run, _step):
        return LOOKS_AGAIN

    bench.on("left", waits)
    head = await bench.start()
    await bench.handle(await bench.receive())
    run = await stopped(bench, head)
    assert interventions.at_rest(run)
    bench.on("left", done)
    await bench.drain()
    assert await bench.status(head) is RunStatus.CANCELLING
    assert await bench.statuses(head) == {
        "first": StepStatus.SUCCEEDED,
        "left": StepStatus.CANCELLED,
        "right": StepStatus.SUCCEEDED,
        "last": StepStatus.CANCELLED,
    }
    assert await bench.open_runs() == [head.id]
    for _ in range(2):
        await interventions.finish(bench.runs, head.id)
    assert await bench.status(head) is RunStatus.CANCELLED
    assert await bench.open_runs() == []
    assert await listed(bench, RunStatus.CANCELLED) == [head.id]
    trail = [event.kind for event in await bench.events(head)]
    assert (trail.count("stopped"), trail.count("cancelled")) == (1, 1)


async def test_a_step_that_runs_when_its_run_is_stopped_ends_by_itself(bench):
    """A running step of a stopped run keeps its result, for the undo; no further step starts."""
    going, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_run, _step):
        going.set()
        await go_on.wait()
        return Done(result={"made": True})

    bench.on("first", slow)
    head = await bench.start()
    first = await bench.receive()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.handle(first))
        await going.wait()
        run = await stopped(bench, head)
        assert not interventions.at_rest(run)
        with pytest.raises(NotPossibleError):
            await interventions.signal(bench.runs, head.id, "first", "confirmed", WHO)
        go_on.set()
    assert await bench.drain() == 1, "the check whether the worker is alive"
    run = await bench.run(head)
    assert DIAMOND.steps["first"].result_of(run) == {"made": True}
    assert {step.status for name, step in run.steps.items() if name != "first"} == {StepStatus.CANCELLED}


async def test_a_dead_workers_step_is_put_away(bench):
    """When the message of a dead worker is delivered again, its step is released and does not run."""
    begun = []

    async def dies(_run, step):
        begun.append(step.attempt)
        raise KilledError

    bench.on("left", dies)
    head = await bench.start()
    delivery = await bench.receive()
    with pytest.raises(BaseExceptionGroup):
        await bench.handle(delivery)
    run = await stopped(bench, head)
    assert not interventions.at_rest(run)
    await bench.handle(delivery)
    run = await stopped(bench, head)
    assert interventions.at_rest(run)
    assert begun == [1]


async def test_a_failed_run_is_rolled_back(bench):
    """The run moves from the failed runs to the open ones, and then to the rolled-back ones."""
    head = await failed_run(bench)
    await interventions.stop(bench.runs, head.id, RunStatus.ROLLED_BACK, WHO)
    assert await listed(bench, RunStatus.FAILED) == []
    assert await bench.open_runs() == [head.id]
    with pytest.raises(NotPossibleError):
        await interventions.retry(bench.runs, head.id, WHO)
    await bench.runs.index.close(head, RunStatus.FAILED)  # a late worker that died
    await interventions.finish(bench.runs, head.id)
    assert await listed(bench, RunStatus.FAILED) == []
    assert await listed(bench, RunStatus.ROLLED_BACK) == [head.id]
    assert await bench.status(head) is RunStatus.ROLLED_BACK


async def test_a_waiting_step_is_told_something(bench):
    """A waiting step wakes at once with what a person sent, and the trail shows who sent it."""
    told = []

    async def waits(_run, step):
        told.append(step.signal)
        later = Wait(reason=reasons.WAITS_DAY.of(), after=DAY, give_up_after=2 * DAY)
        return Done(result={}) if step.signal == "confirmed" else later

    bench.on("left", waits)
    head = await bench.start()
    await bench.drain()
    await interventions.signal(bench.runs, head.id, "left", "confirmed", WHO)
    await bench.drain()
    assert told == ["", "confirmed"]
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert ("left", "confirmed", 0) in kinds(await bench.events(head))


async def test_a_step_that_looks_just_now_is_told_something(bench):
    """A step that is checking when the signal arrives checks once more: no signal is lost."""
    looks, go_on, told = asyncio.Event(), asyncio.Event(), []

    async def looks_slowly(_run, step):
        told.append(step.signal)
        looks.set()
        await go_on.wait()
        return Done(result={}) if step.signal == "confirmed" else LOOKS_AGAIN

    bench.on("left", looks_slowly)
    head = await bench.start()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.drain())
        await looks.wait()
        await interventions.signal(bench.runs, head.id, "left", "confirmed", WHO)
        go_on.set()
    await bench.drain()
    assert told == ["", "confirmed"]
    assert (await bench.run(head)).steps["left"].attempt == 1
    assert await bench.status(head) is RunStatus.SUCCEEDED


async def test_nobody_listens_to_what_a_step_is_told_that_does_not_wait(bench):
    """A step accepts nothing before it starts or after its end."""
    head = await bench.start()
    with pytest.raises(NotPossibleError):
        await interventions.signal(bench.runs, head.id, "left", "confirmed", WHO)
    await bench.drain()
    with pytest.raises(NotPossibleError):
        await interventions.signal(bench.runs, head.id, "left", "confirmed", WHO)
    assert all(step in DIAMOND.steps for step in await bench.statuses(head))


@pytest.mark.parametrize("history", [True, False], ids=["listed", "unlisted"])
@pytest.mark.parametrize("call", range(1, 12))
async def test_a_worker_that_enters_a_failure_too_late_dies(bench, call, history):
    """Wherever the worker dies, the sweep repairs the lists of a run that was retried and succeeded."""
    index = RunIndex(bench.account.tables, bench.runs.index._table, history=history, owner="owner")
    runs = replace(bench.runs, index=index)
    head = await failed_run(bench)
    late = await bench.run(head)
    await interventions.retry(bench.runs, head.id, WHO)
    await bench.drain()
    bench.fuse.kill(call, after=True)
    with contextlib.suppress(KilledError):
        await runs.settle(late)
    bench.fuse.kill(0, after=False)
    bench.advance(STALLED + timedelta(minutes=1))
    await Sweep(runtime=runs).run()
    assert await bench.open_runs() == []
    assert await listed(bench, RunStatus.FAILED) == []
    assert await listed(bench, RunStatus.SUCCEEDED) == [head.id]
    assert (await index.marked(size=9))[0] == []
