from __future__ import annotations

import asyncio
import contextlib

import pytest

from onboarding.workflow.outcomes import Done
from onboarding.workflow.run import RunStatus, StepStatus
from onboarding.workflow.runtime import Limits, TooManyOpenError
from tests.storage.workbench import STALLED, Workbench
from tests.support.portal import until
from tests.support.transports import KilledError

SHARE = 3
limited = pytest.mark.parametrize("limits", [Limits(share=SHARE, stalled=STALLED)])


class Gate:
    """Holds the first step of some runs."""

    def __init__(self, bench: Workbench) -> None:
        self.held: set[str] = set()
        self.runs: set[str] = set()
        self.open = asyncio.Event()
        bench.on("first", self._first)

    async def _first(self, run, _step):
        if run.head.id in self.runs:
            self.held.add(run.head.id)
            await self.open.wait()
        return Done(result={})


async def flood(bench: Workbench, gate: Gate, count: int, **lists: str) -> asyncio.Task[object]:
    """Slow runs, and workers for all of their messages."""
    heads = [await bench.start(**lists) for _ in range(count)]
    gate.runs |= {head.id for head in heads}
    received = [await bench.receive() for _ in heads]
    return asyncio.create_task(_all(bench, received))


async def _all(bench, received) -> None:
    await asyncio.gather(*map(bench.handle, received))


@limited
@pytest.mark.parametrize(
    ("loud", "other"),
    [
        ({"owner": "loud", "place": "x"}, {"owner": "quiet", "place": "x2"}),
        ({"owner": "loud", "place": "x"}, {"owner": "quiet", "place": "x"}),
    ],
    ids=["another place", "the same place"],
)
async def test_a_full_queue_of_one_keeps_nobody_waiting(bench, loud, other):
    """Ten slow runs of one owner occupy its share of the workers; the run of another one starts at once."""
    gate = Gate(bench)
    working = await flood(bench, gate, 10, **loud)

    async def full() -> bool:
        return len(gate.held) == SHARE

    await until(full, "the share to be taken")
    head = await bench.start(**other)
    await bench.handle(await bench.receive())
    assert await bench.status(head) is RunStatus.SUCCEEDED
    assert len(gate.held) == SHARE
    gate.open.set()
    await working


@limited
async def test_a_place_has_a_share_too(bench):
    """Slow runs of many owners in one place leave workers for runs in another place."""
    gate = Gate(bench)
    loud = [await flood(bench, gate, SHARE, owner=f"o{number}", place="slow") for number in range(4)]

    async def full() -> bool:
        return len(gate.held) == 2 * SHARE

    await until(full, "the share to be taken")
    head = await bench.start(owner="o0", place="fast")
    await bench.handle(await bench.receive())
    assert await bench.status(head) is RunStatus.NOT_STARTED, "its owner has used its share"
    head = await bench.start(owner="quiet", place="fast")
    await bench.handle(await bench.receive())
    assert await bench.status(head) is RunStatus.SUCCEEDED
    gate.open.set()
    await asyncio.gather(*loud)


@limited
async def test_what_was_put_back_is_done_later(bench):
    """Each run that found no free worker ends like any other, and starts each step once."""
    gate = Gate(bench)
    heads = [await bench.start() for _ in range(7)]
    gate.runs |= {head.id for head in heads}
    received = [await bench.receive() for _ in heads]
    working = asyncio.create_task(_all(bench, received))

    async def full() -> bool:
        return len(gate.held) == SHARE

    await until(full, "the share to be taken")
    gate.open.set()
    await working

    async def done() -> bool:
        await bench.drain()
        statuses = [await bench.status(head) for head in heads]
        return set(statuses) == {RunStatus.SUCCEEDED}

    await until(done, "all runs to end")
    for head in heads:
        run = await bench.run(head)
        assert {step.attempt for step in run.steps.values()} == {1}


@limited
async def test_what_a_dead_worker_began_is_not_put_back(bench):
    """A message that is delivered again continues its steps, even if the share is used up."""
    gate = Gate(bench)

    async def dies(_run, step):
        if step.attempt == 1:
            raise KilledError
        return Done(result={})

    bench.on("left", dies)
    head = await bench.start()
    delivery = await bench.receive()
    with contextlib.suppress(BaseExceptionGroup):
        await bench.handle(delivery)
    assert (await bench.statuses(head))["left"] is StepStatus.RUNNING
    working = await flood(bench, gate, SHARE)

    async def full() -> bool:
        return len(gate.held) == SHARE

    await until(full, "the share to be taken")
    await bench.handle(delivery)
    assert await bench.status(head) is RunStatus.SUCCEEDED
    gate.open.set()
    bench.on("left", gate._first)
    await working


@pytest.mark.parametrize("limits", [Limits(open_runs=4, stalled=STALLED)])
async def test_an_owner_has_a_limited_number_of_open_runs(bench):
    """Of many simultaneous requests, the first ones are accepted; other owners are not affected."""
    results = await asyncio.gather(*(bench.start(owner="loud") for _ in range(12)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, BaseException)]
    assert {type(result) for result in refused} == {TooManyOpenError}
    assert len(refused) == 8
    await bench.start(owner="quiet")
    assert len(await bench.open_runs()) == 5
    await bench.drain()
    await bench.start(owner="loud")
