"""The jobs of the timers: a job that fails or does not run is noticed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from onboarding.storage.periodic_jobs import PERIODS, Tally
from tests.support.world import World


async def overview(world: World) -> tuple[list[str], dict[str, dict[str, object]]]:
    """The codes of what needs attention, and the jobs by name."""
    document = await world.call("get_overview")
    return [each["code"] for each in document["attention"]], {each["name"]: each for each in document["jobs"]}


async def nothing() -> int:
    """A part with nothing to do."""
    return 0


@pytest.fixture
def world(tmp_path):
    """A new deployment."""
    return World(tmp_path / "clock")


@pytest.mark.parametrize("name", PERIODS)
async def test_a_job_that_does_not_run_is_late_after_three_periods(world, name):
    """After three periods, a timer that stopped is the most severe entry and health fails, until it runs."""
    jobs = world.timers.jobs
    for _ in range(3):
        await jobs.run(name, nothing)
        world.advance(PERIODS[name])
    assert (await overview(world))[0] == []
    world.advance(3 * PERIODS[name])
    for other in PERIODS.keys() - {name}:
        await jobs.run(other, nothing)
    codes, shown = await overview(world)
    assert (codes, shown[name]["late"]) == (["job-late"], True)
    with pytest.raises(RuntimeError, match=name):
        await jobs.need_punctual()
    await jobs.run(name, nothing)
    await jobs.need_punctual()
    assert (await overview(world))[0] == []


@pytest.mark.parametrize("name", PERIODS)
async def test_a_job_that_has_never_run_is_late_three_periods_after_the_deployment(world, name):
    """A timer that never fires is noticed, also if its only success is in the future."""
    jobs = world.timers.jobs
    await jobs.need_punctual()  # the first health check
    world.advance(3 * PERIODS[name] + timedelta(minutes=1))
    for other in PERIODS.keys() - {name}:
        await jobs.run(other, nothing)
    codes, shown = await overview(world)
    assert (codes, shown[name]["late"], "lastSuccessAt" in shown[name]) == (["job-late"], True, False)
    world.advance(timedelta(days=300))
    for every in PERIODS:
        await jobs.run(every, nothing)
    world.advance(timedelta(days=-300))
    await jobs.need_punctual()  # a clock was ahead: the success in the future shows nothing
    world.advance(3 * PERIODS[name] + timedelta(minutes=1))
    for other in PERIODS.keys() - {name}:
        await jobs.run(other, nothing)
    with pytest.raises(RuntimeError, match=name):
        await jobs.need_punctual()


async def test_a_job_shows_what_it_found_and_what_it_did(world):
    """Work that was found but not done is visible; failures show since when they occur."""

    async def works() -> Tally:
        return Tally(found=5, done=3)

    async def broken() -> int:
        raise LookupError("x")

    jobs = world.timers.jobs
    await jobs.run("sweep_expirations", works, nothing)
    shown = (await overview(world))[1]["sweep_expirations"]
    assert (shown["found"], shown["done"]) == (5, 3)
    for _ in range(2):
        world.advance(timedelta(minutes=5))
        with pytest.raises(LookupError):
            await jobs.run("sweep_expirations", broken)
    (entry,) = (await world.call("get_overview"))["attention"]
    assert (entry["code"], entry["causes"]) == ("job-failed", {"sweep_expirations": 1})
    since = datetime.fromisoformat(entry["since"])
    assert timedelta(minutes=4) < world.clock.now() - since < timedelta(minutes=6)


async def test_a_job_that_fails_is_shown_and_its_other_parts_run(world):
    """A part that raises does not stop the other parts. The job fails until all parts succeed."""
    jobs, ran = world.timers.jobs, []

    async def broken() -> int:
        raise LookupError("x")

    async def works() -> int:
        ran.append(1)
        return 7

    with pytest.raises(LookupError):
        await jobs.run("sweep_expirations", broken, works)
    codes, shown = await overview(world)
    assert (codes, shown["sweep_expirations"]["lastError"], ran) == (["job-failed"], "LookupError", [1])
    await jobs.run("sweep_expirations", works)
    codes, shown = await overview(world)
    assert (codes, shown["sweep_expirations"]["done"]) == ([], 7)


async def test_a_job_on_a_slower_schedule_is_not_late(world):
    """If a deployment runs a timer once a day, the job is not shown as late every few hours."""
    jobs = world.timers.jobs
    for _ in range(4):
        await jobs.run("sweep_expirations", nothing)
        world.advance(timedelta(days=1))
    world.advance(timedelta(days=1))
    assert not (await overview(world))[1]["sweep_expirations"]["late"]
    world.advance(timedelta(days=2))
    assert (await overview(world))[1]["sweep_expirations"]["late"]


@pytest.mark.parametrize("before", [0, 1, 2])
async def test_an_outage_soon_after_the_deployment_is_no_period(world, before):
    """Forty days of silence, or of a wrong clock, do not lengthen the period that is expected."""
    jobs = world.timers.jobs
    for _ in range(before):
        await jobs.run("sweep_expirations", nothing)
        world.advance(timedelta(hours=1))
    world.advance(timedelta(days=40))
    await jobs.run("sweep_expirations", nothing)
    assert "job-late" not in (await overview(world))[0]
    world.advance(timedelta(hours=3, minutes=1))
    assert (await overview(world))[1]["sweep_expirations"]["late"]


async def test_a_clock_that_was_ahead_hides_nothing(world):
    """The next run replaces a success in the future, and the job is watched as before."""
    jobs = world.timers.jobs
    world.advance(timedelta(days=300))
    await jobs.run("sweep_directory", nothing)
    world.advance(timedelta(days=-300))
    await jobs.run("sweep_directory", nothing)
    assert (await overview(world))[0] == []
    world.advance(4 * PERIODS["sweep_directory"])
    assert (await overview(world))[1]["sweep_directory"]["late"]
