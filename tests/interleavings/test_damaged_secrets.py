"""Damaged secrets in the vault: everybody else is served, and what is damaged can be removed."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest

from onboarding.timers import Timers
from tests.interleavings.cloud import InProcessCloud
from tests.interleavings.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph

NAMES: Final = ("Ill", "Well")
KEY: Final = "whsec_" + base64.b64encode(b"k" * 32).decode()
FUTURE: Final = 4711
"""A version that no release of this code has written."""


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    """Two secrets of each kind in the vault: created by the service, and provided."""
    cloud = InProcessCloud(tmp_path)
    world = World(cloud)
    assert await world.parts.epoch.advance() == 1
    for name in NAMES:
        await world.connected(name)
        apps = await world.registered()
        await world.connected(f"{name} import", **apps.request())
        subscriber = {"name": name, "address": f"https://receiver.invalid/{name}", "secret": KEY}
        await world.must("create_subscriber", subscriber)
    yield world
    await world.close()
    cloud.close()


def ill(world: World, owners: Mapping[str, str]) -> list[dict[str, Any]]:
    """The secrets of those with damaged ones, as the vault lists them."""
    secrets: list[dict[str, Any]] = world.cloud.vault("GET", "/secrets")["value"]
    return [each for each in secrets if owners.get(name_of(each), "").startswith("Ill")]


def name_of(secret: dict[str, Any]) -> str:
    """The name of a secret."""
    return str(secret["id"].rstrip("/").rsplit("/secrets/")[1].split("/")[0])


async def owners(world: World) -> dict[str, str]:
    """Who owns each secret: the name of a connection or of a subscriber."""
    found = {}
    for connection in (await world.must("list_connections"))["value"]:
        document = await world.must("get_connection", id=connection["id"])
        onboarding = document["onboardingId"]
        for each in world.cloud.vault("GET", "/secrets")["value"]:
            if onboarding in name_of(each):
                found[name_of(each)] = document["name"]
    for subscriber in (await world.must("list_subscribers"))["value"]:
        for each in world.cloud.vault("GET", "/secrets")["value"]:
            if subscriber["id"] in name_of(each):
                found[name_of(each)] = subscriber["name"]
    return found


def packed(document: Any) -> str:
    """A document in the form in which a copy of an onboarding contains it."""
    return base64.b64encode(zlib.compress(json.dumps(document).encode())).decode()


VALUES: Final[Mapping[str, str]] = {
    "garbage": "banana {",
    "no ASCII": "bänäna",
    "other type": packed([17]),
    "no members": packed({"v": 1}),
    "future version": packed({"v": FUTURE}),
}
TAGS: Final[Mapping[str, Mapping[str, str]]] = {
    "no tags": {},
    "garbage tags": dict.fromkeys(("onboarding", "tenantId", "appId", "keyId", "endsAt", "run"), "a/b?#"),
}
KINDS: Final = ("absent", "disabled", *VALUES, *TAGS)


async def damage(world: World, secret: dict[str, Any], kind: str) -> None:
    """Do something to a secret."""
    path = f"/secrets/{name_of(secret)}?api-version=7.6"
    if kind == "absent":
        await world.look("keyVault", "DELETE", path)
    elif kind == "disabled":
        await world.look("keyVault", "PATCH", path, {"attributes": {"enabled": False}})
    elif kind in TAGS:
        await world.look("keyVault", "PATCH", path, {"tags": TAGS[kind]})
    else:
        await world.look("keyVault", "PUT", path, {"value": VALUES[kind], "tags": secret.get("tags", {})})


async def served(world: World) -> set[tuple[str, str]]:
    """Call lists, timers and endpoints for those without damage. Fails if one of them fails for all."""
    timers = Timers(world.parts)
    for work in (timers.expiry_sweep.run, timers.automatic_renewals.run, timers.handover_reminders.run):
        await work()
    await timers.kept_secrets.clear()
    found = set()
    for route in ("list_connections", "list_onboardings", "list_subscribers"):
        found |= {(route, each["name"]) for each in (await world.must(route))["value"]}
    for each in (await world.must("list_connections"))["value"]:
        report = await world.call("get_connection_conformance", id=each["id"])
        inspected = await world.call("inspect_connection", id=each["id"])
        for what, (status, document) in {"conformance": report, "inspection": inspected}.items():
            assert status < 500 or each["name"].startswith("Ill"), document
            found.add((f"{what} {status}", each["name"]))
    for each in (await world.must("list_subscribers"))["value"]:
        status, tested = await world.call("test_channel", name=each["channel"])
        assert status < 500, tested
        found.add((f"tested: {tested.get('error', {}).get('code')}", each["name"]))
    await world.must("get_overview")
    await world.must("list_attention")
    return found


async def reconciled(world: World) -> dict[str, Any]:
    """The reconciliation after the tables were restored to the time before the last tick."""
    rows = dict(world.tables._rows["service"])
    assert await world.parts.epoch.advance() == 1
    world.tables._rows["service"] = rows
    assert await world.parts.epoch.known_gap() is not None
    document: dict[str, Any] = await world.must("reconcile")
    return document


def well(found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {fact for fact in found if fact[1].startswith("Well")}


TURNS: Final = [0, *(pytest.param(turn, marks=pytest.mark.soak) for turn in range(1, len(KINDS)))]
"""Each secret is damaged in each way, in turn."""


@pytest.mark.parametrize("turn", TURNS)
async def test_damaged_secrets_hide_nobody_else(world, turn):
    """Lists, timers, calls and a reconciliation serve everybody else; the pause ends; all can be removed."""
    whose = await owners(world)
    secrets = sorted(ill(world, whose), key=lambda each: (whose[name_of(each)], name_of(each)[:8]))
    assert {whose[name_of(each)] for each in secrets} == {"Ill", "Ill import"}
    assert {name_of(each).split("-")[0] for each in secrets} == {"cmg", "record", "import", "notice"}
    healthy = await served(world)
    for number, secret in enumerate(secrets):
        await damage(world, secret, KINDS[(2 * number + turn) % len(KINDS)])
    assert well(await served(world)) == well(healthy)
    document = await reconciled(world)
    assert [each for each in document["value"] if each.get("connectionName", "").startswith("Well")] == []
    assert not document["paused"], document
    assert {"Ill", "Ill import"} <= {each["name"] for each in (await world.must("list_connections"))["value"]}
    await enable(world, secrets)  # the operator's action if the vault refuses a secret
    for each in (await world.must("list_connections"))["value"]:
        if each["name"].startswith("Ill"):
            removal = await world.must("remove_connection", id=each["id"])
            await world.settle()
            assert (await world.must("get_operation", id=removal["id"]))["status"] == "Succeeded"
    for each in (await world.must("list_subscribers"))["value"]:
        if each["name"] == "Ill":
            assert (await world.call("delete_subscriber", id=each["id"]))[0] == 200
    assert ill(world, whose) == []
    assert well(await served(world)) == well(healthy)


async def enable(world: World, secrets: list[dict[str, Any]]) -> None:
    """Enable what is disabled."""
    present = {name_of(each) for each in world.cloud.vault("GET", "/secrets")["value"]}
    for secret in secrets:
        if name_of(secret) in present:
            path = f"/secrets/{name_of(secret)}?api-version=7.6"
            await world.look("keyVault", "PATCH", path, {"attributes": {"enabled": True}})


@pytest.mark.parametrize("kind", ["no tags", "garbage tags"])
async def test_a_changed_tag_never_removes_a_connection(world, kind):
    """After a restore, a changed tag does not prove that an imported connection was off-boarded."""
    whose = await owners(world)
    for secret in ill(world, whose):
        await damage(world, secret, kind)
    document = await reconciled(world)
    assert "connection-removed" not in {each["code"] for each in document["value"]}
    assert {"Ill", "Ill import"} <= {each["name"] for each in (await world.must("list_connections"))["value"]}
