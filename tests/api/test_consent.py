from __future__ import annotations

import asyncio

import pytest

from infra.azure.permissions import GRAPH_BASE
from tests.support.administrator import Administrator, waiting
from tests.support.portal import Portal, problem, unique, until

GRANTS = ("/oauth2PermissionGrants", "/appRoleAssignedTo", "/appRoleAssignments")
BASE = [role.value for role in GRAPH_BASE]
"""What infra.azure.grant_permissions grants without --consent, and docs/deploy.md documents."""


async def granted(portal: Portal, onboarding: str) -> list[str]:
    """The calls with which an onboarding has granted something, or has tried to."""
    events = await portal.all(f"/api/onboardings/{onboarding}/events", caller="operator")
    return [
        f"{call['method']} {call['path']} {call['status']}"
        for event in events
        for call in event["calls"]
        if call["method"] != "GET" and any(part in call["path"] for part in GRANTS)
    ]


async def test_an_administrator_consents_where_the_service_shall_not(portal):
    """The onboarding waits, shows where to consent for which app, and continues after the consent."""
    plain, discovery = await asyncio.gather(
        portal.accepted(adminConsent="ByAdministrator"),
        portal.accepted(adminConsent="ByAdministrator", userDiscovery={"enabled": True}),
    )
    people = {each: Administrator(portal, each) for each in (plain, discovery)}
    step = await waiting(portal, plain)
    assert step["actionUrls"] == [await people[plain].link("client")]
    assert step["waitingFor"].startswith("an administrator of the tenant to consent. After")
    for shown in ("AADSTS500113", "localhost", "no new page", "granted nevertheless"):
        assert shown in step["waitingFor"]
    assert step["nextAttemptAt"]
    assert "error" not in step
    assert [each["kind"] for each in step["actions"]] == ["GrantConsent"]  # the service sees the consent
    links = (await waiting(portal, discovery))["actionUrls"]
    assert sorted(links) == sorted([await people[discovery].link(role) for role in ("client", "server")])

    await people[plain].consents_for_client()
    await people[discovery].consents_for_client()
    server_only = [await people[discovery].link("server")]

    async def only_the_server_app() -> bool:
        found: list[str] = (await waiting(portal, discovery))["actionUrls"]
        return found == server_only

    await until(only_the_server_app, "the look that finds the client app's consent")
    await people[discovery].consents_for_server()
    for onboarding in (plain, discovery):
        document = await portal.finished(onboarding)
        assert document["status"] == "Succeeded", document["error"]
        (step,) = [each for each in document["steps"] if each["name"] == "consent"]
        assert (step["actionUrls"], step.get("waitingFor")) == ([], None)
        kinds = [
            each["kind"]
            for each in await portal.all(f"/api/onboardings/{onboarding}/events")
            if each.get("step") == "consent"
        ]
        assert kinds[-1] == "succeeded"
        assert "waiting" in kinds
        assert "retrying" not in kinds
        assert await granted(portal, onboarding) == []


@pytest.fixture
async def may_not_grant(portal):
    """A service with the permissions that the docs grant by default."""
    async with portal.settings(identityRoles=BASE):
        await portal.restart_host()  # an earlier token would still contain the roles
        yield portal
    await portal.restart_host()


async def test_with_the_default_permissions_a_person_confirms_the_consent(may_not_grant):
    """The service cannot see delegated permissions: it says so, and a confirmation continues the onboarding.

    What it can see, such as the server app's role, it waits for all the same.
    """
    portal = may_not_grant
    uri = {"appIdUri": f"https://contoso.com/{unique()}", "onDeleted": "Purge"}
    plain, discovery = await asyncio.gather(
        portal.accepted(serverApp=uri), portal.accepted(userDiscovery={"enabled": True})
    )
    step = await waiting(portal, plain)
    assert step["actionUrls"] == [await Administrator(portal, plain).link("client")]
    assert "a person to confirm it, because the service cannot see it. After" in step["waitingFor"]
    page, confirmation = step["actions"]
    assert (page["kind"], page["url"]) == ("GrantConsent", step["actionUrls"][0])
    assert (confirmation["kind"], confirmation["actor"]) == ("ConfirmConsent", "Requester")
    findings = (await portal.get(f"/api/onboardings/{plain}", caller="operator"))["findings"]
    assert {"administrator-will-be-asked", "consent-not-visible"} <= {each["code"] for each in findings}
    (unchecked,) = [each for each in findings if each["code"] == "not-checked"]
    assert "deleted applications" in unchecked["detail"]
    assert "Application.Read.All" in unchecked["remedy"]
    person = Administrator(portal, discovery)
    links = sorted((await waiting(portal, discovery))["actionUrls"])
    assert links == sorted([await person.link(role) for role in ("client", "server")])

    stranger = await portal.caller("Onboarding.Request")
    problem(await portal.call("POST", f"/api/onboardings/{plain}/confirm", caller=stranger), 404, "not-found")
    for onboarding in (plain, discovery):
        for _ in range(2):  # it can be repeated
            url = confirmation["url"].replace(plain, onboarding)
            answer = await portal.call(confirmation["method"], url)
            assert answer.status_code == 202, answer.text
    assert (await waiting(portal, discovery))["status"] == "Waiting"
    await person.consents_for_server()
    for onboarding in (plain, discovery):
        document = await portal.finished(onboarding)
        assert document["status"] == "Succeeded", document["error"]
        events = await portal.all(f"/api/onboardings/{onboarding}/events")
        assert ("consent", "confirmed") in {(each.get("step"), each["kind"]) for each in events}


async def test_only_a_waiting_consent_can_be_confirmed(may_not_grant):
    """An onboarding that fails before the consent has nothing to confirm."""
    portal = may_not_grant

    uri = f"https://contoso.com/{unique()}"
    theirs = {"displayName": unique("theirs"), "identifierUris": [uri]}
    made = (await portal.look("graph", "POST", "/v1.0/applications", theirs)).json()
    await portal.look("graph", "DELETE", f"/v1.0/applications/{made['id']}")
    reserved = await portal.refused(serverApp={"appIdUri": uri})  # by an application that it cannot see
    assert (reserved["step"], reserved["code"]) == ("server-app", "object-conflict")
    assert "Deleted applications" in reserved["remedy"]
    refused = await portal.finished(await portal.accepted(adminConsent="ByService"))
    answer = await portal.call("POST", f"/api/onboardings/{refused['id']}/confirm")
    problem(answer, 409, "not-in-this-status")
    error = refused["error"]
    (finding,) = [each for each in error["findings"] if each["severity"] == "Error"]
    assert (error["step"], finding["code"], finding["pointer"]) == (
        "preflight",
        "consent-not-allowed",
        "/adminConsent",
    )


async def test_the_service_grants_where_it_may(portal):
    """A service that is configured to grant consent itself does so, and nobody has to act."""
    connection = await portal.onboarded(adminConsent="ByService", userDiscovery={"enabled": True})
    document = await portal.get(f"/api/onboardings/{connection['onboardingId']}", caller="operator")
    (step,) = [each for each in document["steps"] if each["name"] == "consent"]
    assert step["attempts"] == 1
    calls = await granted(portal, connection["onboardingId"])
    assert [each.rpartition(" ")[2] for each in calls] == ["201"] * 3
