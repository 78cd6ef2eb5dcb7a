"""The hosts' clock was nine months ahead for an hour, and is correct again."""

from __future__ import annotations

from datetime import datetime, timedelta

from onboarding.connections.records import Connection
from onboarding.connections.site_waits import SiteWaits
from onboarding.drift.inspection_step import is_old
from onboarding.notices import digests
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.storage import names
from onboarding.storage.periodic_jobs import PERIODS
from tests.support import runbook
from tests.support.connections import onboarding_request
from tests.support.world import World

AHEAD = timedelta(days=270)
INCIDENT = "A clock was wrong"


async def test_what_a_clock_that_was_ahead_left_behind_goes_on(world):
    """What was started meanwhile is inspected, continued and reminded of at once, not months later."""
    world.advance(AHEAD)
    now = world.clock.now()
    made = await world.connect("made", now + timedelta(days=400), drifts=False, created_at=now)
    await SiteWaits(world.tables).begin(made)
    started = await world.onboard(onboarding_request(name="started"), now)
    await digests.add(world.parts.messaging.delivery_services, notice(made, now), "webhook", now)
    world.advance(-AHEAD)
    world.queues._messages[names.STEPS_QUEUE] = []
    reminded = 0
    for _ in range(8):
        world.advance(timedelta(days=1))
        await world.run_jobs()
        reminded += await world.timers.handover_reminders.run()
    assert reminded == 1
    (message, *_) = world.queues._messages[names.STEPS_QUEUE]
    assert started.id in message.body.decode()
    inspections = [row for row in world.rows() if row.table == names.INSPECTIONS and row.key == "head"]
    assert made.id in str(inspections[0].columns)
    assert is_old(made, world.clock.now()), "it can be inspected"
    digest = next(row for row in world.rows() if row.table == names.NOTICES and '"day"' in str(row.columns))
    run = await world.parts.notice_runs.load(digest.partition)
    assert run is not None
    assert any(world.parts.notice_runs.overdue(run, step) for step in run.steps.values())


def notice(connection: Connection, at: datetime) -> Notice:
    """Something that people must know about a connection."""
    kind, key = NoticeKind.PROFILE_DRIFT, ("k",)
    return Notice(kind=kind, connection=connection.id, key=key, at=at, message="m", impact="i", remedy="r")


def announced(world: World, table: str) -> int:
    """The notices, or the inspections, that exist."""
    return sum(row.table == table and row.key == "head" for row in world.rows())


async def test_a_clock_that_was_ahead(world):
    """Afterwards, inspections and the watch over the timers continue; no warning is sent twice."""
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
