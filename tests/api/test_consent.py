from __future__ import annotations

import asyncio

import pytest

from tests.support.administrator import Administrator, waiting
from tests.support.portal import Portal, until

GRANTS = ("/oauth2PermissionGrants", "/appRoleAssignedTo", "/appRoleAssignments")
WITHOUT_GRANTS = [
    "Application.ReadWrite.OwnedBy",
    "Application.Read.All",
    "DelegatedPermissionGrant.Read.All",
    "Organization.Read.All",
    "Policy.Read.All",
]


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
    assert step["waitingFor"] == "an administrator of the tenant consents"
    assert step["nextAttemptAt"]
    assert step["error"] is None
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
        assert (step["actionUrls"], step["waitingFor"]) == ([], None)
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
    """A service that never had a permission to grant permissions."""
    async with portal.settings(identityRoles=WITHOUT_GRANTS):
        await portal.restart_host()  # an earlier token would still contain the roles
        yield portal
    await portal.restart_host()


async def test_a_service_without_the_permission_works_fully(may_not_grant):
    """Where the service cannot grant consent, the onboarding asks an administrator, and then succeeds."""
    portal = may_not_grant
    onboarding = await portal.accepted()
    person = Administrator(portal, onboarding)
    assert (await waiting(portal, onboarding))["actionUrls"] == [await person.link("client")]
    findings = (await portal.get(f"/api/onboardings/{onboarding}"))["findings"]
    assert "administrator-will-be-asked" in {each["code"] for each in findings}
    await person.consents_for_client()
    document = await portal.finished(onboarding)
    assert document["status"] == "Succeeded", document["error"]

    error = await portal.refused(adminConsent="ByService")
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
