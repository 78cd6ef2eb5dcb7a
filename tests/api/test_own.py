"""What requesters do to what belongs to them, and nobody else."""

from __future__ import annotations

import pytest

from tests.support.operations import bad_request, done, step
from tests.support.portal import problem, unique

_REFUSED = bad_request("POST", "oauth2PermissionGrants")


@pytest.fixture(scope="module")
async def alice(portal):
    """A requester."""
    return await portal.caller("Onboarding.Request")


@pytest.fixture(scope="module")
async def bob(portal):
    """Another requester."""
    return await portal.caller("Onboarding.Request")


@pytest.fixture(scope="module")
async def renewed(portal, alice):
    """A connection of hers with a renewal that an operator started, which waits for the site."""
    connection = await portal.onboarded(caller=alice)
    path = f"/api/connections/{connection['id']}"
    operation = (await portal.call("POST", f"{path}/renewals", caller="operator")).json()
    await step(portal, f"/api/operations/{operation['id']}", "confirmation", "Waiting")
    return connection, operation


async def test_a_requester_follows_and_confirms_a_renewal_of_somebody_else(portal, alice, renewed):
    """The requester sees the renewal at the connection, gets its script, confirms it, and off-boards."""
    connection, operation = renewed
    path = f"/api/connections/{connection['id']}"
    assert (await portal.get(path, caller=alice))["renewalId"] == operation["id"]
    mine = f"/api/operations/{operation['id']}"
    operator = (await portal.get(mine, caller="operator"))["requestedBy"]
    assert (await portal.get(mine, caller=alice))["requestedBy"] == operator
    assert [each["id"] for each in await portal.all("/api/operations", caller=alice)] == [operation["id"]]
    assert await portal.all(f"{mine}/events", caller=alice)
    script = await portal.call("GET", f"{mine}/handover", caller=alice)
    assert connection["serverApp"]["clientId"] in script.text
    confirmed = await portal.call("POST", f"{path}/renewals/{operation['id']}/confirm", caller=alice)
    assert confirmed.status_code == 202
    await done(portal, operation)
    onboarding = await portal.get(f"/api/onboardings/{connection['onboardingId']}", caller=alice)
    trail = {each["kind"]: each for each in await portal.all(f"{mine}/events", caller=alice)}
    assert trail["accepted"]["actorId"] == operator["id"]
    assert trail["confirmed"]["actorId"] == onboarding["requestedBy"]["id"] != operator["id"]
    assert "actorId" not in trail["started"]
    own = await portal.call("POST", f"{path}/renewals", caller=alice)
    assert own.status_code == 202, own.text
    removal = await portal.call("DELETE", path, caller=alice)
    assert removal.status_code == 202, removal.text
    await done(portal, removal.json())
    problem(await portal.call("GET", path, caller=alice), 404, "not-found")
    kinds = [each["kind"] for each in await portal.all("/api/operations", caller=alice)]
    assert kinds == ["removal", "renewal", "renewal"]


async def test_what_belongs_to_others_does_not_exist(portal, bob, renewed):
    """No call of another requester reaches an onboarding, a connection or an operation that is not his."""
    connection, operation = renewed
    onboarding = f"/api/onboardings/{connection['onboardingId']}"
    path, mine = f"/api/connections/{connection['id']}", f"/api/operations/{operation['id']}"
    for method, address in (
        *(("POST", f"{onboarding}/{verb}") for verb in ("cancel", "retry", "rollback", "confirm")),
        ("DELETE", path),
        ("POST", f"{path}/renewals"),
        ("POST", f"{path}/renewals/{operation['id']}/confirm"),
        ("GET", mine),
        ("GET", f"{mine}/events"),
        ("GET", f"{mine}/handover"),
        ("POST", f"{mine}/retry"),
    ):
        problem(await portal.call(method, address, caller=bob), 404, "not-found")
    assert await portal.all("/api/operations", caller=bob) == []


async def test_a_requester_retries_and_rolls_back(portal, alice):
    """The requester retries a failed onboarding, and removes what it created."""
    async with portal.fault(**_REFUSED):
        onboarding = await portal.accepted(caller=alice, name=unique("Own"), adminConsent="ByService")
        failed = await portal.finished(onboarding)
        assert failed["status"] == "Failed"
        path = f"/api/onboardings/{failed['id']}"
        assert (await portal.call("POST", f"{path}/retry", caller=alice)).status_code == 202
        assert (await portal.finished(failed["id"]))["status"] == "Failed"
    removal = await portal.call("POST", f"{path}/rollback", caller=alice)
    assert removal.status_code == 202
    await done(portal, removal.json())
    assert (await portal.get(path, caller=alice))["status"] == "RolledBack"


async def test_a_requester_cancels(portal, alice):
    """The requester cancels an onboarding that waits for an administrator."""
    onboarding = await portal.accepted(caller=alice, adminConsent="ByAdministrator")
    path = f"/api/onboardings/{onboarding}"
    await step(portal, path, "consent", "Waiting")
    removal = await portal.call("POST", f"{path}/cancel", caller=alice)
    await done(portal, removal.json())
    assert (await portal.get(path, caller=alice))["status"] == "Cancelled"


async def test_a_refused_removal_names_no_connection_of_others(portal, alice):
    """An app that an operator shared cannot be removed; its requester is not shown who shares it."""
    owner = await portal.onboarded(caller=alice)
    shared = await portal.onboarded(caller="operator", serverApp={"existing": {"connectionId": owner["id"]}})
    path = f"/api/connections/{owner['id']}"
    document = problem(await portal.call("DELETE", path, caller=alice), 409, "server-app-shared")
    assert shared["id"] not in str(document)
    assert "1 of other requesters" in document["detail"]
    document = problem(await portal.call("DELETE", path, caller="operator"), 409, "server-app-shared")
    assert shared["id"] in document["detail"]


async def test_a_renewal_belongs_to_one_onboarding(portal, alice, bob):
    """A new connection of somebody else with a removed one's name and ID does not belong to the old owner."""
    connection = await portal.onboarded(caller=alice)
    path = f"/api/connections/{connection['id']}"
    renewal = (await portal.call("POST", f"{path}/renewals", caller=alice)).json()
    await step(portal, f"/api/operations/{renewal['id']}", "confirmation", "Waiting")
    await done(portal, (await portal.call("DELETE", path, caller=alice)).json())
    other = await portal.onboarded(caller=bob, name=connection["name"])
    assert other["id"] == connection["id"]
    script = await portal.call("GET", f"/api/operations/{renewal['id']}/handover", caller=alice)
    problem(script, 409, "not-in-this-status")
    for method, address in (("GET", path), ("DELETE", path), ("POST", f"{path}/renewals")):
        problem(await portal.call(method, address, caller=alice), 404, "not-found")
