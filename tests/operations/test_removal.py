from __future__ import annotations

import asyncio
import json

import pytest
from azure.data.tables.aio import TableServiceClient

from onboarding.cmg.versions import PROVIDERS, DeploymentModel
from onboarding.storage import names
from tests.support.operations import (
    about_to_share,
    done,
    ended,
    held,
    left_of,
    operate,
    step,
)
from tests.support.portal import problem, unique, until


async def test_a_connection_is_off_boarded(portal):
    """Apps, principals, grants and the secret are permanently deleted; providers and the history are kept.

    The handover contains what is left at the site: a script that removes the Azure service from it.
    """
    connection = await portal.onboarded(name=unique("Contoso's"), userDiscovery={"enabled": True})
    path = f"/api/connections/{connection['id']}"
    early = await portal.call("GET", f"{path}/handover", caller="operator", params={"for": "removal"})
    accepted = await operate(portal, "DELETE", path)
    assert accepted["connectionId"] == connection["id"]
    assert (accepted["kind"], accepted["status"]) == ("removal", "NotStarted")
    again = await operate(portal, "DELETE", path)
    assert again["id"] == accepted["id"]
    script = await portal.call("GET", f"/api/operations/{accepted['id']}/handover", caller="operator")
    assert script.status_code == 200
    assert script.content == early.content
    assert "Remove-CMAzureService" in script.text
    assert connection["name"].replace("'", "''") in script.text
    operation = await done(portal, accepted)
    assert operation["connectionId"] == connection["id"]
    assert [each["status"] for each in operation["steps"]] == ["Succeeded"] * 7
    assert await left_of(portal, connection["onboardingId"]) == []
    problem(await portal.call("GET", path, caller="operator"), 404, "not-found")
    problem(await portal.call("DELETE", path, caller="operator"), 404, "not-found")
    onboarding = await portal.get(f"/api/onboardings/{connection['onboardingId']}")
    assert onboarding["status"] == "Succeeded"
    subscription = portal.info["subscription"]
    for namespace in PROVIDERS[DeploymentModel.SCALE_SET]:
        address = f"/subscriptions/{subscription}/providers/{namespace}?api-version=2021-04-01"
        state = (await portal.look("resourceManager", "GET", address)).json()["registrationState"]
        assert state == "Registered"
    events = await portal.all(f"/api/operations/{operation['id']}/events", caller="operator")
    assert {event["kind"] for event in events} >= {"accepted", "started", "succeeded"}
    assert any(call["method"] == "DELETE" for event in events for call in event.get("calls", []))


@pytest.mark.parametrize(
    "wishes",
    [{"subscriptionId": None}, {"clientApp": None, "disableAuthentication": True}],
    ids=["users only", "gateway only"],
)
async def test_half_a_connection_is_off_boarded(portal, wishes):
    """A tenant without a subscription, or without a client app, is off-boarded without looking for them."""
    connection = await portal.onboarded(**wishes)
    await portal.control("DELETE", "/calls")
    await done(portal, await operate(portal, "DELETE", f"/api/connections/{connection['id']}"))
    assert await left_of(portal, connection["onboardingId"]) == []
    assert (await portal.control("GET", "/calls?service=resourceManager")).json()["value"] == []


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.soak)])
async def test_the_same_names_several_times_in_a_row(portal, times):
    """Off-boarding frees every name immediately: the same request can onboard the tenant again."""
    name = unique("Contoso")
    uri = f"api://{portal.info['tenant']}/{name.replace(' ', '-').lower()}"
    wishes = {
        "name": name,
        "serverApp": {"name": f"{name} server", "appIdUri": uri},
        "clientApp": {"name": f"{name} client"},
    }
    for _ in range(times):
        connection = await portal.onboarded(**wishes)
        assert connection["appIdUri"] == uri
        await done(portal, await operate(portal, "DELETE", f"/api/connections/{connection['id']}"))
        assert await left_of(portal, connection["onboardingId"]) == []


