"""The service gets another identity in its home tenant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.interleavings.cloud import InProcessCloud
from tests.interleavings.hosts import Host
from tests.interleavings.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph


@pytest.fixture
async def moved(tmp_path: Path):
    """A deployment with its own cloud."""
    cloud = InProcessCloud(tmp_path)
    world = World(cloud)
    yield world
    await world.close()
    cloud.close()


async def test_what_another_identity_made_is_renewed_and_removed(moved):
    """The records decide what belongs to the service. The new identity waits until it is an owner."""
    connection = await moved.connected("Made before")
    principal = moved.cloud.replace_identity()
    client = moved.cloud.info["identity"]["clientId"]
    settings = moved.settings.model_copy(update={"identity_client_id": client})
    given = (settings, (moved.tables, moved.queues, moved.ledgers), moved.clock, moved.cloud)
    moved.hosts = (Host(*given), Host(*given))
    moved.clock.at += timedelta(hours=2)
    await moved.must("inspect_connection", id=connection)
    document = await moved.must("get_connection", id=connection)
    assert document["directory"]["differences"] == []

    renewal = (await moved.must("renew_secret", {}, id=connection))["id"]
    await moved.settle(patience=timedelta(minutes=6))
    shown = await moved.must("get_operation", id=renewal)
    assert (shown["status"], shown["error"]["code"]) == ("Waiting", "authorization-request-denied")
    assert shown["error"]["actor"] == "Operator"
    assert "owners of the application" in shown["error"]["remedy"]

    owner = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{principal}"}
    apps = [document[app] for app in ("serverApp", "clientApp")]
    for app in apps:
        for path in (f"applications/{app['objectId']}", f"servicePrincipals/{app['servicePrincipalId']}"):
            await moved.look("graph", "POST", f"/v1.0/{path}/owners/$ref", owner)
    await moved.settle(patience=timedelta(minutes=6))
    await moved.must("confirm_renewal", id=connection, renewal=renewal)
    await moved.settle()
    assert (await moved.must("get_operation", id=renewal))["status"] == "Succeeded"

    removal = (await moved.must("remove_connection", id=connection))["id"]
    await moved.settle()
    ended = await moved.must("get_operation", id=removal)
    assert (ended["status"], ended["leftBehind"]) == ("Succeeded", [])
    for app in apps:
        for place in ("applications", "directory/deletedItems"):
            assert moved.cloud.graph(f"/{place}/{app['objectId']}") is None
    await moved.connected("Made after")
