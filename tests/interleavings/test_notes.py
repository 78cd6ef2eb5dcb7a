"""A step records what it is about to create, so it can be found if the response never arrives."""

from __future__ import annotations

import pytest

from onboarding.lifecycle import effects
from onboarding.lifecycle.effects import EffectKind
from onboarding.storage import names
from tests.interleavings.invariants import State, violations
from tests.interleavings.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph

CALLS = {
    "server-app": ("POST", "graph", "/applications", 0, EffectKind.APPLICATION, "cmg-{}-server"),
    "client-app": ("POST", "graph", "/applications", 2, EffectKind.APPLICATION, "cmg-{}-client"),
    "principal": ("POST", "graph", "/servicePrincipals", 0, EffectKind.PRINCIPAL, "cmg-{}-server"),
    "password": ("POST", "graph", "addPassword", 0, EffectKind.CLIENT_SECRET, "cmg-{}-1"),
    "vault": ("PUT", "keyVault", "/secrets/cmg-", 0, EffectKind.VAULT_SECRET, "cmg-{}"),
    "scope": ("POST", "graph", "/oauth2PermissionGrants", 0, EffectKind.GRANT, "cmg-{}-client"),
    "copy": ("PUT", "keyVault", "/secrets/record-", 0, EffectKind.VAULT_SECRET, "record-{}"),
}


async def noted(world: World, onboarding: str, kind: EffectKind) -> list[str]:
    """What an onboarding has recorded."""
    run = await world.parts.onboarding_runs.store.load(onboarding)
    return effects.noted(run, kind)


@pytest.mark.parametrize("effect", CALLS)
async def test_an_effect_is_noted_before_its_call(world, effect):
    """When the call is made, the note is already stored, and the audit trail shows it."""
    name, place, row, skip, kind, wanted = CALLS[effect]
    onboarding = await world.onboard("Contoso")
    pin = world.pin("host1", name, place, row, skip=skip)
    late = world.go("host1", world.drain(1, queues=(names.STEPS_QUEUE,)))
    await world.until(pin, late)
    assert wanted.format(onboarding) in await noted(world, onboarding, kind)
    events = await world.must("list_onboarding_events", id=onboarding)
    details = [event.get("detail", "") for event in events["value"] if event["kind"] == "started"]
    assert any(effects.note(kind, wanted.format(onboarding)) in detail for detail in details)
    pin.gate.set()
    await late
    await world.settle()
    connection = (await world.must("get_onboarding", id=onboarding))["connectionId"]
    await world.must("remove_connection", id=connection)
    await world.settle()
    assert await violations(world) == []


async def test_a_secret_of_a_renewal_is_noted(world):
    """A renewal notes the client secret that it is about to create, and its name in the vault."""
    connection = await world.connected("Contoso")
    pin = world.pin("host1", "POST", "graph", "addPassword")
    renewal = (await world.must("renew_secret", {}, id=connection))["id"]
    late = world.go("host1", world.drain(1))
    await world.until(pin, late)
    run = await world.parts.operation_runs.store.load(renewal)
    onboarding = (await State.of(world)).connections[connection].onboarding
    assert effects.noted(run, EffectKind.CLIENT_SECRET) == [f"cmg-{onboarding}-{renewal[:8]}-1"]
    assert effects.noted(run, EffectKind.VAULT_SECRET) == [f"cmg-{onboarding}"]
    pin.gate.set()
    await late