async def test_a_failed_onboarding_is_rolled_back(portal):
    """A rollback removes what a failed onboarding created; then the same request succeeds."""
    wishes = {"name": unique("Contoso"), "userDiscovery": {"enabled": True}}
    refusal = {"kind": "status", "status": 400, "code": "Request_BadRequest", "message": "no"}
    async with portal.fault(service="graph", method="POST", path="oauth2PermissionGrants", **refusal):
        onboarding = await portal.accepted(**wishes, adminConsent="ByService")
        assert (await portal.finished(onboarding))["status"] == "Failed"
    assert await left_of(portal, onboarding) != []
    operation = await done(portal, await operate(portal, "POST", f"/api/onboardings/{onboarding}/rollback"))
    assert await left_of(portal, onboarding) == []
    document = await portal.get(f"/api/onboardings/{onboarding}")
    assert document["status"] == "RolledBack"
    listed = await portal.all("/api/onboardings", caller="operator", status="RolledBack")
    assert onboarding in [each["id"] for each in listed]
    again = await operate(portal, "POST", f"/api/onboardings/{onboarding}/rollback")
    assert (again["id"], again["status"]) == (operation["id"], "Succeeded")
    await portal.onboarded(**wishes)


async def test_off_boarding_undoes_an_onboarding_that_failed_late(portal):
    """Off-boarding a connection also undoes its onboarding if the onboarding failed in its last step."""
    connection = await portal.onboarded()
    onboarding = connection["onboardingId"]
    account = portal.stack.account.connection_string
    async with TableServiceClient.from_connection_string(account) as service:
        table = service.get_table_client(names.ONBOARDINGS)
        row = await table.get_entity(onboarding, "step:connection")
        document = {**json.loads(row["document"]), "status": "Failed"}
        await table.update_entity({**row, "document": json.dumps(document)})
    await done(portal, await operate(portal, "DELETE", f"/api/connections/{connection['id']}"))
    assert await left_of(portal, onboarding) == []
    assert (await portal.get(f"/api/onboardings/{onboarding}"))["status"] == "RolledBack"


async def test_an_onboarding_that_waits_is_cancelled(portal):
    """An onboarding that waits for consent can be cancelled, and leaves nothing."""
    onboarding = await portal.accepted(adminConsent="ByAdministrator")
    await step(portal, f"/api/onboardings/{onboarding}", "consent", "Waiting")
    operation = await operate(portal, "POST", f"/api/onboardings/{onboarding}/cancel")
    await done(portal, operation)
    document = await portal.finished(onboarding)
    assert document["status"] == "Cancelled"
    statuses = {each["name"]: each["status"] for each in document["steps"]}
    assert (statuses["server-app"], statuses["consent"]) == ("Succeeded", "Cancelled")
    assert await left_of(portal, onboarding) == []
    events = await portal.all(f"/api/onboardings/{onboarding}/events", caller="operator")
    assert [event["kind"] for event in events[-2:]] == ["stopped", "cancelled"]
    (stopped,) = [event for event in events if event["kind"] == "stopped"]
    assert stopped["actor"] == operation["requestedBy"]["name"]


@pytest.mark.parametrize(
    ("service", "method", "path", "when"),
    [
        ("graph", "POST", "batch", "before"),
        ("graph", "POST", "/applications$", "after"),
        ("graph", "POST", "addPassword", "before"),
        ("keyVault", "PUT", "secrets/", "after"),
        ("graph", "POST", "oauth2PermissionGrants", "after"),
    ],
)
async def test_cancelled_in_the_middle_of_a_step(portal, service, method, path, when):
    """A cancellation during any call also removes what that call creates."""
    hold = {"service": service, "method": method, "path": path, "kind": "hold", "when": when, "times": 1}
    async with portal.fault(**hold) as fault:
        onboarding = await portal.accepted()
        await until(lambda: held(portal, fault), "the call that is held")
        operation = await operate(portal, "POST", f"/api/onboardings/{onboarding}/cancel")
        await step(portal, f"/api/operations/{operation['id']}", "halt", "Waiting")
        await portal.control("POST", f"/faults/{fault}/release")
    await done(portal, operation)
    assert (await portal.finished(onboarding))["status"] == "Cancelled"
    assert await left_of(portal, onboarding) == []


