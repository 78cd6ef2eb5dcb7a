"""After a restore of storage, the records match reality again."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from onboarding.timers import Timers
from tests.interleavings.cloud import InProcessCloud
from tests.interleavings.invariants import violations
from tests.interleavings.world import World
from tests.support.precreated import Precreated

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph

ADDED = {"passwordCredential": {"displayName": "second", "endDateTime": "2028-01-01T00:00:00Z"}}
KEY = "2b9a7a52-6a52-4b6e-9f0e-0f0c8d3d3a55"


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    """A deployment with a cloud of its own, so its vault contains nothing else."""
    cloud = InProcessCloud(tmp_path)
    world = World(cloud)
    await ticked(world)
    yield world
    await world.close()
    cloud.close()


async def ticked(world: World) -> None:
    """Let the timer advance the epoch."""
    assert await world.parts.epoch.advance() == 1


def backup(world: World) -> Any:
    """Everything that is in the tables."""
    return copy.deepcopy(world.tables._rows)


async def restore(world: World, backup: Any) -> None:
    """Restore the tables, some minutes after the timer ran; messages of what happened since are gone."""
    await ticked(world)
    world.clock.at += timedelta(minutes=20)
    world.tables._rows = copy.deepcopy(backup)
    for messages in world.queues._messages.values():
        messages.clear()


async def reconciled(world: World, **query: str) -> list[tuple[str, str]]:
    """The codes of the findings, with the names of the connections."""
    text = "&".join(f"{name}={value}" for name, value in query.items())
    document = await world.must("reconcile", query=text)
    return sorted((each["code"], each.get("connectionName", "")) for each in document["value"])


async def codes(world: World) -> list[str]:
    """What needs attention."""
    return [each["code"] for each in (await world.must("get_overview"))["attention"]]


async def renewed(world: World, connection: str, *, confirm: bool = True) -> str:
    """A renewal of a connection, confirmed or waiting; its ID."""
    renewal = str((await world.must("renew_secret", {}, id=connection))["id"])
    await world.drain()
    if confirm:
        await world.must("confirm_renewal", id=connection, renewal=renewal)
        await world.settle()
    return renewal


async def posted(world: World, name: str, key: str) -> str:
    """An onboarding with an idempotency key; its ID."""
    body = {"name": name, "tenantId": world.cloud.info["tenant"]}
    return str((await world.must("create_onboarding", body, key=key))["id"])


async def removed(world: World, connection: str) -> None:
    """Off-board a connection."""
    removal = await world.must("remove_connection", id=connection)
    await world.settle()
    assert (await world.must("get_operation", id=removal["id"]))["status"] == "Succeeded"


async def records(world: World) -> dict[str, Any]:
    """What callers see of each connection, by ID."""
    listed = (await world.must("list_connections"))["value"]
    return {
        each["id"]: (await world.must("get_connection", id=each["id"])) | {"updatedAt": "", "createdAt": ""}
        for each in listed
    }


async def test_everything_is_as_the_world_is(world):
    """What was renewed, confirmed, off-boarded and onboarded since the backup is known again."""
    names = ("Kept", "Renewed", "Begun", "Confirmed", "Removed", "Again")
    made = {name: await world.connected(name) for name in names}
    begun = await renewed(world, made["Begun"], confirm=False)
    await world.must("get_operation", id=begun)
    before = backup(world)
    await renewed(world, made["Renewed"])
    await world.must("confirm_renewal", id=made["Begun"], renewal=begun)
    await world.settle()
    waiting = await renewed(world, made["Confirmed"], confirm=False)
    await removed(world, made["Removed"])
    await removed(world, made["Again"])
    await world.connected("Again")
    new = await posted(world, "New", KEY)
    await world.settle()
    true = await records(world)
    await restore(world, before)
    assert (await codes(world))[0] == "storage-restored"
    found = [
        ("connection-removed", "Again"),
        ("connection-removed", "Removed"),
        ("connection-taken-up", "Again"),
        ("connection-taken-up", "New"),
        ("renewal-taken-up", "Confirmed"),
        ("secret-taken-up", "Begun"),
        ("secret-taken-up", "Renewed"),
    ]
    assert await reconciled(world, dryRun="true") == found
    assert (await codes(world))[0] == "storage-restored"
    assert await reconciled(world) == found
    assert "storage-restored" not in await codes(world)
    await world.sweep()
    await world.settle()
    assert await reconciled(world) == []
    assert await violations(world) == []
    now = await records(world)
    assert now.keys() == true.keys()
    for connection, document in true.items():
        assert now[connection]["secret"] == document["secret"], document["name"]
        assert now[connection]["expirations"] == document["expirations"], document["name"]
    assert (await world.must("get_onboarding", id=new))["status"] == "Succeeded"
    assert (await world.must("get_operation", id=waiting))["status"] == "Waiting"
    assert (await world.must("get_operation", id=begun))["status"] == "Succeeded"
    again = await posted(world, "New", KEY)
    assert again == new
    await removed(world, made["Kept"])
    assert await violations(world) == []


async def test_nobody_is_blamed_for_what_the_service_did(world):
    """After an unnoticed restore, an inspection attributes no renewal and no off-boarding to anybody."""
    made = {name: await world.connected(name) for name in ("Renewed", "Removed", "Deleted")}
    before = backup(world)
    await renewed(world, made["Renewed"])
    await removed(world, made["Removed"])
    deleted = await world.must("get_connection", id=made["Deleted"])
    await world.look("graph", "DELETE", f"/v1.0/applications/{deleted['serverApp']['objectId']}")
    await restore(world, before)
    await world.parts.epoch.take_up("nobody")
    world.clock.at += timedelta(hours=2)
    found = {}
    for name, connection in made.items():
        document = await world.must("inspect_connection", id=connection)
        found[name] = [each["code"] for each in document["directory"].get("differences", ())]
    assert (found["Renewed"], found["Removed"]) == ([], [])
    assert "application" in found["Deleted"], "somebody else did that"


async def test_a_restored_vault_and_a_wiped_storage(world):
    """A restored vault destroys no record. New storage beside it gets all records back."""
    connection = await world.connected("Contoso")
    true = await world.must("get_connection", id=connection)
    names = [f"{prefix}-{true['onboardingId']}" for prefix in ("cmg", "record")]
    for _ in range(2):
        await ticked(world)
    older = {"tags": {"epoch": "1"}}
    await world.look("keyVault", "PATCH", "/secrets/service-epoch?api-version=7.6", older)
    for name in names:
        await world.look("keyVault", "DELETE", f"/secrets/{name}?api-version=7.6")
    assert (await codes(world))[0] == "vault-restored"
    assert await reconciled(world) == [("vault-secret-outdated", "Contoso")]
    assert (await world.must("get_connection", id=connection))["secret"] == true["secret"]
    for name in names:
        await world.look("keyVault", "POST", f"/deletedsecrets/{name}/recover?api-version=7.6", {})
    for rows in world.tables._rows.values():
        rows.clear()
    assert (await codes(world))[0] == "storage-restored"
    assert await reconciled(world) == [("connection-taken-up", "Contoso")]
    again = await world.must("get_connection", id=connection)
    assert (again["secret"], again["expirations"]) == (true["secret"], true["expirations"])
    assert await violations(world) == []


async def imported(world: World, name: str, apps: Precreated, **request: Any) -> str:
    """A connection for applications that an administrator registered."""
    return await world.connected(name, **{**apps.request(), **request})


async def test_imported_and_shared_connections_are_as_the_world_is(world):
    """What was imported, shared, renewed with a new secret and off-boarded since the backup is known again.

    The other host does all that, and this one reconciles. A secret that was provided since is kept.
    """
    kept, left, new = [await world.registered() for _ in range(3)]
    made = {"Kept": await imported(world, "Kept", kept), "Left": await imported(world, "Left", left)}
    shared = await imported(world, "Shared", kept)
    before = backup(world)
    second = await world.look("graph", "POST", f"/v1.0/applications/{kept.server['id']}/addPassword", ADDED)
    secret = second.json()["secretText"]
    renewal = await world.must("renew_secret", {"secret": secret}, id=made["Kept"], host=1)
    await world.settle(host=1)
    await world.must("confirm_renewal", id=made["Kept"], renewal=renewal["id"], host=1)
    await world.settle(host=1)
    removal = await world.must("remove_connection", id=made["Left"], host=1)
    await world.settle(host=1)
    assert (await world.must("get_operation", id=removal["id"]))["status"] == "Succeeded"
    body = {"name": "New", "tenantId": world.cloud.info["tenant"], **new.request()}
    await world.must("create_onboarding", body, host=1)
    await world.settle(host=1)
    true = await records(world)
    await restore(world, before)
    assert [(await world.must("get_overview", host=host))["attention"][0]["code"] for host in (0, 1)] == [
        "storage-restored",
        "storage-restored",
    ]
    found = await reconciled(world)
    assert ("connection-taken-up", "New") in found
    assert ("connection-removed", "Left") in found
    assert "storage-restored" not in await codes(world)
    assert (await records(world)).keys() == true.keys() >= {shared}
    new_one = next(each for each in (await records(world)).values() if each["name"] == "New")
    assert new_one["secret"] == true[new_one["id"]]["secret"]
    stored = {each["id"].rsplit("/", 1)[-1] for each in world.cloud.vault("GET", "/secrets")["value"]}
    provided_secrets = {name for name in stored if name.startswith("import-")}
    assert len(provided_secrets) >= 3, "the secret of a renewal after the backup is kept"
    for connection in (made["Kept"], shared, new_one["id"]):
        await removed(world, connection)
    world.clock.at += timedelta(days=10)
    await Timers(world.parts).kept_secrets.clear()
    stored = {each["id"].rsplit("/", 1)[-1] for each in world.cloud.vault("GET", "/secrets")["value"]}
    assert {name for name in stored if name.startswith(("record-", "cmg-"))} == set()


async def test_a_restore_of_both_stores_is_reconciled(world):
    """Storage and vault are of the same earlier time: later renewals and onboardings are reported."""
    made = {name: await world.connected(name) for name in ("Renewed", "Left")}
    await ticked(world)
    before, secrets = backup(world), world.cloud.secrets()
    await renewed(world, made["Renewed"])
    await removed(world, made["Left"])
    new = await posted(world, "New", KEY)
    await world.settle()
    for _ in range(2):
        await ticked(world)
    world.tables._rows = copy.deepcopy(before)
    for messages in world.queues._messages.values():
        messages.clear()
    world.cloud.put_back(secrets)
    assert await codes(world) == []
    assert await world.parts.epoch.advance() == 0
    assert (await codes(world))[0] == "storage-restored"
    document = await world.must("reconcile")
    found = {(each["code"], each.get("connectionName") or each["onboardingId"]) for each in document["value"]}
    assert found == {
        ("vault-secret-outdated", "Renewed"),
        ("application-missing", "Left"),
        ("onboarding-unknown", new),
    }
    assert not document["paused"]
    world.clock.at += timedelta(hours=2)
    inspected = await world.must("inspect_connection", id=made["Renewed"])
    differences = {each["code"] for each in inspected["directory"].get("differences", ())}
    assert not differences & {"secret-removed", "secret-replaced"}, "it was the service"
