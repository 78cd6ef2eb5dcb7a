from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.portal import pointers, problem, unique

OTHER = "11111111-2222-4333-8444-555555555555"


async def _refused(portal, onboarding: str, *, waits: bool) -> dict[str, Any]:
    """An onboarding that the preflight has ended, or that waits for somebody to act and is cancelled."""
    if not waits:
        finished: dict[str, Any] = await portal.finished(onboarding)
        return finished
    document: dict[str, Any] = await portal.blocked(onboarding)
    await portal.call("POST", f"/api/onboardings/{onboarding}/cancel", caller="operator")
    return document


async def findings(portal, *, waits: bool = False, **changes) -> dict[str, dict[str, str]]:
    """The errors of the preflight, by code; it creates nothing, and each error contains a remedy.

    ``waits``: somebody else than the requester must act, so the onboarding waits.
    """
    document = await _refused(portal, await portal.accepted(**changes), waits=waits)
    error = document["error"]
    assert (error["step"], error["code"]) == ("preflight", "preflight-refused"), error
    statuses = {step["name"]: step["status"] for step in document["steps"]}
    assert statuses.pop("preflight") == ("Waiting" if waits else "Failed")
    assert set(statuses.values()) == {"Pending"}
    made = await portal.graph(f"/applications?$filter=startswith(uniqueName,'cmg-{document['id']}')")
    assert made["value"] == []
    found = error["findings"]
    assert found == document["findings"]
    assert not waits or all(each["actor"] != "Requester" for each in found if each["severity"] == "Error")
    errors = [each for each in found if each["severity"] == "Error"]
    assert errors == found[: len(errors)]
    assert all(each["detail"] and each["remedy"] for each in errors)
    return {each["code"]: each for each in errors}


def policy(**restriction: str | None) -> dict[str, Any]:
    """An app management policy with one restriction of client secrets."""
    entry = {"state": "enabled", "maxLifetime": None, "restrictForAppsCreatedAfterDateTime": None}
    return {
        "isEnabled": True,
        "applicationRestrictions": {"passwordCredentials": [entry | restriction]},
    }


async def test_a_name_that_is_taken_is_refused(portal):
    """A tenant cannot have two connections with the same name, whatever its case or Unicode form is."""
    name = unique("Caf\u00e9")
    first = await portal.onboarded(name=name)
    for again in (name, name.upper(), name.replace("\u00e9", "e\u0301")):
        document = problem(await portal.post(name=again), 409, "connection-exists")
        assert pointers(document) == {"/name"}
        assert first["id"] in document["detail"]


async def test_two_at_once_under_one_name_make_one_connection(portal):
    """Of two simultaneous requests with the same name one is accepted; the other one shows why it is not."""
    name = unique("Contoso")
    answers = await asyncio.gather(*(portal.post(name=name) for _ in range(2)))
    first, second = sorted(answers, key=lambda answer: answer.status_code)
    assert problem(second, 409, "name-reserved")["errors"][0]["pointer"] == "/name"
    assert first.json()["id"] in second.json()["detail"]
    assert (await portal.finished(first.json()["id"]))["status"] == "Succeeded"
    again = await portal.post(name=name.upper())
    assert pointers(problem(again, 409, "connection-exists")) == {"/name"}


async def test_a_domain_that_is_not_verified_is_refused(portal):
    """The finding points to the App ID URI, and lists the verified domains."""
    found = await findings(portal, serverApp={"appIdUri": "https://fabrikam.com/ConfigMgrService"})
    finding = found["domain-not-verified"]
    assert finding["pointer"] == "/serverApp/appIdUri"
    assert "contoso.com" in finding["detail"]


async def test_a_subscription_that_is_not_there_is_waited_for(portal):
    """The finding points to a subscription that does not exist, or on which the service has no role yet."""
    found = await findings(portal, waits=True, subscriptionId=OTHER)
    finding = found["subscription-not-found"]
    assert finding["pointer"] == "/subscriptionId"
    assert OTHER in finding["detail"]


async def test_a_subscription_of_another_tenant_is_refused(portal):
    """A token of the tenant does not work for a subscription of another one; the service does not retry."""
    other = {"status": 401, "code": "InvalidAuthenticationTokenTenant", "message": "wrong issuer"}
    async with portal.fault(service="resourceManager", kind="status", times=None, **other):
        found = await findings(portal, waits=True)
    assert found["subscription-not-found"]["pointer"] == "/subscriptionId"
    assert found["subscription-not-found"]["detail"].startswith("Tenant ")


async def test_everything_is_found_at_once(portal):
    """One answer contains three findings: the requester does not have to try three times."""
    name = unique("Contoso")
    await portal.onboarded(name=name)
    uri = {"appIdUri": "https://fabrikam.com/x"}
    answer = await portal.call(
        "POST",
        "/api/onboardings",
        params={"dryRun": "true"},
        json=portal.request(name=name, subscriptionId=OTHER, serverApp=uri),
    )
    found = [each["code"] for each in answer.json()["findings"] if each["severity"] == "Error"]
    assert set(found) == {"connection-exists", "subscription-not-found", "domain-not-verified"}


