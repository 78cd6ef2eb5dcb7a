"""A directory's whole response is unreadable because of one application in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from infra.local.cloud.faults import FaultSettings
from tests.interleavings.world import World
from tests.support.customers import FABRIKAM

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph


async def directory(world: World, connection: str) -> dict[str, Any]:
    """What the last inspection found."""
    found: dict[str, Any] = (await world.must("get_connection", id=connection)).get("directory") or {}
    return found


async def test_a_response_that_one_application_spoils_costs_no_other_its_inspection(world):
    """The other connections are inspected in the same sweep; the spoiled one is unreadable after a day.

    Until then, only the spoiled one is asked for.
    """
    odd, *others = [await world.connected(name, tenantId=FABRIKAM) for name in ("Odd", "Other", "Third")]
    app = (await world.must("get_connection", id=odd))["serverApp"]["clientId"]
    fault = {"find": f'"appId":"{app}"', "put": f'"appId":"{app}","notes":{"[" * 100_000}'}
    batches = {"service": "graph", "method": "POST", "path": "batch", "kind": "rewrite", "times": None}
    world.cloud.faults.add(FaultSettings.model_validate(batches | fault))
    for days in (0, 8):
        world.clock.at += timedelta(days=days)
        await world.hosts[0].timers.inspection_sweep.run()
    begun = len(world.cloud.log)
    await world.settle(patience=timedelta(minutes=1))
    assert [(await directory(world, each))["differences"] for each in others] == [[], []]
    assert await directory(world, odd) == {}
    attempts = len(world.cloud.log) - begun
    await world.settle(patience=timedelta(minutes=20))
    again = [target for service, _, target, _ in world.cloud.log[begun + attempts :] if service == "graph"]
    assert 1 <= len(again) <= 4  # one call for each attempt
    await world.settle(patience=timedelta(days=2))
    found = (await directory(world, odd))["differences"]
    assert [each["code"] for each in found] == ["directory-unreadable"]
    assert "Microsoft Graph: it is not a JSON object" in found[0]["detail"]


@pytest.mark.parametrize("created", [True, False])
async def test_an_application_of_an_unknown_creator_is_not_used(world, created):
    """The onboarding waits and goes on when the directory shows the creator.

    The removal of a cancelled one lists the application instead of deleting it.
    """
    world.lose("POST", "applications")
    hidden = {"find": '"createdByAppId":"[^"]*"', "put": '"createdByAppId":null', "kind": "rewrite"}
    fault = {"service": "graph", "method": "GET", "path": "uniqueName", "times": None}
    world.cloud.faults.add(FaultSettings.model_validate(fault | hidden))
    onboarding = await world.onboard("Unknown creator")
    await world.settle(patience=timedelta(minutes=5))
    waiting = await world.must("get_onboarding", id=onboarding)
    name = f"cmg-{onboarding}-server"
    (app,) = [
        each for each in world.cloud.graph("/applications?$top=999")["value"] if each["uniqueName"] == name
    ]
    assert (waiting["status"], waiting["error"]["code"]) == ("Waiting", "app-creator-unknown")
    assert app["identifierUris"] == app["passwordCredentials"] == []
    if created:
        world.cloud.faults.clear()
        await world.settle(patience=timedelta(hours=2))
        document = await world.must("get_onboarding", id=onboarding)
        assert document["status"] == "Succeeded", document
        return
    removal = await world.must("cancel_onboarding", id=onboarding)
    await world.settle(patience=timedelta(hours=2))
    left = (await world.must("get_operation", id=removal["id"]))["leftBehind"]
    assert [(each["kind"], each["id"], each["reasonCode"]) for each in left] == [
        ("serverApp", app["appId"], "left-not-ours")
    ]
    assert world.cloud.graph(f"/applications/{app['id']}")["appId"] == app["appId"]
