"""The clock of the hosts was nine months ahead for an hour, and is right again."""

from __future__ import annotations

from datetime import timedelta

from onboarding.storage import names
from onboarding.storage.periodic_jobs import PERIODS
from tests.support import runbook
from tests.support.world import World

AHEAD = timedelta(days=270)
INCIDENT = "A clock was wrong"


def announced(world: World, table: str) -> int:
    """The notices, or the inspections, that exist."""
    return sum(row.table == table and row.key == "head" for row in world.rows())


async def test_a_clock_that_was_ahead(world):
    """Afterwards, inspections and the watch over the timers go on; no warning is sent twice."""
    assert runbook.calls(INCIDENT) == [], "nothing has to be done"
    await world.connect("soon", world.clock.now() + timedelta(days=200), drifts=False)
    await world.run_jobs()
    world.advance(AHEAD)
    await world.run_jobs()
    early = announced(world, names.NOTICES)
    assert early, "by the wrong clock, the secret has expired"
    world.advance(-AHEAD)
    await world.run_jobs()
    before = announced(world, names.INSPECTIONS)
    for _ in range(8):
        world.advance(timedelta(days=1))
        await world.run_jobs()
    assert announced(world, names.INSPECTIONS) > before
    assert announced(world, names.NOTICES) == early
    assert "job-late" not in await world.attention()
    world.advance(timedelta(days=4))
    assert (await world.attention())["job-late"]["count"] == len(PERIODS)
