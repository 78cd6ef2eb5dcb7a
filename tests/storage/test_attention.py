"""What needs attention stays until it is solved or dismissed, whatever else exists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from onboarding.api import attention_list
from onboarding.api.problems import ProblemError
from onboarding.connections.cadence import SECRET, Acknowledgement
from onboarding.connections.handover import Confirmation, ConfirmationWay, Handover
from onboarding.connections.records import Connection, Difference
from onboarding.errors import Actor
from onboarding.storage import names
from onboarding.workflow.blocked_steps import BlockedStep
from onboarding.workflow.outcomes import Failure
from onboarding.workflow.run import StepStatus
from tests.storage.attention_calls import codes, entries, handled
from tests.support.connections import TENANT, onboarding_request
from tests.support.world import World, run_id

REASON = "The customer has left."


@pytest.fixture
def world(tmp_path):
    """A new deployment."""
    return World(tmp_path / "clock")


async def failed(world: World, name: str) -> str:
    """An onboarding that has failed."""
    head = await world.onboard(onboarding_request(name=name), world.clock.now())
    await world.fail(world.parts.onboarding_runs, head)
    return head.id


async def test_a_failed_run_needs_attention_until_it_is_dismissed(world):
    """Its age does not matter: time alone ends nothing. The trail shows who dismissed it, and why."""
    await world.onboard(onboarding_request(name="late"), world.clock.now())
    world.advance(timedelta(days=31))
    run = await world.parts.onboarding_runs.load(run_id("late"))
    await world.fail(world.parts.onboarding_runs, run.head)
    assert await codes(world) == ["onboarding-failed"]
    world.advance(timedelta(days=300))
    assert await codes(world, TENANT) == ["onboarding-failed"]
    assert await world.call("dismiss_attention", path={"id": run.head.id}, reason=REASON) == {
        "done": 1,
        "kept": 0,
    }
    assert await codes(world) == []
    events = await world.call("list_onboarding_events", path={"id": run.head.id})
    assert [(each["actor"], each["detail"]) for each in events["value"] if each["kind"] == "dismissed"] == [
        ("Op", REASON)
    ]
    assert (await world.call("get_onboarding", path={"id": run.head.id}))["status"] == "Failed"


async def test_all_entries_of_a_code_are_dismissed_together(world):
    """One call dismisses all failed runs or all poison messages, and nothing else."""
    for name in ("a", "b", "c"):
        await failed(world, name)
        await world.poison(name, world.clock.now())
    assert await codes(world) == ["poison-message", "onboarding-failed"]
    assert (await world.call("dismiss_all_attention", code="poison-message", reason=REASON))["done"] == 3
    assert await codes(world) == ["onboarding-failed"]
    assert (await world.call("dismiss_all_attention", code="onboarding-failed", reason=REASON))["done"] == 3
    assert await codes(world) == []


async def test_what_has_not_failed_cannot_be_dismissed(world):
    """An operator can dismiss neither a run that continues nor something that does not exist."""
    head = await world.onboard(onboarding_request(name="goes on"), world.clock.now())
    for name, code in ((head.id, "not-in-this-status"), (run_id("unknown"), "not-found")):
        for call, query in (("dismiss_attention", {"reason": REASON}), ("retry_attention", {})):
            with pytest.raises(ProblemError) as refused:
                await world.call(call, path={"id": name}, **query)
            assert refused.value._members["code"] == code


async def test_acknowledged_expirations_hide_no_others(world):
    """A hundred acknowledged expirations of one tenant hide no other expiration."""

    def acknowledged(connection: Connection) -> Connection:
        ends_at = connection.expirations[SECRET]
        answer = Acknowledgement(by="Op", at=world.clock.now(), ends_at=ends_at, operator=True)
        return replace(connection, acknowledged={SECRET: answer})

    now = world.clock.now()
    for number in range(120):
        loud = await world.connect(f"loud {number}", now - timedelta(days=9, minutes=number), drifts=False)
        await world.parts.stores.connection_store.change(loud.id, acknowledged)
    assert await codes(world) == []
    await world.connect("quiet", now + timedelta(days=3), drifts=False)
    await world.connect("dead", now - timedelta(days=300), drifts=False)
    assert await codes(world) == ["expiration-passed", "expiration-near"]


def difference(code: str) -> dict[str, Difference]:
    """A difference of a connection, with its key."""
    at = datetime(2026, 11, 1, tzinfo=UTC)
    found = Difference(code=code, app="serverApp", since=at, detail="d", impact="i", remedy="r")
    return {found.key: found}


async def test_failed_runs_are_retried_by_cause_tenant_and_time(world):
    """After an outage, an operator retries the runs that it failed, in its time range, and no others."""
    runs = world.parts.onboarding_runs
    for name, code in (("before", "forbidden"), ("during", "forbidden"), ("other", "wait-timed-out")):
        head = await world.onboard(onboarding_request(name=name), world.clock.now())
        await world.fail(runs, head, code)
        world.advance(timedelta(hours=2))
    overview = await world.call("get_overview")
    (entry,) = [each for each in overview["attention"] if each["code"] == "onboarding-failed"]
    assert (entry["count"], entry["causes"]) == (3, {"forbidden": 2, "wait-timed-out": 1})
    found = {each["id"]: each for each in await entries(world, code="onboarding-failed")}
    during = datetime.fromisoformat(found[run_id("during")]["since"])
    assert entry["since"] == found[run_id("before")]["since"]
    wanted = {
        "code": "onboarding-failed",
        "cause": "forbidden",
        "tenantId": TENANT,
        "since": (during - timedelta(hours=1)).isoformat(),
        "before": (during + timedelta(hours=1)).isoformat(),
    }
    assert [each["id"] for each in await entries(world, **wanted)] == [run_id("during")]
    assert await handled(
        world, "retry_all_attention", **{**wanted, "tenantId": run_id("another tenant")}
    ) == (0, 0)
    assert await handled(world, "retry_all_attention", **wanted) == (1, 0)
    statuses = {name: runs.status(await runs.load(run_id(name))) for name in ("before", "during", "other")}
    assert statuses == {"before": "Failed", "during": "Running", "other": "Failed"}
    assert {each["id"] for each in await entries(world)} == {run_id("before"), run_id("other")}


async def test_a_difference_is_dismissed_until_there_is_another(world):
    """An operator accepts what a customer changed on purpose. The next difference needs attention again."""
    made = await world.connect("drifts", world.clock.now() + timedelta(days=300))
    await world.parts.stores.connection_store.change(
        made.id, lambda each: each.evolve(differences=difference("scope"))
    )
    assert await codes(world) == ["connection-drifting"]
    assert await handled(world, "dismiss_all_attention", code="connection-drifting", reason=REASON) == (1, 0)
    assert await codes(world) == []
    record = await world.parts.stores.connection_store.get(made.id)
    await world.parts.stores.drift_index.enter(record)  # as in the next inspection
    assert await codes(world) == []
    await world.parts.stores.drift_index.enter(
        record.evolve(differences={**record.differences, **difference("uri")})
    )
    ((entry,),) = [await entries(world)]
    assert (entry["code"], entry["cause"], entry["id"]) == ("connection-drifting", "uri", made.id)


async def test_unreadable_rows_are_dismissed_or_read_again(world):
    """A known row stays dismissed until it changes; after an upgrade, it is read again."""
    for name in ("a", "b"):
        await world.connect(name, world.clock.now() + timedelta(days=300), drifts=False)
    for row in [row for row in world.rows() if row.table == names.CONNECTIONS and row.partition == TENANT]:
        await world.damage(row, "document", "{")
    await world.call("list_connections")
    assert await codes(world) == ["row-unreadable"]
    first, second = await entries(world, code="row-unreadable", cause="connections")
    assert (await world.call("dismiss_attention", path={"id": first["id"]}, reason=REASON))["done"] == 1
    assert [each["id"] for each in await entries(world)] == [second["id"]]
    listed = {each["id"]: each for each in (await world.call("list_unreadable"))["value"]}
    assert listed[first["id"]]["dismissed"]["reason"] == REASON
    assert (await world.call("retry_attention", path={"id": second["id"]}))["done"] == 1
    assert await codes(world) == []
    await world.call("list_connections")  # the second one is still unreadable, the first one still dismissed
    assert [each["id"] for each in await entries(world)] == [second["id"]]


async def test_who_dismissed_what_when_and_why_is_kept(world):
    """Dismissals have their own list, which also contains those of entries that no longer exist."""
    await failed(world, "a")
    await world.poison("b", world.clock.now())
    for code in ("onboarding-failed", "poison-message"):
        world.advance(timedelta(minutes=1))
        await handled(world, "dismiss_all_attention", code=code, reason=f"{REASON} {code}")
    kept = (await world.call("list_dismissals"))["value"]
    assert [(each["code"], each["dismissal"]["by"], each["dismissal"]["reason"]) for each in kept] == [
        (code, "Op", f"{REASON} {code}") for code in ("poison-message", "onboarding-failed")
    ]
    assert all(each["since"] < each["dismissal"]["at"] for each in kept)


async def test_a_run_that_waits_is_hurried_or_dismissed(world):
    """A run that waits for a customer is dismissed until its cause changes, or retried at once."""
    runs = world.parts.onboarding_runs
    head = await world.onboard(onboarding_request(name="waits"), world.clock.now())
    run = await runs.load(head.id)
    error = Failure(code="consent-missing", title="t", detail="d", actor=Actor.TENANT_ADMINISTRATOR)
    step = run.steps["preflight"].evolve(
        status=StepStatus.WAITING,
        attempt=1,
        error=error,
        since=world.clock.now(),
        changed_at=world.clock.now(),
    )
    (step,) = (await runs.store.commit([step], [])).steps
    await runs.index.begin(head)
    await runs.index.blocked.enter(BlockedStep.of(head, step))
    assert await codes(world) == ["run-waits-for-customer"]
    assert await handled(world, "dismiss_all_attention", code="run-waits-for-customer", reason=REASON) == (
        1,
        0,
    )
    await runs.index.blocked.enter(BlockedStep.of(head, step))  # the next attempt finds the same
    assert await codes(world) == []
    other = step.evolve(error=replace(error, code="consent-withdrawn"))
    await runs.index.blocked.enter(BlockedStep.of(head, other))
    assert await codes(world, TENANT) == ["run-waits-for-customer"]
    world.queues._messages[names.STEPS_QUEUE] = []
    assert await handled(
        world, "retry_all_attention", code="run-waits-for-customer", cause="consent-withdrawn"
    ) == (1, 0)
    assert len(world.queues._messages[names.STEPS_QUEUE]) == 1


async def test_bulk_calls_continue_where_they_stopped(world, monkeypatch):
    """A call about many entries ends after some time, with the URL of the next call: nothing is omitted."""
    monkeypatch.setattr(attention_list, "_MOST", 4)
    monkeypatch.setattr(attention_list, "_PAGE", 2)
    for name in "abcdefghi":
        await world.poison(name, world.clock.now())
    numbers, query = [], {"code": "poison-message", "reason": REASON}
    while True:
        answer = await world.call("dismiss_all_attention", **query)
        numbers.append(answer["done"])
        if "nextLink" not in answer:
            break
        query["continuationToken"] = parse_qs(urlsplit(answer["nextLink"]).query)["continuationToken"][0]
    assert (numbers, await codes(world)) == ([4, 4, 1], [])


async def test_expirations_and_long_runs_are_dismissed_together(world):
    """One call dismisses a hundred expirations. What is dismissed returns only when something changes."""
    now = world.clock.now()
    dead = await world.connect("dead", now - timedelta(days=300), drifts=False)
    await world.connect("soon", now + timedelta(days=3), drifts=False)
    head = await world.onboard(onboarding_request(name="long"), now - timedelta(days=2))
    await world.parts.onboarding_runs.index.begin(head)
    await world.onboard(onboarding_request(name="never began"), now - timedelta(days=2))
    assert await codes(world) == ["expiration-passed", "expiration-near", "onboarding-late"]
    assert {each["code"]: each["since"] for each in await entries(world)} == {
        code: each["since"] for code, each in (await world.attention()).items()
    }
    assert await handled(world, "retry_all_attention", code="expiration-passed") == (0, 1), (
        "it must be renewed"
    )
    assert await handled(world, "retry_all_attention", code="onboarding-late") == (2, 0)
    for code, number in (("expiration-passed", 1), ("expiration-near", 1), ("onboarding-late", 2)):
        assert await handled(world, "dismiss_all_attention", code=code, reason=REASON) == (number, 0)
    assert await codes(world) == []
    connection = await world.parts.stores.connection_store.get(dead.id)
    assert connection.is_acknowledged(SECRET)
    world.advance(timedelta(days=3))
    assert await codes(world) == [], "the one that expires soon is acknowledged"
    await world.fail(world.parts.onboarding_runs, head)
    assert await codes(world) == ["onboarding-failed"]
    assert (await world.call("retry_attention", path={"id": head.id}))["done"] == 1
    assert await codes(world) == ["onboarding-late"], "it was retried"


async def test_a_site_that_waits_is_reminded_or_dismissed(world):
    """What only a customer can end can also be dismissed: with a reason, until somebody retries it."""
    now = world.clock.now()
    made = await world.connect("far", now + timedelta(days=300), drifts=False, handover=Handover(since=now))
    assert await codes(world) == []
    world.advance(timedelta(days=8))
    await world.timers.sweep_expirations()
    assert await codes(world) == ["handover-waits"]
    (entry,) = await entries(world)
    assert (entry["id"], entry["cause"]) == (f"{made.id}:site", "site")
    assert await handled(world, "dismiss_all_attention", code="handover-waits", reason=REASON) == (1, 0)
    assert (await codes(world), (await world.call("get_overview"))["waitingForSite"]["count"]) == ([], 1)
    world.advance(timedelta(days=8))
    await world.timers.sweep_expirations()
    assert await codes(world) == [], "another reminder changes nothing for the operator"
    before = len(world.rows())
    assert (await world.call("retry_attention", path={"id": entry["id"]}))["done"] == 1
    assert await codes(world) == ["handover-waits"]
    assert len(world.rows()) > before, "it reminds once more"
    await world.parts.stores.connection_store.change(made.id, _confirmed)
    assert await codes(world) == []


def _confirmed(connection: Connection) -> Connection:
    given = Confirmation(at=connection.created_at, by="Kim", way=ConfirmationWay.API)
    return connection.evolve(handover=Handover(since=connection.created_at, confirmation=given))
