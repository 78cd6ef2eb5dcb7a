"""Every pair of operations, and some triples, interrupted where they can meet: afterwards all is in order."""

from __future__ import annotations

import functools
import random

import pytest

from tests.interleavings.cloud import InProcessCloud
from tests.interleavings.invariants import violations
from tests.interleavings.model import PAIRS, STATES, TRIPLES, acts
from tests.interleavings.scheduler import Order, Scheduler, meeting_points
from tests.interleavings.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph

SEED = 20261128
ACTORS = ("first", "second", "third")
LONG = 150
"""About the number of calls of three operations."""


async def explored(cloud: InProcessCloud, pair: tuple[str, ...], order: Order, wrong: list[str]) -> Scheduler:
    """Run a pair or a triple in one order on a new deployment; record what is wrong afterwards."""
    state = STATES[pair[0]]
    world = World(cloud)
    target = await state.prepare(world)
    scheduler = Scheduler(world, order)
    try:
        await scheduler.run(
            {
                actor: functools.partial(acts, world, state.verbs[verb], target, number % 2)
                for number, (actor, verb) in enumerate(zip(ACTORS, pair[1:], strict=False))
            }
        )
        await world.settle()
        await world.sweep()
        await world.settle()
        found = await violations(world)
    finally:
        await world.close()
    if found:
        wrong.append(f"{pair} in {order}: {found}")
    return scheduler


async def orders(cloud: InProcessCloud, pair: tuple[str, str, str], wrong: list[str]) -> list[Order]:
    """The orders with one preemption: one of the two waits while the other one runs to its end."""
    wanted = []
    for first, second in (("first", "second"), ("second", "first")):
        ran = await explored(cloud, pair, Order(first=first), wrong)
        points = meeting_points(ran.calls[first], ran.calls[second])
        wanted += [Order(first=first, switches=(number,)) for number in points if number]
    return wanted


@pytest.mark.parametrize("pair", PAIRS[::3], ids="-".join)
async def test_two_operations_meet_in_some_order(pair, simulated):
    """For each third pair, one order that the seed chooses leaves everything in order."""
    chosen = random.Random(f"{SEED} {pair}")  # noqa: S311 - it must be repeatable
    switches = (chosen.randrange(1, 60), chosen.randrange(1, 60))
    order = Order(first=chosen.choice(["first", "second"]), switches=switches)
    wrong: list[str] = []
    await explored(simulated, pair, order, wrong)
    assert wrong == []


def ranks(triple: tuple[str, ...], count: int) -> list[Order]:
    """Some orders of three operations that the seed chooses: ranks, and two calls at which they change."""
    chosen = random.Random(f"{SEED} {triple}")  # noqa: S311 - it must be repeatable
    return [
        Order(
            rank=tuple(chosen.sample(ACTORS, len(ACTORS))),
            switches=tuple(sorted(chosen.randrange(1, LONG) for _ in range(2))),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("triple", TRIPLES[::3], ids="-".join)
async def test_three_operations_meet_in_some_order(triple, simulated):
    """For each third triple, one order leaves everything in order."""
    wrong: list[str] = []
    for order in ranks(triple, 1):
        await explored(simulated, triple, order, wrong)
    assert wrong == []


@pytest.mark.soak
@pytest.mark.parametrize("triple", TRIPLES, ids="-".join)
async def test_three_operations_meet_in_many_orders(triple, tmp_path, record_property):
    """Many orders of each triple leave everything in order."""
    cloud = InProcessCloud(tmp_path)
    wrong: list[str] = []
    for order in ranks(triple, 100):
        await explored(cloud, triple, order, wrong)
    record_property("orders", 100)
    record_property("failed", len(wrong))
    cloud.close()
    assert wrong == []


@pytest.mark.soak
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_two_operations_meet_everywhere(pair, tmp_path, record_property):
    """Every order with one preemption of each pair, and some with two."""
    cloud = InProcessCloud(tmp_path)
    wrong: list[str] = []
    found = await orders(cloud, pair, wrong)
    chosen = random.Random(f"{SEED} {pair}")  # noqa: S311 - it must be repeatable
    twice = [
        Order(first=order.first, switches=(*order.switches, chosen.randrange(1, 60)))
        for order in chosen.sample(found, min(len(found), 20))
    ]
    for order in (*found, *twice):
        await explored(cloud, pair, order, wrong)
    record_property("orders", 2 + len(found) + len(twice))
    record_property("failed", len(wrong))
    cloud.close()
    assert wrong == []
