"""The host is killed before the caller learns that the request was accepted, and nobody sends it again."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.durability.outcome import problems
from tests.support.lanes.lane import Lane
from tests.support.lanes.points import Onboarding, Point
from tests.support.lanes.proxy import AFTER, BEFORE


async def lose(lane: Lane, label: str) -> Onboarding:
    """Request an onboarding once; kill the host before it does this, and start a new one."""
    onboarding = await lane.begin([Point(label=label, when=BEFORE)])
    asking = asyncio.create_task(lane.ask(onboarding))
    await lane.struck()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await lane.kill_host()
    await lane.start_host()
    return onboarding


async def written(lane: Lane, onboarding: Onboarding) -> list[str]:
    """The IDs of an onboarding's runs that were written."""
    name = onboarding.request["name"]
    heads = await lane.rows("onboardings", "RowKey eq 'head'")
    return [head["PartitionKey"] for head in heads if json.loads(head["request"])["name"] == name]


@pytest.mark.soak
async def test_the_sweep_drives_on_what_has_no_message(lane):
    """The sweep finds a stored run whose message was not sent."""
    assert await _find(lane, "") == []


@pytest.mark.soak
async def test_a_killed_sweep_loses_nothing(lanes):
    """The next sweep finds the run, whether the killed one sent its message or not."""
    assert await lanes.share([BEFORE, AFTER], _find) == []


async def _find(lane: Lane, when: str) -> list[str]:
    """What is wrong after a message was not sent, and a sweep was killed before or after it sent one."""
    onboarding = await lose(lane, "put steps preflight")
    (onboarding.id,) = await written(lane, onboarding)
    assert (await lane.get(f"/api/onboardings/{onboarding.id}"))["status"] == "NotStarted"
    if when:
        lane.expect(Point(label="put steps *", when=when))
        await lane.fire_sweep()
        await lane.struck()
        await lane.kill_host()
        await lane.start_host()
    await lane.sweep()
    return await problems(lane, onboarding)


async def test_the_sweep_forgets_what_was_announced_and_never_written(lane):
    """A request that was lost before it was stored leaves nothing behind."""
    onboarding = await lose(lane, "create onboardings")
    announced = await lane.rows("onboardingindex", "PartitionKey eq 'new'")
    assert len(announced) == 1
    await lane.sweep()
    assert await lane.rows("onboardingindex", "PartitionKey eq 'new'") == []
    assert await written(lane, onboarding) == []