@pytest.mark.parametrize(
    ("restriction", "code"),
    [
        ({"restrictionType": "passwordAddition"}, "secrets-forbidden"),
        ({"restrictionType": "passwordLifetime", "maxLifetime": "P180D"}, "secret-lives-too-long"),
    ],
)
async def test_a_policy_on_secrets_is_obeyed(portal, restriction, code):
    """The preflight refuses what the tenant's app management policy would refuse later."""
    policies = policy(**restriction)
    async with portal.settings(policies=policies):
        found = await findings(portal, waits=code == "secrets-forbidden")
    assert set(found) == {code}
    if code == "secret-lives-too-long":
        assert found[code]["pointer"] in {"/serverApp/secretEndDate", "/serverApp/secretValidity"}
        assert "P180D" in found[code]["detail"]


async def test_the_remedy_for_a_long_secret_works(portal):
    """Entra ID also accepts an expiration within the tenant's limit, as the remedy proposes."""
    policies = policy(restrictionType="passwordLifetime", maxLifetime="P180D")
    async with portal.settings(policies=policies):
        end = datetime.now(UTC) + timedelta(days=179)
        await portal.onboarded(serverApp={"secretEndDate": end.isoformat()})


async def test_a_policy_that_is_off_is_no_obstacle(portal):
    """A restriction that is disabled, or in a disabled policy, restricts nothing."""
    policies = policy(restrictionType="passwordAddition", state="disabled")
    async with portal.settings(policies=policies):
        await portal.onboarded()


@pytest.mark.parametrize(
    "permissions",
    [
        [{"actions": ["*/read"], "notActions": []}],
        [{"actions": ["*"], "notActions": ["*/register/action"]}],
    ],
    ids=["reader", "left out"],
)
async def test_missing_rights_on_the_subscription_are_told(portal, permissions):
    """Without the permission to register, the finding contains the action, the providers and the roles."""
    subscription = f"/subscriptions/{portal.info['subscription']}"
    await portal.look(
        "resourceManager",
        "POST",
        f"{subscription}/providers/Microsoft.Compute/unregister?api-version=2025-04-01",
    )
    async with portal.settings(permissions=permissions):
        found = await findings(portal, waits=True)
    finding = found["register-not-allowed"]
    assert "Microsoft.Compute" in finding["detail"]
    assert "Microsoft.Storage" not in finding["detail"]
    assert "Contributor" in finding["remedy"]
    assert "*/register/action" in finding["remedy"]
    await portal.onboarded()


async def test_what_nobody_needs_to_know_ends_no_preflight(portal):
    """A part that Microsoft cannot answer is asked for again; then the onboarding goes on without it."""
    busy = {"find": r'("id": ?"owned", ?"status": ?)200', "put": r"\g<1>429"}
    silent = {"service": "resourceManager", "path": "/permissions", "kind": "status", "status": 503}
    async with (
        portal.fault(service="graph", path="batch", kind="rewrite", times=None, **busy),
        portal.fault(**silent, times=None) as fault,
    ):
        connection = await portal.onboarded()
        assert (await portal.control("GET", f"/faults/{fault}")).json()["hits"] == 3
    document = await portal.get(f"/api/onboardings/{connection['onboardingId']}", caller="operator")
    assert {"not-checked", "subscription-not-checked"} <= {each["code"] for each in document["findings"]}


async def test_rights_are_not_needed_for_what_is_registered(portal):
    """Where all providers are registered, an identity that can only read is enough."""
    await portal.onboarded()
    async with portal.settings(permissions=[{"actions": ["*/read"], "notActions": []}]):
        await portal.onboarded()


async def test_a_missing_graph_permission_is_named(portal):
    """The preflight reports a Graph permission that the identity lacks, before anything is created."""
    roles = ["Organization.Read.All", "Policy.Read.All", "Application.Read.All"]
    async with portal.settings(identityRoles=roles):
        await portal.restart_host()  # an earlier token would still contain the roles
        found = await findings(portal, waits=True)
    await portal.restart_host()
    assert set(found) == {"graph-permission-missing"}
    assert "Application.ReadWrite.OwnedBy" in found["graph-permission-missing"]["remedy"]


async def test_a_permission_that_is_taken_away_later_is_named(portal):
    """A refusal of Graph after the preflight shows the permission; the onboarding goes on when it is back."""
    denied = {"status": 403, "code": "Authorization_RequestDenied", "message": "Insufficient privileges."}
    fault = {"service": "graph", "method": "POST", "path": "/applications$", "kind": "status", "times": None}
    async with portal.fault(**fault, **denied):
        onboarding = await portal.accepted()
        error = (await portal.blocked(onboarding))["error"]
    assert (await portal.finished(onboarding))["status"] == "Succeeded"
    assert error["actor"] == "Operator"
    assert (error["step"], error["code"]) == ("server-app", "authorization-request-denied")
    assert error["documentation"].startswith("https://learn.microsoft.com/graph/")
    assert "Application.ReadWrite.OwnedBy" in error["remedy"]
    assert error["requestId"]
