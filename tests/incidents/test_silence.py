"""No timer fires for forty days, while secrets expire."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from onboarding.storage import names
from onboarding.storage.periodic_jobs import PERIODS, PeriodicJobs
from tests.support import runbook
from tests.support.world import World

INCIDENT = "The timers did not run"
CONNECTIONS = 5


def notices(world: World) -> list[str]:
    """The notices about expirations that exist, as text."""
    heads = [row for row in world.rows() if row.table == names.NOTICES and row.key == "head"]
    return [str(row.columns["request"]) for row in heads if "Secret" in str(row.columns["request"])]


async def test_silence(world):
    """It is the most severe entry within three periods, and health fails; then one notice per connection."""
    assert runbook.calls(INCIDENT) == []  # the host fires the timers, or the operator does
    for number in range(CONNECTIONS):
        await world.connect(f"silent {number}", world.clock.now() + timedelta(days=95), drifts=False)
    await world.run_jobs()
    assert notices(world) == []
    silent_since = world.clock.now()
    world.advance(3 * min(PERIODS.values()) + timedelta(minutes=1))
    assert next(iter(await world.attention())) == "job-late"
    with pytest.raises(RuntimeError, match="sweep_onboardings"):
        await PeriodicJobs(world.tables).need_punctual()  # what the health check asks
    world.advance(timedelta(days=40))
    late = (await world.attention())["job-late"]
    assert set(late["causes"]) == set(PERIODS)
    assert datetime.fromisoformat(late["since"]) < silent_since + timedelta(hours=1)
    await world.run_jobs()
    announced = notices(world)
    assert len(announced) == CONNECTIONS
    assert all('"days":60' in text for text in announced), "the most urgent that is due"
    assert list(await world.attention()) == []
    jobs = {each["name"]: each for each in (await world.call("get_overview"))["jobs"]}
    assert (jobs["sweep_expirations"]["found"], jobs["sweep_expirations"]["done"]) == (
        CONNECTIONS,
        CONNECTIONS,
    )
