"""Renewals that meet each other, people at the portal, and removals."""

from __future__ import annotations

import asyncio

import pytest

from onboarding.storage import names
from tests.interleavings.invariants import violations
from tests.interleavings.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph


async def status(world: World, operation: str) -> str:
    """The status of an operation."""
    return str((await world.must("get_operation", id=operation))["status"])


async def renewal(world: World, connection: str, **body: str) -> str:
    """A renewal that an operator requests; its ID."""
    return str((await world.must("renew_secret", body, id=connection))["id"])


async def test_failed_renewal_retry_and_new_at_once(world):
    """One operator retries a failed renewal, another requests a new one: only one of the two continues."""
    connection = await world.connected("Contoso")
    world.refuse("POST", "addPassword", code="Request_BadRequest", status=400)
    first = await renewal(world, connection)
    await world.settle()
    assert await status(world, first) == "Failed"
    holds = [world.pin(f"host{number}", "POST", "graph", "addPassword") for number in (0, 1)]
    new = world.pin("operator", "upsert", "operationindex")
    asked = world.go("operator", world.call("renew_secret", {}, id=connection))
    await world.until(new, asked)
    await world.call("retry_operation", id=first)
    new.gate.set()
    _, document = await asked
    assert document["id"] != first
    hosts = [world.go(f"host{number}", world.settle(number)) for number in (0, 1)]
    await world.until(holds[0], hosts[0])
    for pin in holds:
        pin.gate.set()
    await asyncio.gather(*hosts)
    await world.settle()
    for operation in {first, document["id"]}:
        await world.call("confirm_renewal", id=connection, renewal=operation)
    await world.settle()
    assert sorted([await status(world, first), await status(world, document["id"])])[1:] == ["Succeeded"]
    assert await violations(world) == []


async def test_superseded_renewal_is_not_retried(world):
    """A failed renewal that another one has replaced cannot be retried; the response contains its status."""
    connection = await world.connected("Contoso")
    world.refuse("POST", "addPassword", code="Request_BadRequest", status=400)
    first = await renewal(world, connection)
    await world.settle()
    second = await renewal(world, connection)
    await world.settle()
    code, document = await world.call("retry_operation", id=first)
    assert (code, document["code"]) == (409, "not-in-this-status")
    await world.must("confirm_renewal", id=connection, renewal=second)
    await world.settle()
    assert (await status(world, first), await status(world, second)) == ("Cancelled", "Succeeded")
    assert await violations(world) == []


async def test_renewal_is_retried_while_its_connection_goes(world):
    """A failed renewal that ends while somebody retries it has the right status in the lists."""
    connection = await world.connected("Contoso")
    world.refuse("POST", "addPassword", code="Request_BadRequest", status=400)
    first = await renewal(world, connection)
    await world.settle()
    opens = world.pin("operator", "upsert", names.OPERATION_INDEX, "open:")
    retrying = world.go("operator", world.call("retry_operation", id=first))
    await world.until(opens, retrying)
    await world.must("remove_connection", id=connection)
    await world.settle()
    opens.gate.set()
    code, document = await retrying
    assert (code, document["code"]) == (409, "not-in-this-status")
    assert await violations(world) == []


async def test_pending_removed_by_hand_then_confirm(world):
    """A new secret that somebody deleted is never recorded; the next renewal creates another one."""
    connection = await world.connected("Contoso")
    before = await world.must("get_connection", id=connection)
    first = await renewal(world, connection)
    await world.settle()
    shown = await world.must("get_connection", id=connection)
    path = f"/v1.0/applications(appId='{shown['serverApp']['clientId']}')/removePassword"
    await world.look("graph", "POST", path, {"keyId": shown["pendingSecret"]["keyId"]})
    await world.must("confirm_renewal", id=connection, renewal=first)
    await world.settle()
    document = await world.must("get_operation", id=first)
    assert (document["status"], document["error"]["code"]) == ("Failed", "new-secret-missing")
    after = await world.must("get_connection", id=connection)
    assert (after["secret"], after.get("pendingSecret")) == (before["secret"], None)
    assert await violations(world) == []
    second = await renewal(world, connection)
    assert second != first
    await world.settle()
    await world.must("confirm_renewal", id=connection, renewal=second)
    await world.settle()
    assert await status(world, second) == "Succeeded"
    assert await violations(world) == []


