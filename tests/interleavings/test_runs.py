"""Runs that people stop and retry while hosts work on them, and late writes by hosts that were stopped."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from onboarding.storage import names
from tests.interleavings.invariants import violations
from tests.interleavings.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph

BAD: dict[str, Any] = {"code": "Request_BadRequest", "status": 400}


async def status(world: World, onboarding: str) -> str:
    """The status of an onboarding."""
    return str((await world.must("get_onboarding", id=onboarding))["status"])


async def failed_at_consent(world: World) -> str:
    """An onboarding with imported applications whose first grant was refused; its ID."""
    apps = await world.registered(consent=False)
    world.refuse("POST", "Grants", **BAD)
    onboarding = await world.onboard("Imported", **apps.request(), adminConsent="ByService")
    await world.settle()
    assert await status(world, onboarding) == "Failed"
    return onboarding


async def test_cancel_right_after_the_post(world):
    """An onboarding that is cancelled before it starts is in the lists like any other."""
    onboarding = await world.onboard("Contoso")
    await world.must("cancel_onboarding", id=onboarding)
    for queue in (names.OPERATIONS_QUEUE, names.STEPS_QUEUE):
        await world.drain(queues=(queue,))
    await world.settle()
    await world.sweep()
    listed = await world.must("list_onboardings")
    assert [each["id"] for each in listed["value"]] == [onboarding]
    assert await violations(world) == []


@pytest.mark.parametrize(
    ("call", "during", "end"),
    [
        ("cancel_onboarding", "Cancelling", "Cancelled"),
        ("roll_back_onboarding", "RollingBack", "RolledBack"),
    ],
)
async def test_an_accepted_removal_is_seen_before_it_begins(world, call, during, end):
    """Who follows an onboarding that is undone never finds its former status, so its end is the right one."""
    if call == "roll_back_onboarding":
        world.refuse("POST", "addPassword", **BAD)
    onboarding = await world.onboard("Contoso", adminConsent="ByAdministrator")
    await world.settle(patience=timedelta(minutes=1))
    removal = await world.must(call, id=onboarding)
    for shown in (
        await world.must("get_onboarding", id=onboarding),
        await world.must("resume_onboarding", id=onboarding),
    ):
        assert (shown["status"], shown["removal"]["operationId"]) == (during, removal["id"])
        assert not shown["needsRollback"]
        assert shown.get("consentUrl") is None
        assert shown["waitingFor"] == []
    await world.settle()
    assert await status(world, onboarding) == end


async def test_rollback_meets_retry_at_consent_imported(world):
    """A rollback that meets a retry waits for the step that the retry has started; no grant remains."""
    onboarding = await failed_at_consent(world)
    stops = world.pin("host0", "transact", names.ONBOARDINGS)
    await world.must("roll_back_onboarding", id=onboarding)
    removing = world.go("host0", world.settle(0, patience=timedelta(minutes=1)))
    await world.until(stops, removing)
    await world.must("retry_onboarding", id=onboarding)
    grants = world.pin("host1", "POST", "graph", "Grants")
    consenting = world.go("host1", world.drain(1, queues=(names.STEPS_QUEUE,)))
    await world.until(grants, consenting)
    stops.gate.set()
    await removing
    assert await status(world, onboarding) == "RollingBack"
    grants.gate.set()
    await consenting
    await world.settle()
    assert await status(world, onboarding) == "RolledBack"
    assert await violations(world) == []


async def test_cancel_asked_then_succeeds_then_shared(world):
    """A cancellation that comes too late, when another connection shares the app, changes nothing."""
    onboarding = await world.onboard("Contoso")
    removal = await world.must("cancel_onboarding", id=onboarding)
    await world.drain(queues=(names.STEPS_QUEUE,))
    owner = (await world.must("get_onboarding", id=onboarding))["connectionId"]
    await world.onboard("Fabrikam", serverApp={"existing": {"connectionId": owner}})
    await world.drain(queues=(names.STEPS_QUEUE,))
    await world.settle()
    document = await world.must("get_operation", id=removal["id"])
    assert (document["status"], document["error"]["code"]) == ("Failed", "server-app-shared")
    assert await status(world, onboarding) == "Succeeded"
    assert (await world.must("get_connection", id=owner))["state"] == "Active"
    assert await violations(world) == []


async def test_superseded_worker_with_parallel_steps(world):
    """A stopped host whose parallel steps were done elsewhere gives up each of them once."""
    onboarding = await world.onboard("Contoso")
    outcome = world.pin("host1", "transact", names.ONBOARDINGS, skip=3)
    late = world.go("host1", world.drain(1))
    await world.until(outcome, late)
    await world.sweep()
    await world.settle()
    assert await status(world, onboarding) == "Succeeded"
    before = world.calls
    outcome.gate.set()
    async with asyncio.timeout(10):
        await late
    assert world.calls - before < 40
    assert (await world.must("get_onboarding", id=onboarding))["status"] == "Succeeded"


async def test_settle_of_failed_late(world):
    """A host that records a failure late, after the run was retried and succeeded, records the success."""
    world.refuse("POST", "addPassword", **BAD)
    onboarding = await world.onboard("Contoso")
    enters = world.pin("host1", "upsert", names.ONBOARDING_INDEX, "status:")
    late = world.go("host1", world.drain(1))
    await world.until(enters, late)
    await world.must("retry_onboarding", id=onboarding)
    await world.settle()
    assert await status(world, onboarding) == "Succeeded"
    enters.gate.set()
    await late
    assert await violations(world) == []


async def test_settle_of_succeeded_late_and_cancel(world):
    """A host that records a success late, after the run was cancelled, records the cancellation."""
    onboarding = await world.onboard("Contoso")
    await world.must("cancel_onboarding", id=onboarding)
    enters = world.pin("host1", "upsert", names.ONBOARDING_INDEX, "status:Succeeded")
    late = world.go("host1", world.drain(1, queues=(names.STEPS_QUEUE,)))
    await world.until(enters, late)
    await world.settle()
    assert await status(world, onboarding) == "Cancelled"
    enters.gate.set()
    await late
    assert await violations(world) == []


async def test_retry_meets_sweep(world):
    """A sweep that finds a failed run while somebody retries it does not hide the run."""
    world.refuse("POST", "addPassword", **BAD)
    onboarding = await world.onboard("Contoso")
    await world.settle()
    retries = world.pin("operator", "transact", names.ONBOARDINGS)
    retry = world.go("operator", world.call("retry_onboarding", id=onboarding))
    await world.until(retries, retry)
    await world.sweep()
    retries.gate.set()
    await retry
    assert [text for text in await violations(world) if "index" in text] == []
    await world.settle()
    assert await status(world, onboarding) == "Succeeded"
    assert await violations(world) == []


async def test_name_at_once_two_requesters(world):
    """If two requesters want the same name at once, one gets it; nothing of the other one remains."""
    body = {"name": "Contoso", "tenantId": world.cloud.info["tenant"]}
    reserves = world.pin("operator", "insert")
    late = world.go("operator", world.call("create_onboarding", body))
    await world.until(reserves, late)
    onboarding = await world.onboard("Contoso", caller="requester")
    reserves.gate.set()
    code, document = await late
    assert (code, document["code"]) == (409, "name-reserved")
    await world.settle()
    await world.sweep()
    assert await status(world, onboarding) == "Succeeded"
    assert await violations(world) == []


async def test_clock_that_was_ahead_once(world):
    """Inspections continue after the clock was ahead and was corrected."""
    await world.connected("Contoso")
    world.clock.at += timedelta(days=340)
    assert await world.hosts[0].timers.inspection_sweep.run() == 1
    world.clock.at -= timedelta(days=330)
    due = world.parts.stores.inspection_schedule.due(world.clock.now().date())
    assert world.clock.now().date() in await due


async def test_clock_jumps_while_password_is_made(world):
    """A step that looks abandoned and is done elsewhere leaves one secret, which is in the vault."""
    onboarding = await world.onboard("Contoso")
    makes = world.pin("host1", "POST", "graph", "addPassword")
    late = world.go("host1", world.drain(1))
    await world.until(makes, late)
    world.clock.at += timedelta(days=1)
    await world.sweep()
    await world.settle()
    makes.gate.set()
    await late
    await world.settle()
    assert await status(world, onboarding) == "Succeeded"
    assert await violations(world) == []


async def test_clock_jumps_while_cancelled(world):
    """A cancellation that mistakes a working host for a crashed one leaves no secret in the vault."""
    onboarding = await world.onboard("Contoso")
    puts = world.pin("host1", "PUT", "keyVault")
    late = world.go("host1", world.drain(1))
    await world.until(puts, late)
    await world.must("cancel_onboarding", id=onboarding)
    world.clock.at += timedelta(minutes=10)
    await world.settle()
    assert await status(world, onboarding) == "Cancelled"
    puts.gate.set()
    await late
    await world.settle()
    assert await violations(world) == []


async def test_zombie_at_vault_put(world):
    """A host that is stopped while it stores a secret does not leave that secret as the current one.

    A replica that does not find the secret yet does not prove that the secret was removed.
    """
    world.not_found("POST", "removePassword")
    onboarding = await world.onboard("Contoso")
    puts = world.pin("host1", "PUT", "keyVault")
    late = world.go("host1", world.drain(1))
    await world.until(puts, late)
    await world.sweep()
    await world.settle()
    assert await status(world, onboarding) == "Succeeded"
    puts.gate.set()
    await late
    await world.settle()
    assert await violations(world) == []