async def test_a_server_app_that_others_use_is_kept(portal):
    """A connection cannot be removed before those that share its server app."""
    owner = await portal.onboarded()
    sharing = await portal.onboarded(serverApp={"existing": {"connectionId": owner["id"]}})
    answer = await portal.call("DELETE", f"/api/connections/{owner['id']}", caller="operator")
    assert sharing["name"] in problem(answer, 409, "server-app-shared")["detail"]
    await done(portal, await operate(portal, "DELETE", f"/api/connections/{sharing['id']}"))
    assert await portal.graph(f"/applications(appId='{owner['serverApp']['clientId']}')")
    await done(portal, await operate(portal, "DELETE", f"/api/connections/{owner['id']}"))
    assert await left_of(portal, owner["onboardingId"]) == []


async def test_an_app_that_is_being_removed_cannot_be_shared(portal):
    """An onboarding that shares a server app fails if that app is off-boarded in the meantime."""
    owner = await portal.onboarded()
    async with about_to_share(portal, owner) as onboarding:
        await done(portal, await operate(portal, "DELETE", f"/api/connections/{owner['id']}"))
    late = await portal.finished(onboarding)
    assert (late["status"], late["error"]["step"]) == ("Failed", "connection")
    assert late["error"]["code"] == "connection-not-found"
    listed = await portal.all("/api/connections", caller="operator")
    assert onboarding not in [each["onboardingId"] for each in listed]


async def test_what_people_deleted_is_purged_as_well(portal):
    """A removal also permanently deletes objects that somebody has already deleted by hand."""
    connection = await portal.onboarded()
    await portal.look("graph", "DELETE", f"/v1.0/applications/{connection['serverApp']['objectId']}")
    principal = connection["clientApp"]["servicePrincipalId"]
    await portal.look("graph", "DELETE", f"/v1.0/servicePrincipals/{principal}")
    await done(portal, await operate(portal, "DELETE", f"/api/connections/{connection['id']}"))
    assert await left_of(portal, connection["onboardingId"]) == []


async def test_a_removal_waits_for_both_halves(portal):
    """With lag, the application and its service principal are purged as soon as the directory shows them."""
    connection = await portal.onboarded()
    await portal.control("PUT", "/lag", {"seconds": 1.5})
    try:
        await done(portal, await operate(portal, "DELETE", f"/api/connections/{connection['id']}"))
    finally:
        await portal.control("PUT", "/lag", {"seconds": 0})
    assert await left_of(portal, connection["onboardingId"]) == []


@pytest.mark.parametrize(
    ("status", "code"), [(403, "Authorization_RequestDenied"), (400, "Request_BadRequest")]
)
async def test_a_service_principal_that_may_not_be_purged_fails_nothing(portal, status, code):
    """If Graph refuses to purge a service principal, the removal ends and names what remains."""
    connection = await portal.onboarded()
    principal = connection["serverApp"]["servicePrincipalId"]
    path = f"deletedItems/{principal}"
    refusal = {"kind": "status", "status": status, "code": code, "message": "no"}
    async with portal.fault(service="graph", method="DELETE", path=path, times=None, **refusal):
        operation = await operate(portal, "DELETE", f"/api/connections/{connection['id']}")
        ended = await done(portal, operation)
    (left,) = ended["leftBehind"]
    assert (left["kind"], left["id"]) == ("serverApp", principal)
    assert "does not let the service delete it permanently" in left["reason"]
    events = await portal.all(f"/api/operations/{operation['id']}/events", caller="operator")
    told = [event for event in events if event["kind"] == "succeeded" and event.get("detail")]
    (kept,) = [event["detail"] for event in told if event["step"] == "server-app"]
    assert principal in kept
    assert "30 days" in kept
    await portal.look("graph", "DELETE", f"/v1.0/directory/deletedItems/{principal}")


