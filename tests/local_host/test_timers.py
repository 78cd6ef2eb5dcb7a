from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx

from infra.local import process
from tests.local_host.hosts import until


async def test_fires_on_schedule_on_one_host_only(sample):
    """One of several hosts fires an occurrence; when it is killed, another host takes the timer."""
    sample.environment["SAMPLE_SCHEDULE"] = "* * * * * *"
    hosts = {}
    for number in (1, 2):
        started, _ = await sample.start(f"host-{number}")
        hosts[started.pid] = started
    before = len(sample.calls(function="tick"))
    await until(lambda: len(sample.calls(function="tick")) >= before + 3)
    (first,) = {call["pid"] for call in sample.calls(function="tick")}
    await process.kill(hosts[first])
    await until(lambda: any(call["pid"] != first for call in sample.calls(function="tick")))


async def test_no_overlap(sample):
    """While a run of a timer lasts, its next occurrence waits."""
    sample.environment["SAMPLE_SCHEDULE"] = "00:00:00.2"
    (sample.folder / "hold-ticks").touch()
    _, url = await sample.start()
    await until(lambda: sample.calls(function="tick"))
    async with httpx.AsyncClient(base_url=url) as client:
        await client.put("/admin/host/clock", json={"advance": 3600})
    loop_log = sample.log()
    assert len(sample.calls(function="tick")) == 1
    (sample.folder / "hold-ticks").unlink()
    sample.release("tick")
    await until(lambda: len(sample.calls(function="tick")) >= 3)
    assert "tick (timer)" not in loop_log


async def test_missed_run_is_made_good_once(sample):
    """A run that was due while no host was running happens once at the next start, marked past due."""
    sample.environment["SAMPLE_SCHEDULE"] = "0 0 6 * * *"
    first, _ = await sample.start()
    await process.stop(first, seconds=10)
    assert sample.calls(function="tick") == []
    (sample.folder / "clock").write_text(str(timedelta(days=3).total_seconds()))
    second, _ = await sample.start()
    await until(lambda: sample.calls(function="tick"))
    await process.stop(second, seconds=10)
    third, _ = await sample.start()
    await process.stop(third, seconds=10)
    assert [call["past_due"] for call in sample.calls(function="tick")] == [True]


async def test_follows_the_local_clock(sample):
    """Set past an occurrence, the clock fires the timer; set back, the timer continues from there."""
    sample.environment["SAMPLE_SCHEDULE"] = "0 0 0 1 1 *"
    _, url = await sample.start()
    year = datetime.now(UTC).year
    async with httpx.AsyncClient(base_url=url) as client:
        await client.put("/admin/host/clock", json={"now": f"{year + 1}-01-01T00:00:01Z"})
        await until(lambda: len(sample.calls(function="tick")) == 1)
        await client.put("/admin/host/clock", json={"now": f"{year}-12-31T23:59:59Z"})
        await until(lambda: len(sample.calls(function="tick")) == 2)
    assert {call["past_due"] for call in sample.calls(function="tick")} == {False}


async def test_state_that_cannot_be_read(sample):
    """A damaged record of the last run is reported and replaced, and the timer does not fire for it."""
    folder = sample.folder / "timers"
    folder.mkdir()
    (folder / "tick.json").write_text("{")
    started, _ = await sample.start()
    await process.stop(started, seconds=10)
    assert "timer tick cannot be read" in sample.log()
    assert json.loads((folder / "tick.json").read_text())["last"] is None
    assert sample.calls(function="tick") == []
