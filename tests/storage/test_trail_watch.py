"""The audit trail is verified once a day, some chains at a time, and restored from its append-only copy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from azure.core.exceptions import HttpResponseError

from onboarding.audit.audit_event import AuditEvent, chain_of, row_of
from onboarding.audit.chain import part_of
from onboarding.audit.trail_gaps import Round
from onboarding.audit.trail_watch import TrailWatch
from onboarding.audit.verification import GapReason, Verification
from onboarding.storage import names
from onboarding.storage.periodic_jobs import VERIFY_TRAIL
from onboarding.storage.tables import Row, Write
from tests.support.connections import TENANT
from tests.support.world import World

TENANTS: Final = [f"{number:08d}-58d3-4f0e-8e21-7b5d3c9f0a46" for number in range(6)]
CODE: Final = "trail-gap"


@pytest.fixture
async def world(tmp_path, monkeypatch):
    """A deployment with one event of each of six tenants, in a month that is over."""
    monkeypatch.setattr("onboarding.audit.verification._PAUSES", (0, 0))
    world = World(tmp_path / "clock")
    at = datetime.now(UTC) - timedelta(days=40)
    for tenant in TENANTS:
        await world.parts.stores.trail.add(event(1, tenant, at), event(2, tenant, at))
    return world


def event(number: int, tenant: str, at: datetime) -> AuditEvent:
    moment = at + timedelta(seconds=number)
    return AuditEvent(id=f"{number}", at=moment, kind="renew_secret", actor="Kim", tenant=tenant)


async def rows(world: World, tenant: str) -> list[Row]:
    """The rows of a tenant's events."""
    return [row for row in world.rows() if row.table == names.AUDIT and row.partition.endswith(tenant)]


async def edit(world: World, row: Row, actor: str) -> None:
    """Give an event another actor."""
    text = row.columns["document"].replace("Kim", actor)
    await world.tables.write(
        names.AUDIT, replace(row, columns={**row.columns, "document": text}), Write.UPSERT
    )


async def entry(world: World) -> dict[str, Any] | None:
    """What the overview shows."""
    return (await world.attention()).get(CODE)


async def test_a_changed_event_is_an_entry_until_it_is_put_back(world):
    """The timer finds it; a dry run shows it; the call restores it, and the entry is gone."""
    watch = world.parts.stores.trail_watch
    assert (await watch.run()).done == len(TENANTS)
    first = (await world.call("get_overview"))["trail"]
    assert (first["chains"], first["events"], "verifiedAt" in first) == (6, 12, True)
    changed, deleted = await rows(world, TENANTS[1])
    await edit(world, changed, "Eve")
    await world.tables.write(names.AUDIT, replace(deleted, etag=""), Write.DELETE)
    forged = row_of(event(1, TENANT, datetime.now(UTC) - timedelta(days=40)).linked(1, "").line)
    await world.tables.write(names.AUDIT, forged, Write.INSERT)
    assert (await watch.run()).done == 0, "the day's round is over"
    assert await entry(world) is None
    world.advance(timedelta(days=1))
    assert (await watch.run()).done == len(TENANTS) + 1
    found = await entry(world)
    assert found is not None
    assert (found["count"], found["causes"]) == (2, {"changed": 1, "not-in-copy": 1})
    listed = (await world.call("list_attention", code=CODE))["value"]
    assert {each.get("tenantId") for each in listed} == {TENANT, TENANTS[1]}
    kept = await world.http("POST", f"/api/attention/retry?code={CODE}")
    assert (kept["done"], kept["kept"]) == (0, 2)

    period = {"from": (datetime.now(UTC) - timedelta(days=60)).isoformat()}
    plan = await world.call("restore_audit", dryRun=True, **period)
    assert [row.key for row in await rows(world, TENANT)] == [forged.key]
    done = await world.call("restore_audit", **period)
    assert {**done, "dryRun": True} == {**plan, "dryRun": True}
    counts = {each["chain"].split(":")[1]: (each["restored"], each["removed"]) for each in done["value"]}
    assert counts == {TENANTS[1]: (2, 0), TENANT: (0, 1)}
    assert await entry(world) is None
    assert (await world.call("verify_audit", **period))["intact"]
    (row,) = await rows(world, TENANT)
    removed = AuditEvent.from_row(row)
    assert (removed.kind, removed.actor, forged.key in removed.detail) == ("remove_foreign_row", "Op", True)
    assert (await world.call("restore_audit", **period))["value"] == []


async def test_a_round_goes_on_where_a_run_stopped(world):
    """Each run verifies some chains, also after another host has started; the next day starts again."""
    stores = world.parts.stores

    def host() -> TrailWatch:
        verification = Verification(tables=stores.tables, ledgers=stores.ledgers)
        return TrailWatch(
            verification=verification,
            gaps=stores.trail_gaps,
            jobs=world.timers.jobs,
            clock=world.clock,
            most_events=4,
        )

    assert [(await host().run()).done for _ in range(4)] == [2, 2, 2, 0]
    ended = await stores.trail_gaps.round()
    assert ended is not None
    assert (ended.chains, ended.events, ended.verified_at) == (6, 12, ended.ended_at)
    assert (await host().run()).done == 0
    world.advance(timedelta(days=1))
    assert (await host().run()).done == 2


async def test_a_time_in_the_future_delays_no_round(world):
    """A round that ended while a clock was ahead does not delay the next one."""
    world.advance(timedelta(days=300))
    assert (await world.parts.stores.trail_watch.run()).done
    world.advance(timedelta(days=-300))
    assert (await world.parts.stores.trail_watch.run()).done
    await world.parts.stores.trail_gaps.keep(Round(began_at=world.clock.now() + timedelta(minutes=1)))
    assert (await world.parts.stores.trail_watch.run()).done, "also if the clock was ahead by a minute"


