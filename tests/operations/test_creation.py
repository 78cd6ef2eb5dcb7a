"""Immediately after a creation, the directory may not know yet what exists and who owns it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from tests.support.operations import left_of, operate
from tests.support.portal import until

DENIED = {
    "kind": "status",
    "status": 403,
    "code": "Authorization_RequestDenied",
    "message": "Insufficient privileges to complete the operation.",
}
NOT_FOUND = {"kind": "status", "status": 404, "code": "Request_ResourceNotFound", "message": "Not there."}


async def calls(portal, onboarding: str) -> list[str]:
    """The calls of an onboarding to Graph, without the object IDs."""
    events = await portal.all(f"/api/onboardings/{onboarding}/events", caller="operator")
    return [f"{call['method']} {call['path']}" for event in events for call in event["calls"]]


async def waits(portal, onboarding: str, code: str, name: str = "server-app") -> bool:
    """Whether the creation of the server app waits because of an error."""
    document = await portal.get(f"/api/onboardings/{onboarding}", caller="operator")
    (step,) = [each for each in document["steps"] if each["name"] == name]
    return bool(step["status"] == "Waiting" and step.get("error", {}).get("code") == code)


async def test_only_what_failed_is_repeated(portal):
    """A refusal just after the creation is temporary; the app is neither created again nor looked up."""
    refused = {"service": "graph", "method": "PATCH", "path": "/applications/"}
    async with portal.fault(**refused, **DENIED, times=2), portal.fault(**refused, **NOT_FOUND, times=2):
        connection = await portal.onboarded()
    made = await calls(portal, connection["onboardingId"])
    assert made.count("POST /v1.0/applications") == 2
    assert not any("uniqueName" in each for each in made)
    for app in (connection["serverApp"], connection["clientApp"]):
        for kind, key in (("applications", "objectId"), ("servicePrincipals", "servicePrincipalId")):
            owners = (await portal.graph(f"/{kind}/{app[key]}/owners"))["value"]
            assert [each["id"] for each in owners] == [portal.info["identity"]["principalId"]]
    principal = await portal.graph(f"/servicePrincipals/{connection['serverApp']['servicePrincipalId']}")
    assert "WindowsAzureActiveDirectoryIntegratedApp" in principal["tags"]


async def test_a_lost_answer_makes_no_second_application(portal):
    """If the response to the creation is lost, the service finds what it created as soon as it is visible.

    It does not matter if the service may not read the owners: Graph then decides at the next call.
    """
    lost = {"service": "graph", "method": "POST", "kind": "drop", "when": "after", "times": 1}
    await portal.control("PUT", "/lag", {"seconds": 1})
    try:
        async with (
            portal.fault(**lost, path="/applications$"),
            portal.fault(**lost, path="/servicePrincipals$"),
            portal.fault(service="graph", method="GET", path="/applications/.*/owners", **DENIED, times=None),
        ):
            connection = await portal.onboarded()
    finally:
        await portal.control("PUT", "/lag", {"seconds": 0})
    made = await portal.graph(
        f"/applications?$filter=startswith(uniqueName,'cmg-{connection['onboardingId']}')"
    )
    assert len(made["value"]) == 2
    assert made["value"][0]["id"] in {connection[app]["objectId"] for app in ("serverApp", "clientApp")}


async def test_a_service_that_does_not_own_what_it_created_waits_for_an_administrator(portal, moved):
    """If the service is not among the owners after ten minutes, an administrator has to add it."""
    silent = {"kind": "status", "status": 503, "times": None}
    async with portal.fault(service="graph", method="GET", path="/applications/.*/owners", **silent):
        onboarding = await portal.accepted()
        await until(partial(waits, portal, onboarding, "service-unavailable"), "the look at the owners")
        (app,) = (await portal.graph(f"/applications?$filter=uniqueName eq 'cmg-{onboarding}-server'"))[
            "value"
        ]
        owners, principal = f"/v1.0/applications/{app['id']}/owners", portal.info["identity"]["principalId"]
        await portal.look("graph", "DELETE", f"{owners}/{principal}/$ref")
    await moved(timedelta(minutes=11))
    waiting = await portal.blocked(onboarding)
    assert (waiting["error"]["code"], waiting["error"]["actor"]) == ("app-not-owned", "TenantAdministrator")
    assert f"--id {app['appId']} --owner-object-id {principal}" in waiting["error"]["remedy"]
    body = {"@odata.id": f"{portal.info['graph']}/v1.0/directoryObjects/{principal}"}
    await portal.look("graph", "POST", f"{owners}/$ref", body)
    resumed = await portal.call("POST", f"/api/onboardings/{onboarding}/resume", caller="operator")
    assert resumed.status_code == 202, resumed.text
    assert (await portal.finished(onboarding))["status"] == "Succeeded"
    assert (await calls(portal, onboarding)).count("POST /v1.0/applications") == 2


async def test_a_service_principal_without_its_owner_is_named(portal, moved):
    """The service checks the owners of a service principal. After ten minutes, it continues with a note."""
    name, silent = "server-principal", {"kind": "status", "status": 503, "times": None}
    async with portal.fault(service="graph", method="GET", path="/servicePrincipals/.*/owners", **silent):
        onboarding = await portal.accepted()
        await until(partial(waits, portal, onboarding, "service-unavailable", name), "the look at the owners")
        (app,) = (await portal.graph(f"/applications?$filter=uniqueName eq 'cmg-{onboarding}-server'"))[
            "value"
        ]
        principal = (await portal.graph(f"/servicePrincipals(appId='{app['appId']}')"))["id"]
        owner = portal.info["identity"]["principalId"]
        await portal.look("graph", "DELETE", f"/v1.0/servicePrincipals/{principal}/owners/{owner}/$ref")
    await moved(timedelta(minutes=11))
    assert (await portal.finished(onboarding))["status"] == "Succeeded"
    events = await portal.all(f"/api/onboardings/{onboarding}/events", caller="operator")
    ended = [each for each in events if each.get("step") == name and each["kind"] == "succeeded"]
    (note,) = [each["detail"] for each in ended]
    assert principal in note
    assert owner in note
    assert (await calls(portal, onboarding)).count("POST /v1.0/servicePrincipals") == 2


async def test_a_refusal_that_stays_is_named_after_some_minutes(portal, moved):
    """After ten minutes, the refusal is an error with a remedy, and what was created can be removed."""
    async with portal.fault(service="graph", method="PATCH", path="/applications/", **DENIED, times=None):
        onboarding = await portal.accepted()
        await until(partial(waits, portal, onboarding, "replication-lag"), "the first refusal")
        await moved(timedelta(minutes=11))
        waiting = await portal.blocked(onboarding)
    assert (waiting["error"]["step"], waiting["error"]["code"]) == (
        "server-app",
        "authorization-request-denied",
    )
    await operate(portal, "POST", f"/api/onboardings/{onboarding}/cancel")
    assert (await portal.finished(onboarding))["status"] == "Cancelled"
    assert await left_of(portal, onboarding) == []