async def test_share_removed_leaves_owners_renewal(world):
    """Off-boarding a connection that shares an app leaves the owner's renewal unchanged."""
    owner = await world.connected("Contoso")
    sharer = await world.connected("Fabrikam", serverApp={"existing": {"connectionId": owner}})
    first = await renewal(world, owner)
    await world.settle()
    await world.must("remove_connection", id=sharer)
    await world.settle()
    assert await status(world, first) == "Waiting"
    await world.must("confirm_renewal", id=owner, renewal=first)
    await world.settle()
    assert await status(world, first) == "Succeeded"
    assert await violations(world) == []


async def test_check_failed_renewal_retried_on_namesake(world):
    """A renewal of a removed connection never acts on one that got its name, whatever the clock says."""
    connection = await world.connected("Contoso")
    world.refuse("GET", "applications", code="Request_BadRequest", status=400)
    first = await renewal(world, connection)
    await world.settle()
    second = await renewal(world, connection)
    await world.settle()
    await world.must("confirm_renewal", id=connection, renewal=second)
    await world.settle()
    await world.must("remove_connection", id=connection)
    await world.settle()
    world.clock.at -= 2 * (world.clock.at - world.began)  # this host's clock is behind
    assert await world.connected("Contoso") == connection
    before = await world.must("get_connection", id=connection)
    await world.call("retry_operation", id=first)
    await world.settle()
    assert await world.must("get_connection", id=connection) == before
    assert await violations(world) == []


async def test_a_renewal_that_begins_late_leaves_a_namesake_alone(world):
    """A renewal whose message arrives after its connection was replaced does not act on the new one."""
    connection = await world.connected("Contoso")
    await renewal(world, connection)
    late = await world.take((names.OPERATIONS_QUEUE,))
    assert late is not None
    await world.must("remove_connection", id=connection)
    await world.settle()
    world.clock.at -= 2 * (world.clock.at - world.began)  # this host's clock is behind
    assert await world.connected("Contoso") == connection
    before = await world.must("get_connection", id=connection)
    await world.handle(1, *late)
    await world.settle()
    assert await world.must("get_connection", id=connection) == before
    assert await violations(world) == []


async def test_confirm_twice_and_delete(world):
    """Off-boarding waits for a renewal that is removing the old secret."""
    connection = await world.connected("Contoso")
    first = await renewal(world, connection)
    await world.settle()
    hold = world.pin("host1", "POST", "graph", "removePassword")
    await world.must("confirm_renewal", id=connection, renewal=first)
    retiring = world.go("host1", world.drain(1))
    await world.until(hold, retiring)
    removal = (await world.must("remove_connection", id=connection))["id"]
    await world.drain()
    assert await status(world, removal) != "Succeeded"
    hold.gate.set()
    await retiring
    await world.settle()
    assert (await status(world, first), await status(world, removal)) == ("Cancelled", "Succeeded")
    assert await violations(world) == []


async def test_keep_up_meets_retirement(world):
    """A connection that begins to share the app during a renewal ends with the secret that is in use."""
    owner = await world.connected("Contoso")
    first = await renewal(world, owner)
    await world.settle()
    await world.must("confirm_renewal", id=owner, renewal=first)
    looked = world.pin("host1", "update", "connections")  # it has looked for connections
    retiring = world.go("host1", world.drain(1))
    await world.until(looked, retiring)
    await world.onboard("Fabrikam", serverApp={"existing": {"connectionId": owner}})
    copies = world.pin("host0", "update", "connections")
    sharing = world.go("host0", world.drain(0))
    await world.until(copies, sharing)
    looked.gate.set()
    await retiring
    copies.gate.set()
    await sharing
    await world.settle()
    assert await status(world, first) == "Succeeded"
    assert await violations(world) == []


async def test_renewal_overtaken_in_its_check(world):
    """If two renewals start at once, the second one finds the first and does not replace it."""
    connection = await world.connected("Contoso")
    world.refuse("POST", "addPassword", code="Request_BadRequest", status=400)
    failed = await renewal(world, connection)
    await world.settle()
    late = world.pin("host1", "update", "connections")
    second = await renewal(world, connection)
    checking = world.go("host1", world.drain(1))
    await world.until(late, checking)
    await world.call("retry_operation", id=failed)
    await world.settle()
    late.gate.set()
    await checking
    await world.settle()
    ended = {await status(world, failed), await status(world, second)}
    assert "Waiting" in ended, ended
    assert await violations(world) == []
