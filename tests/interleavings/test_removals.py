"""Removals that meet others who use the same applications, secrets and names."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final

import pytest

from onboarding.connections import pointers
from onboarding.storage import names
from tests.interleavings.invariants import violations
from tests.interleavings.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph


async def removed(world: World, connection: str) -> str:
    """The status of the removal of a connection, once it has ended."""
    removal = await world.must("remove_connection", id=connection)
    await world.settle()
    return str((await world.must("get_operation", id=removal["id"]))["status"])


async def new_secret(world: World, app: str) -> str:
    """Another client secret of an application, which its administrator made."""
    answer = await world.look("graph", "POST", f"/v1.0/applications(appId='{app}')/addPassword", {})
    world.clock.at += timedelta(minutes=1)
    return str(answer.json()["secretText"])


async def test_zombie_in_forget(world):
    """A removal that deletes its record late does not delete that of a new connection with the same name."""
    connection = await world.connected("Contoso")
    removal = await world.must("remove_connection", id=connection)
    deletes = world.pin("host1", "delete", names.CONNECTIONS, skip=4)
    late = world.go("host1", world.settle(1))
    await world.until(deletes, late)
    await world.sweep()
    await world.settle()
    assert (await world.must("get_operation", id=removal["id"]))["status"] == "Succeeded"
    assert await world.connected("Contoso") == connection
    deletes.gate.set()
    await late
    assert await violations(world) == []
    assert (await world.must("get_connection", id=connection))["state"] == "Active"


async def test_a_name_is_taken_while_the_calendar_is_cleared(world):
    """A removal that clears the calendar late keeps the expirations of a new connection with that name."""
    connection = await world.connected("Contoso")
    await world.must("remove_connection", id=connection)
    clears = world.pin("host1", "get", names.CALENDAR, skip=1)
    late = world.go("host1", world.settle(1))
    await world.until(clears, late)
    assert await world.connected("Contoso") == connection
    clears.gate.set()
    await late
    assert await violations(world) == []


async def test_a_removal_goes_on_while_its_name_is_taken(world):
    """A frozen removal deletes no pointers of a new connection that is just being recorded."""
    connection = await world.connected("Contoso")
    await world.must("remove_connection", id=connection)
    deletes = world.pin("host1", "delete", names.CONNECTIONS, "~requester")
    late = world.go("host1", world.settle(1))
    await world.until(deletes, late)
    await world.sweep()
    await world.settle()
    await world.onboard("Contoso")
    records = world.pin("host0", "insert", names.CONNECTIONS)
    onboards = world.go("host0", world.drain(0))
    await world.until(records, onboards)
    deletes.gate.set()
    await late
    records.gate.set()
    await onboards
    assert (await world.must("get_connection", id=connection))["state"] == "Active"
    assert await violations(world) == []


async def test_imported_twins(world):
    """A vault secret that two imported connections record is deleted with the second one."""
    apps = await world.registered()
    first = await world.connected("First", **apps.request())
    kept = (await world.must("get_connection", id=first))["request"]["serverApp"]["existing"]["vaultSecret"]
    second = await world.connected("Second", **apps.request(vaultSecret=kept))
    assert await removed(world, first) == "Succeeded"
    assert await violations(world) == []
    assert await removed(world, second) == "Succeeded"
    assert await violations(world) == []


async def test_imported_twins_of_which_one_is_renewed(world):
    """The renewal of one of two imported connections deletes no vault secret that the other one records."""
    apps = await world.registered()
    first = await world.connected("First", **apps.request())
    kept = (await world.must("get_connection", id=first))["request"]["serverApp"]["existing"]["vaultSecret"]
    second = await world.connected("Second", **apps.request(vaultSecret=kept))
    secret = await new_secret(world, apps.server["appId"])
    renewal = await world.must("renew_secret", {"secret": secret}, id=first)
    await world.settle()
    await world.must("confirm_renewal", id=first, renewal=renewal["id"])
    await world.settle()
    assert await violations(world) == []
    assert await removed(world, first) == "Succeeded"
    assert await violations(world) == []
    assert await removed(world, second) == "Succeeded"
    assert await violations(world) == []


async def test_import_by_id_of_app_that_is_removed(world):
    """An onboarding that imports an application does not succeed while the application is off-boarded."""
    owner = await world.connected("Contoso")
    made = await world.must("get_connection", id=owner)
    version = made["secret"]["vaultSecretId"].split("/secrets/")[1]
    value = world.cloud.vault("GET", f"/secrets/{version}")["value"]
    await world.look("keyVault", "PUT", "/secrets/import-by-hand?api-version=7.6", {"value": value})
    existing = {"clientId": made["serverApp"]["clientId"], "vaultSecret": "import-by-hand"}
    writes = world.pin("host1", "insert", names.CONNECTIONS)
    onboarding = await world.onboard("Fabrikam", serverApp={"existing": existing}, adminConsent="ByService")
    late = world.go("host1", world.drain(1))
    await world.until(writes, late)
    status = await removed(world, owner)
    writes.gate.set()
    await late
    await world.settle()
    document = await world.must("get_onboarding", id=onboarding)
    assert (status, document["status"]) in {("Failed", "Succeeded"), ("Succeeded", "Failed")}
    assert await violations(world) == []


async def test_grants_of_imported_apps_after_lost_answer(world):
    """A grant whose response was lost is revoked with the last user of the application."""
    apps = await world.registered(consent=False)
    world.lose("POST", "oauth2PermissionGrants")
    connection = await world.connected("Imported", **apps.request(), adminConsent="ByService")
    assert await removed(world, connection) == "Succeeded"
    assert await violations(world) == []


async def test_grants_of_imported_apps_after_failed_consent(world):
    """What a consent step granted before it failed is revoked by the rollback."""
    apps = await world.registered(consent=False)
    world.refuse("POST", "oauth2PermissionGrants", code="Request_BadRequest", status=400, skip=1)
    onboarding = await world.onboard("Imported", **apps.request(), adminConsent="ByService")
    await world.settle()
    await world.must("roll_back_onboarding", id=onboarding)
    await world.settle()
    assert (await world.must("get_onboarding", id=onboarding))["status"] == "RolledBack"
    assert await violations(world) == []


async def test_same_key_twice_with_secret(world):
    """A request with a secret that arrives twice at once leaves one secret in the vault, and finally none."""
    apps = await world.registered()
    body = {"name": "Imported", "tenantId": world.cloud.info["tenant"], **apps.request()}
    announces = world.pin("first", "upsert", names.ONBOARDING_INDEX)
    first = world.go("first", world.call("create_onboarding", body, key="k"))
    await world.until(announces, first)
    _, document = await world.call("create_onboarding", body, key="k")
    announces.gate.set()
    assert (await first)[1]["id"] == document["id"]
    await world.settle()
    connection = (await world.must("get_onboarding", id=document["id"]))["connectionId"]
    assert await violations(world) == []
    assert await removed(world, connection) == "Succeeded"
    assert await violations(world) == []


async def test_renew_import_twice_at_once(world):
    """Of two simultaneous renewals with different secrets, one is accepted; the other secret is not kept."""
    apps = await world.registered()
    connection = await world.connected("Imported", **apps.request())
    secrets = [await new_secret(world, apps.server["appId"]) for _ in range(2)]
    announces = world.pin("first", "upsert", names.OPERATION_INDEX)
    first = world.go("first", world.call("renew_secret", {"secret": secrets[0]}, id=connection))
    await world.until(announces, first)
    renewal = await world.must("renew_secret", {"secret": secrets[1]}, id=connection)
    announces.gate.set()
    status, problem = await first
    assert (status, problem["code"]) == (409, "renewal-with-other-secret")
    assert renewal["id"] in problem["detail"]
    await world.settle()
    assert await violations(world) == []
    await world.must("confirm_renewal", id=connection, renewal=renewal["id"])
    await world.settle()
    assert await violations(world) == []


async def test_renew_import_wrong_then_right_then_remove(world):
    """The secret of a renewal that failed does not stay in the vault."""
    apps = await world.registered()
    connection = await world.connected("Imported", **apps.request())
    secret = await new_secret(world, apps.server["appId"])
    await world.must("renew_secret", {"secret": f"{secret[:3]}{'x' * 37}"}, id=connection)
    await world.settle()
    renewal = await world.must("renew_secret", {"secret": secret}, id=connection)
    await world.settle()
    assert await violations(world) == []
    await world.must("confirm_renewal", id=connection, renewal=renewal["id"])
    await world.settle()
    assert await removed(world, connection) == "Succeeded"
    assert await violations(world) == []
    assert "import-" not in json.dumps([each for each in world.objects() if each["id"] not in world.known])


READS: Final = ("POST", "graph", "$batch")
ENTERS: Final = ("upsert", names.CONNECTIONS, pointers.DAILY)


@pytest.mark.parametrize("held", [READS, ENTERS], ids=["reads", "enters"])
async def test_look_meets_removal(world, held):
    """An inspection that meets an off-boarding leaves no difference behind.

    What it reads late is gone because the service itself removed it; what it read earlier differed.
    """
    connection = await world.connected("Contoso")
    if held == ENTERS:
        app = (await world.must("get_connection", id=connection))["clientApp"]["clientId"]
        path = f"/v1.0/applications(appId='{app}')"
        await world.look("graph", "PATCH", path, {"requiredResourceAccess": []})
    world.clock.at += timedelta(days=340)
    assert await world.hosts[0].timers.inspection_sweep.run() == 1
    looks = world.pin("host1", *held)
    late = world.go("host1", world.drain(1, queues=(names.INSPECTIONS_QUEUE,)))
    await world.until(looks, late)
    removal = await world.must("remove_connection", id=connection)
    for _ in range(3):
        await world.settle(queues=(names.OPERATIONS_QUEUE,))
    assert (await world.must("get_operation", id=removal["id"]))["status"] == "Succeeded"
    looks.gate.set()
    await late
    assert connection not in json.dumps(await world.must("get_overview"))
    assert await violations(world) == []


@pytest.mark.parametrize("killed_at", range(3))
async def test_a_host_dies_between_two_purges(world, killed_at):
    """What a killed attempt has purged is not looked for as long as what somebody else may have purged."""
    connection = await world.connected("Contoso")
    removal = await world.must("remove_connection", id=connection)
    pin = world.pin("host1", "DELETE", "graph", "/directory/deletedItems/", skip=killed_at)
    dying = world.go("host1", world.drain(1, queues=(names.OPERATIONS_QUEUE,)))
    await world.until(pin, dying)
    dying.cancel()
    await world.sweep()
    started = world.clock.at
    await world.settle(patience=timedelta(minutes=5))
    document = await world.must("get_operation", id=removal["id"])
    assert document["status"] == "Succeeded"
    assert [each["reasonCode"] for each in document["leftBehind"]] == ["left-deleted"] * (killed_at == 1)
    assert datetime.fromisoformat(document["finishedAt"]) - started < timedelta(minutes=3)  # with the lease