async def test_a_chain_that_cannot_be_read_hides_no_gap(world):
    """The job fails, so it is seen; the chains behind it are verified. The trail as a whole is not."""
    stores = world.parts.stores
    ill = part_of(chain_of(TENANTS[0], datetime.now(UTC) - timedelta(days=40)), 1)
    healthy: Callable[[str, int], Awaitable[bytes]] = stores.ledgers.read

    async def read(name: str, start: int = 0) -> bytes:
        if name == ill:
            raise HttpResponseError(message="409")
        return await healthy(name, start)

    stores.ledgers.read = read
    await edit(world, (await rows(world, TENANTS[4]))[0], "Eve")
    with pytest.raises(HttpResponseError):
        await stores.trail_watch.run()
    found = await entry(world)
    assert found is not None
    assert found["causes"] == {GapReason.CHANGED: 1}
    shown = (await world.call("get_overview"))["trail"]
    assert (shown["failed"], shown["chains"], "verifiedAt" in shown) == (1, 5, False)
    world.advance(timedelta(days=3, minutes=1))
    late = (await world.attention())["job-late"]
    assert VERIFY_TRAIL in late["causes"], "nobody has verified the whole trail for three days"
    stores.ledgers.read = healthy
    await stores.trail_watch.run()
    assert VERIFY_TRAIL not in (await world.attention())["job-late"]["causes"]


async def test_a_broken_copy_can_only_be_dismissed(world):
    """What is before the break is restored; a dismissal with a reason ends the entry, until it changes."""
    stores, tenant = world.parts.stores, TENANTS[2]
    ledger = part_of(chain_of(tenant, datetime.now(UTC) - timedelta(days=40)), 1)
    await stores.ledgers.append(ledger, b"hello\n", at=(await stores.ledgers.sizes(ledger))[ledger])
    await edit(world, (await rows(world, tenant))[0], "Eve")
    await stores.trail_watch.run()
    (found,) = (await world.call("list_attention", code=CODE))["value"]
    assert found["cause"] == GapReason.COPY_BROKEN
    period = {"from": (datetime.now(UTC) - timedelta(days=60)).isoformat()}
    (restored,) = (await world.call("restore_audit", **period))["value"]
    assert (restored["restored"], restored["brokenAt"]) == (1, 3)
    assert "Eve" not in str(await rows(world, tenant))
    dismissed = await world.http("POST", f"/api/attention/{found['id']}/dismiss?reason=Known")
    assert dismissed["done"] == 1
    for _ in range(2):
        world.advance(timedelta(days=1))
        await stores.trail_watch.run()
        assert await entry(world) is None
    with pytest.raises(Exception, match="audit trail"):
        await world.http("POST", f"/api/attention/{found['id']}/retry")
    assert await entry(world) is not None, "a retry takes the dismissal back"


async def pages(world: World, name: str, **query: Any) -> list[dict[str, Any]]:
    """The responses of a call and of those that continue it."""
    found = [await world.call(name, **query)]
    while "continuationToken" in found[-1]:
        found.append(await world.call(name, **query, continuationToken=found[-1]["continuationToken"]))
    return found


async def test_a_call_without_time_for_all_chains_goes_on(world, monkeypatch):
    """Each response is about some chains, and only the last one has the verdict; a gap ends the call."""
    monkeypatch.setattr("onboarding.api.audit._LONGEST", 0.0)
    period = {"from": (datetime.now(UTC) - timedelta(days=60)).isoformat()}
    verdicts = await pages(world, "verify_audit", **period)
    assert [(each["chains"], each["events"]) for each in verdicts] == [(1, 2)] * len(TENANTS)
    assert [each.get("intact") for each in verdicts] == [None] * (len(TENANTS) - 1) + [True]
    assert ["nextLink" in each for each in verdicts] == [True] * (len(TENANTS) - 1) + [False]
    for tenant in TENANTS[2:]:
        await edit(world, (await rows(world, tenant))[0], "Eve")
    verdicts = await pages(world, "verify_audit", **period)
    assert [each.get("intact") for each in verdicts] == [None, None, False]
    assert verdicts[-1]["gap"]["chain"].endswith(TENANTS[2])
    restored = await pages(world, "restore_audit", **period)
    assert [each["chain"][7:] for page in restored for each in page["value"]] == TENANTS[2:]
    assert (await pages(world, "verify_audit", **period))[-1]["intact"]


async def test_one_tenant_over_many_years(world):
    """All months of one tenant are verified, including one that only somebody else has written to."""
    century = {"from": "1990-01-01T00:00:00Z", "to": "2089-12-01T00:00:00Z"}
    await edit(world, (await rows(world, TENANTS[1]))[0], "Eve")
    verdict = await world.call("verify_audit", tenantId=TENANTS[0], **century)
    assert (verdict["chains"], verdict["events"], verdict["intact"]) == (1, 2, True)
    forged = row_of(event(1, TENANTS[0], datetime(1997, 5, 1, tzinfo=UTC)).linked(1, "").line)
    await world.tables.write(names.AUDIT, forged, Write.INSERT)
    gap = (await world.call("verify_audit", tenantId=TENANTS[0], **century))["gap"]
    assert (gap["chain"], gap["reason"]) == (f"199705:{TENANTS[0]}", "not-in-copy")
