"""Retries and the limit of open onboardings, with the storage account in memory."""

from __future__ import annotations

import pytest

from onboarding.api.problems import ProblemError
from tests.support.connections import onboarding_request
from tests.support.world import World, requester


async def test_a_retried_onboarding_counts_as_an_open_one(tmp_path):
    """Failed onboardings do not bypass the limit: a requester can retry only as many as it may have open."""
    world = World(tmp_path / "clock")
    runs, now = world.parts.onboarding_runs, world.clock.now()
    failed = await world.onboard(onboarding_request(name="failed"), now, "kim")
    await world.fail(runs, failed)
    for number in range(runs.limits.open_runs):
        await world.onboard(onboarding_request(name=f"open {number}"), now, "kim")
    kim, path = requester("kim"), {"id": failed.id}
    with pytest.raises(ProblemError) as caught:
        await world.call("retry_onboarding", caller=kim, path=path)
    assert (caught.value.status, caught.value.code) == (429, "too-many-open-onboardings")
    assert (await world.call("get_onboarding", caller=kim, path=path))["status"] == "Failed"
    retried = await world.call("retry_onboarding", path=path)  # an operator can exceed the limit
    assert retried["status"] != "Failed"
