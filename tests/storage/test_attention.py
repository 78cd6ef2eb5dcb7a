"""What needs attention stays until it is solved or dismissed, whatever else there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from onboarding.api.problems import ProblemError
from onboarding.connections.cadence import SECRET, Acknowledgement
from onboarding.connections.records import Connection
from tests.support.connections import TENANT, onboarding_request
from tests.support.world import World, run_id

REASON = "The customer has left."


async def codes(world: World, tenant: str | None = None) -> list[str]:
    """The codes of what needs attention."""
    return [each["code"] for each in (await world.call("get_overview", tenantId=tenant))["attention"]]


@pytest.fixture
def world(tmp_path):
    """A deployment in which nothing happened yet."""
    return World(tmp_path / "clock")


async def failed(world: World, name: str) -> str:
    """An onboarding that has failed."""
    head = await world.onboard(onboarding_request(name=name), world.clock.now())
    await world.fail(world.parts.onboarding_runs, head)
    return head.id


async def test_a_failed_run_needs_attention_until_it_is_dismissed(world):
    """However long ago it was requested: time ends nothing. The trail shows who dismissed it, and why."""
    await world.onboard(onboarding_request(name="late"), world.clock.now())
    world.advance(timedelta(days=31))
    run = await world.parts.onboarding_runs.load(run_id("late"))
    await world.fail(world.parts.onboarding_runs, run.head)
    assert await codes(world) == ["onboarding-failed"]
    world.advance(timedelta(days=300))
    assert await codes(world, TENANT) == ["onboarding-failed"]
    assert await world.call("dismiss", path={"id": run.head.id}, reason=REASON) == {
        "dismissed": 1,
        "more": False,
    }
    assert await codes(world) == []
    events = await world.call("list_onboarding_events", path={"id": run.head.id})
    assert [(each["actor"], each["detail"]) for each in events["value"] if each["kind"] == "dismissed"] == [
        ("Op", REASON)
    ]
    assert (await world.call("get_onboarding", path={"id": run.head.id}))["status"] == "Failed"


async def test_all_entries_of_a_code_are_dismissed_together(world):
    """One call ends all failed runs or all poison messages, and nothing else."""
    for name in ("a", "b", "c"):
        await failed(world, name)
        await world.poison(name, world.clock.now())
    assert await codes(world) == ["given-up", "onboarding-failed"]
    assert (await world.call("dismiss_all", code="given-up", reason=REASON))["dismissed"] == 3
    assert await codes(world) == ["onboarding-failed"]
    assert (await world.call("dismiss_all", code="onboarding-failed", reason=REASON))["dismissed"] == 3
    assert await codes(world) == []


async def test_what_has_not_failed_cannot_be_dismissed(world):
    """An operator does not hide a run that goes on, and nothing that does not exist."""
    head = await world.onboard(onboarding_request(name="goes on"), world.clock.now())
    for name, code in ((head.id, "not-in-this-status"), (run_id("unknown"), "not-found")):
        with pytest.raises(ProblemError) as refused:
            await world.call("dismiss", path={"id": name}, reason=REASON)
        assert refused.value._members["code"] == code


async def test_acknowledged_expirations_hide_no_others(world):
    """A hundred acknowledged expirations of one tenant take nothing from the list of what ends."""

    def acknowledged(connection: Connection) -> Connection:
        ends_at = connection.expirations[SECRET]
        answer = Acknowledgement(by="Op", at=world.clock.now(), ends_at=ends_at, operator=True)
        return replace(connection, acknowledged={SECRET: answer})

    now = world.clock.now()
    for number in range(120):
        loud = await world.connect(f"loud {number}", now - timedelta(days=9, minutes=number), drifts=False)
        await world.parts.connection_store.change(loud.id, acknowledged)
    assert await codes(world) == []
    await world.connect("quiet", now + timedelta(days=3), drifts=False)
    await world.connect("dead", now - timedelta(days=300), drifts=False)
    assert await codes(world) == ["ended", "ends-soon"]
