"""A host freezes just before an effect, and continues when the effect belongs to nobody any more."""

from __future__ import annotations

import pytest

from onboarding.storage import names
from tests.interleavings.invariants import violations
from tests.interleavings.test_runs import status
from tests.interleavings.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph

EFFECTS = {
    "server-app": ("POST", "graph", "/applications", 0),
    "client-app": ("POST", "graph", "/applications", 2),
    "principal": ("POST", "graph", "/servicePrincipals", 0),
    "password": ("POST", "graph", "addPassword", 0),
    "vault": ("PUT", "keyVault", "/secrets/cmg-", 0),
    "copy": ("PUT", "keyVault", "/secrets/record-", 0),
    "record": ("insert", names.CONNECTIONS, "", 0),
}
GRANTS = {
    "scope": ("POST", "graph", "/oauth2PermissionGrants", 0),
    "role": ("POST", "graph", "/appRoleAssignedTo", 0),
}


async def ends(world: World, onboarding: str, end: str) -> None:
    """Cancel the onboarding, or let the other host complete it and off-board its connection."""
    if end == "cancelled":
        await world.must("cancel_onboarding", id=onboarding)
        await world.settle()
        assert await status(world, onboarding) == "Cancelled"
        return
    await world.sweep()
    await world.settle()
    document = await world.must("get_onboarding", id=onboarding)
    assert document["status"] == "Succeeded"
    await world.must("remove_connection", id=document["connectionId"])
    await world.settle()
    assert (await world.call("get_connection", id=document["connectionId"]))[0] == 404


async def goes_on(
    world: World, onboarding: str, effect: tuple[str, str, str, int], end: str, *, lag: float = 0
) -> None:
    """Freeze the host before an effect, let the onboarding end, and let the host continue.

    What the host grants is visible ``lag`` seconds later.
    """
    name, place, row, skip = effect
    frozen = world.pin("host1", name, place, row, skip=skip)
    late = world.go("host1", world.drain(1, queues=(names.STEPS_QUEUE,)))
    await world.until(frozen, late)
    await ends(world, onboarding, end)
    world.cloud.delay_grants(lag)
    frozen.gate.set()
    await late
    await world.settle()
    await world.sweep()
    await world.settle()
    world.cloud.delay_grants(0)
    assert await violations(world) == []


@pytest.mark.parametrize("end", ["cancelled", "off-boarded"])
@pytest.mark.parametrize("effect", EFFECTS)
async def test_nothing_is_made_too_late(world, effect, end):
    """What a frozen host creates after its onboarding was undone or off-boarded is removed."""
    onboarding = await world.onboard("Contoso")
    await goes_on(world, onboarding, EFFECTS[effect], end)


@pytest.mark.parametrize(
    ("grant", "end", "lag"),
    [
        ("scope", "cancelled", 0),
        ("scope", "off-boarded", 0),
        ("role", "cancelled", 0),
        ("role", "off-boarded", 0),
        ("scope", "cancelled", 0.4),
        ("role", "cancelled", 0.4),
    ],
)
async def test_nothing_is_granted_too_late(world, grant, end, lag):
    """What a frozen host grants to an imported application after the end is revoked once it is visible."""
    apps = await world.registered(consent=False, discovery=True)
    wanted = {**apps.request(), "adminConsent": "ByService", "userDiscovery": {"enabled": True}}
    onboarding = await world.onboard("Imported", **wanted)
    await goes_on(world, onboarding, GRANTS[grant], end, lag=lag)


@pytest.mark.parametrize("call", ["update", "POST"], ids=["record", "password"])
@pytest.mark.parametrize("step", ["secret", "retirement"])
async def test_a_frozen_renewal_changes_nothing_of_the_next_one(world, step, call):
    """A renewal whose host was frozen neither records its secret nor removes the next renewal's secret."""
    connection = await world.connected("Contoso")
    await world.connected("Fabrikam", serverApp={"existing": {"connectionId": connection}})
    place = names.CONNECTIONS if call == "update" else "graph"
    row = "" if call == "update" else "addPassword" if step == "secret" else "removePassword"
    renewal = (await world.must("renew_secret", {}, id=connection))["id"]
    if step == "secret":
        frozen = world.pin("host1", call, place, row, skip=1 if call == "update" else 0)
        late = world.go("host1", world.drain(1, queues=(names.OPERATIONS_QUEUE,)))
    else:
        await world.settle()
        await world.must("confirm_renewal", id=connection, renewal=renewal)
        frozen = world.pin("host1", call, place, row)
        late = world.go("host1", world.drain(1, queues=(names.OPERATIONS_QUEUE,)))
    await world.until(frozen, late)
    for number in range(2):
        await world.sweep()
        await world.settle()
        if step == "secret" or number:
            waits = (await world.must("get_connection", id=connection))["renewalId"]
            await world.must("confirm_renewal", id=connection, renewal=waits)
            await world.settle()
        if not number:
            await world.must("renew_secret", {}, id=connection)
    frozen.gate.set()
    await late
    await world.settle()
    await world.sweep()
    await world.settle()
    assert await violations(world) == []


async def test_a_late_registration_is_left_and_listed(world):
    """A resource provider that is registered after the onboarding was undone is listed by the removal."""
    onboarding = await world.onboard("Contoso", subscriptionId=world.cloud.info["subscription"])
    registers = world.pin("host1", "POST", "resourceManager", "Microsoft.KeyVault")
    late = world.go("host1", world.drain(1, queues=(names.STEPS_QUEUE,)))
    await world.until(registers, late)
    removal = await world.must("cancel_onboarding", id=onboarding)
    await world.settle()
    assert await status(world, onboarding) == "Cancelled"
    registers.gate.set()
    await late
    listed = (await world.must("get_operation", id=removal["id"]))["leftBehind"]
    assert ("resourceProvider", "Microsoft.KeyVault", []) in [
        (left["kind"], left["id"], left["neededBy"]) for left in listed
    ]
    assert await violations(world) == []
