"""Waiting for consent costs a tenant a limited number of calls, however many of its onboardings wait."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from infra.local.cloud.faults import FaultSettings
from onboarding.lifecycle.consent_polls import AT_ONCE, next_poll
from onboarding.lifecycle.context import unique_name
from onboarding.storage import names
from tests.interleavings.parties import Member
from tests.interleavings.world import World
from tests.support.customers import FABRIKAM
from tests.support.precreated import consented

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph

log = logging.getLogger(__name__)

PERIOD = timedelta(minutes=5)


async def waiting(world: World, count: int, *, tenants: int = 1, **changes: Any) -> list[str]:
    """Onboardings that wait for the administrators of one tenant, or of two, for some time."""
    places = (FABRIKAM, world.cloud.info["tenant"])[:tenants]
    wanted = {"adminConsent": "ByAdministrator", **changes}
    made = [
        await world.onboard(f"Waits {number}", tenantId=places[number % tenants], **wanted)
        for number in range(count)
    ]
    await world.settle(patience=2 * PERIOD)
    return made


async def calls(world: World) -> list[tuple[str, int]]:
    """The calls to Graph within one period, with their targets and statuses."""
    begun = len(world.cloud.log)
    await at_once(world, world.clock.at + PERIOD)
    return [(target, status) for service, _, target, status in world.cloud.log[begun:] if service == "graph"]


async def at_once(world: World, until: datetime) -> None:
    """Handle what becomes visible until a moment, as a host does: several messages at once."""
    queue = [names.STEPS_QUEUE]
    while True:
        taken = [await world.take(queue) for _ in range(16)]
        found = [received for received in taken if received]
        await asyncio.gather(*(world.handle(0, *received) for received in found))
        due = world._next(queue)
        if not found and (due is None or due > until):
            return
        if due and not found:
            world.clock.at = max(world.clock.at, due)


async def statuses(world: World, runs: list[str]) -> list[str]:
    """The statuses of onboardings."""
    return [(await world.must("get_onboarding", id=run))["status"] for run in runs]


async def consent(world: World, run: str) -> None:
    """The administrator of the tenant grants what the applications of an onboarding request."""
    member: Any = Member(world, FABRIKAM)
    names_of = [unique_name(run, role) for role in ("server", "client")]
    apps = [world.cloud.graph(f"/applications(uniqueName='{name}')", FABRIKAM) for name in names_of]
    await consented(member, *apps)


def test_each_onboarding_has_its_turn():
    """Later checks are at the tenant's scheduled moments; each onboarding has one of several of them."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    runs = [str(uuid.UUID(int=number)) for number in range(1000)]
    moments: Counter[datetime] = Counter()
    for run in runs:
        polls = [now]
        for _ in range(3):
            asked: dict[str, Any] = {"tenant": FABRIKAM, "onboarding": run, "waiting": 2 * len(runs)}
            polls.append(polls[-1] + next_poll(polls[-1], 7, **asked))
        periods = [(after - before) / PERIOD for before, after in pairwise(polls)][1:]
        assert periods == [20, 20]
        moments[polls[1]] += 1
    assert len(moments) == 20
    assert 2 * max(moments.values()) < 2 * AT_ONCE
    alone = next_poll(now, 7, tenant=FABRIKAM, onboarding=runs[0], waiting=2)
    assert timedelta(seconds=2) <= alone <= PERIOD + timedelta(seconds=2)
    assert next_poll(now, 0, tenant=FABRIKAM, onboarding=runs[0], waiting=9999) == timedelta(seconds=2)


async def sweeps(world: World, number: int) -> list[tuple[int, float]]:
    """The calls to storage and the seconds that some sweeps take, one after another."""
    engine, costs = world.parts.engines[names.STEPS_QUEUE], []
    for _ in range(number):
        calls_before, begun = world.calls, time.monotonic()
        await engine.sweep()
        costs.append((world.calls - calls_before, round(time.monotonic() - begun, 2)))
    return costs


@pytest.mark.soak
@pytest.mark.parametrize(("count", "tenants"), [(10, 1), (300, 1), (300, 2)])
async def test_many_that_wait_cost_no_more_than_some(simulated, count, tenants):
    """In each period, the service makes about five calls, and each run sees a consent in its turn.

    Each sweep checks a limited number of runs, and the next sweeps check the others, so a run whose message
    was lost continues.
    """
    world = World(simulated, max_open_onboardings=1000)
    begun = time.monotonic()
    runs = await waiting(world, count, tenants=tenants, userDiscovery={"enabled": True})
    log.info("%d in %d tenants wait after %.1f s", count, tenants, time.monotonic() - begun)
    turns = -(-2 * count // tenants // AT_ONCE)
    made = [len(await calls(world)) for _ in range(2 * turns)][turns:]
    log.info("calls in a period: %s", made)
    assert sum(made) <= 1.5 * 2 * count / 20 + turns * tenants
    assert max(made) <= 2 * AT_ONCE / 20 * tenants
    await consent(world, runs[0])
    lost = [each for each in world.queues._messages[names.STEPS_QUEUE] if runs[0].encode() in each.body]
    for each in lost:
        world.queues._messages[names.STEPS_QUEUE].remove(each)
    for _ in range(turns + 5):  # until it has stalled
        await calls(world)
    assert await statuses(world, runs) == ["Waiting"] * count
    costs = await sweeps(world, 1 + -(-count // 250))
    log.info("%d waiting: %s calls in a period; calls and seconds of sweeps: %s", count, made, costs)
    assert max(number for number, _ in costs) <= 2 * min(count, 250) + 10
    await world.settle(patience=timedelta(minutes=1))
    after = ["Succeeded" if number == 0 else "Waiting" for number in range(count)]
    assert await statuses(world, runs) == after
    await world.close()


async def test_a_poll_is_for_all_that_wait_in_a_tenant(world):
    """In each period, the service makes one call for every twenty lists of grants, however many runs wait.

    Each run sees a consent at its next check. While Graph fails, the runs do not ask one after another. Where
    the service may not read delegated permissions, it asks for one of those lists to learn when it may.
    """
    count = 3
    runs = await waiting(world, count, userDiscovery={"enabled": True})
    await calls(world)
    made = await calls(world)
    assert {target.rpartition("/")[2] for target, _ in made} == {"$batch"}
    assert len(made) == -(-2 * count // 20)
    await consent(world, runs[0])
    await calls(world)
    after = ["Succeeded" if number == 0 else "Waiting" for number in range(count)]
    assert await statuses(world, runs) == after
    down = FaultSettings.model_validate(
        {"service": "graph", "path": "batch", "kind": "status", "status": 503, "times": None}
    )
    world.cloud.faults.add(down)
    assert len(await calls(world)) <= PERIOD / timedelta(seconds=30)
    world.cloud.faults.clear()
    world.cloud.allow(FABRIKAM, without="DelegatedPermissionGrant.ReadWrite.All")
    await calls(world)
    await calls(world)
    made = await calls(world)
    assert len(made) == -(-count // 20)
    assert await statuses(world, runs) == after
    world.cloud.allow(FABRIKAM)
    await calls(world)
    await consent(world, runs[1])
    await calls(world)
    assert (await statuses(world, runs))[1] == "Succeeded"