async def test_a_failed_onboarding_is_retried(portal):
    """After its cause is fixed, a failed onboarding continues where it stopped, and creates nothing twice.

    The second click gets the same answer, however soon the onboarding has succeeded.
    """
    refusal = {"kind": "status", "status": 400, "code": "Request_BadRequest", "message": "no"}
    async with portal.fault(service="graph", method="POST", path="/applications$", body="-client", **refusal):
        onboarding = await portal.accepted()
        failed = await portal.finished(onboarding)
        assert (failed["status"], failed["error"]["step"]) == ("Failed", "client-app")
    answer = await portal.call("POST", f"/api/onboardings/{onboarding}/retry", caller="operator")
    assert answer.status_code == 202, answer.text
    document = await portal.finished(onboarding)
    assert document["status"] == "Succeeded", document["error"]
    attempts = {each["name"]: each["attempts"] for each in document["steps"]}
    assert (attempts["server-app"], attempts["client-app"]) == (1, 2)
    again = await portal.call("POST", f"/api/onboardings/{onboarding}/retry", caller="operator")
    assert (again.status_code, again.json()["status"]) == (202, "Succeeded"), again.text
    assert "Retry-After" not in again.headers
    assert again.headers["Location"] == answer.headers["Location"]
    assert (await portal.finished(onboarding))["steps"] == document["steps"]


async def test_a_removal_that_fails_is_retried(portal):
    """A failed removal shows its reason; a new request or a retry continues it."""
    connection = await portal.onboarded()
    path = f"/api/connections/{connection['id']}"
    refusal = {"kind": "status", "status": 400, "code": "Request_BadRequest", "message": "no"}
    async with portal.fault(service="graph", method="DELETE", path="/applications/", times=None, **refusal):
        failed = await ended(portal, await operate(portal, "DELETE", path))
        assert failed["status"] == "Failed"
        assert failed["error"]["step"] == "client-app"
        shown = await portal.get(path, caller="operator")
        assert shown["state"] == "Removing"
        await portal.call("POST", f"/api/operations/{failed['id']}/retry", caller="operator")
        assert (await ended(portal, failed))["status"] == "Failed"
    together = await asyncio.gather(*(operate(portal, "DELETE", path) for _ in range(4)))
    assert {each["id"] for each in together} == {failed["id"]}
    await done(portal, failed)
    assert await left_of(portal, connection["onboardingId"]) == []


async def test_what_the_status_does_not_allow_is_refused(portal, untouched):
    """A succeeded onboarding cannot be cancelled, rolled back or retried; the answer has the alternative."""
    path = f"/api/onboardings/{untouched['onboardingId']}"
    for action in ("cancel", "rollback", "retry"):
        answer = await portal.call("POST", f"{path}/{action}", caller="operator")
        assert "Succeeded" in problem(answer, 409, "not-in-this-status")["detail"]


async def test_a_deployment_reserves_calls_for_operators(portal, untouched):
    """Calls that the settings reserve for operators are refused for a requester; others are not."""
    onboarding = f"/api/onboardings/{untouched['onboardingId']}"
    for path in (f"{onboarding}/retry", "/api/operations/none/retry"):
        document = problem(await portal.call("POST", path), 403, "role-missing")
        assert "Onboarding.Operate" in document["detail"]
        assert "Onboarding.Request" not in document["detail"]
    problem(await portal.call("POST", f"{onboarding}/cancel"), 409, "not-in-this-status")
