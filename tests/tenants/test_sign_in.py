"""Tokens for another tenant: what the identity platform refuses, and what a new token changes."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from tests.support.customers import CUSTOMER, FABRIKAM, CustomerPortal
from tests.support.portal import FINAL, until

SCOPES = {
    "Azure Resource Manager": r"scope=https://management\.azure\.com/",
    "Microsoft Graph": r"scope=https://graph\.microsoft\.com/",
}


def refusal(status: int, code: str, **more: Any) -> dict[str, Any]:
    """A fault of the token endpoint of the customer's tenant."""
    return {"service": "login", "tenant": FABRIKAM, "kind": "status", "status": status, "code": code, **more}


async def findings(portal: CustomerPortal, *, caller: str = "requester", **changes: Any) -> dict[str, Any]:
    """The findings of a dry run by code."""
    path, body = "/api/onboardings?dryRun=true", portal.request(**changes)
    answer = await portal.call("POST", path, caller=caller, json=body)
    assert answer.status_code == 200, answer.text
    return {finding["code"]: finding for finding in answer.json()["findings"]}


async def error_while_running(portal: CustomerPortal, onboarding: str) -> dict[str, Any]:
    """The error of a step that is retried."""

    async def shown() -> Any:
        document = await portal.get(f"/api/onboardings/{onboarding}", caller="operator")
        assert document["status"] not in FINAL, document
        return next((step["error"] for step in document["steps"] if step.get("error")), None)

    found: dict[str, Any] = await until(shown, "the error of a step")
    return found


@pytest.mark.parametrize(
    ("status", "code"), [(503, "AADSTS90033"), (429, "AADSTS700016"), (400, "temporarily_unavailable")]
)
async def test_an_outage_of_login_ends_no_onboarding(customer, status, code):
    """The onboarding continues when login responds again, whatever code the outage had."""
    async with customer.fault(**refusal(status, code, times=2)):
        document = await customer.finished(await customer.accepted(**CUSTOMER))
    assert document["status"] == "Succeeded", document["error"]


@pytest.mark.parametrize(
    ("status", "code", "name"),
    [
        (401, "AADSTS7000112", "application-disabled"),
        (401, "AADSTS7000229", "tenant-not-consented"),
        (401, "AADSTS700236", "federation-not-possible"),
        (400, "AADSTS50194", "application-not-multitenant"),
        (400, "AADSTS53003", "sign-in-blocked"),
        (400, "AADSTS90002", "tenant-not-found"),
        (400, "AADSTS900382", "tenant-in-other-cloud"),
        (400, "AADSTS500011", "resource-not-in-tenant"),
    ],
)
@pytest.mark.parametrize("service", ["Microsoft Graph", "Azure Resource Manager"])
async def test_a_refusal_is_logins_whoever_asked_for_the_token(customer, status, code, name, service):
    """Each final code has a name and a remedy, the same for calls to Graph and to Resource Manager."""
    async with customer.fault(**refusal(status, code, body=SCOPES[service], times=None)):

        async def refused() -> Any:  # the first one can use an earlier token
            found = await findings(customer, **CUSTOMER)
            return found if name in found else None

        found: dict[str, Any] = await until(refused, "the refusal")
    assert set(found) == {name}
    assert code in found[name]["detail"]
    assert service in found[name]["detail"] or name == "tenant-not-consented"
    assert found[name]["remedy"]


async def test_an_identity_that_is_not_assigned_is_not_the_vaults_fault(customer):
    """The identity endpoint refuses the vault's token: the error names the identity, and the step waits."""
    await customer.restart_host()  # so that it has no token for the vault
    message = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId."
    fault = {"service": "managedIdentity", "path": "vault", "kind": "status", "status": 400, "times": None}
    async with customer.fault(**fault, message=message):
        onboarding = await customer.accepted()
        error = await error_while_running(customer, onboarding)
    assert error["code"] == "identity-not-assigned"
    assert "Key Vault" in error["detail"]
    assert (await customer.finished(onboarding))["status"] == "Succeeded"


async def test_a_new_federated_credential_is_waited_for(customer):
    """Login accepts a new federated credential after minutes; until then, the error shows what to compare."""
    async with customer.fault(**refusal(401, "AADSTS70025", times=None)):
        onboarding = await customer.accepted(**CUSTOMER)
        error = await error_while_running(customer, onboarding)
    assert error["code"] == "federation-not-found"
    for value in (
        f"https://login.microsoftonline.com/{customer.info['tenant']}/v2.0",
        customer.info["identity"]["principalId"],
        "api://AzureADTokenExchange",
        customer.info["multitenantClientId"],
    ):
        assert value in error["remedy"]
    assert (await customer.finished(onboarding))["status"] == "Succeeded"


@pytest.mark.parametrize("code", [700016, 7000229])
async def test_a_consent_that_is_new_is_asked_for_again(stranger, code):
    """Both codes for a missing consent lead to the page that grants it; no restart is necessary."""
    async with stranger.settings(unconsented=code):
        onboarding = await stranger.accepted(**CUSTOMER)
        error = (await stranger.blocked(onboarding))["error"]
    assert error["code"] == "tenant-not-consented"
    assert f"AADSTS{code}" in error["detail"]
    await stranger.let_in()
    assert (await stranger.finished(onboarding))["status"] == "Succeeded"


async def test_what_was_granted_a_moment_ago_counts(stranger):
    """A token without a role does not cause a refusal after the role was granted."""
    await stranger.control("POST", "/consents", {"tenant": FABRIKAM, "roles": []})
    onboarding = await stranger.accepted(**CUSTOMER)
    error = (await stranger.blocked(onboarding))["error"]
    assert {finding["code"] for finding in error["findings"]} >= {"consent-incomplete"}
    await stranger.let_in()
    assert (await stranger.finished(onboarding))["status"] == "Succeeded"


async def test_a_role_that_was_just_assigned_is_waited_for(stranger):
    """While Resource Manager does not know a new role, the onboarding waits, and then continues by itself."""
    await stranger.control("PUT", "/lag", {"roles": 600})
    try:
        await stranger.let_in()
        onboarding = await stranger.accepted(**CUSTOMER)
        error = (await stranger.blocked(onboarding))["error"]
    finally:
        await stranger.control("PUT", "/lag", {"roles": 0})
    document = await stranger.finished(onboarding)
    (finding,) = [each for each in error["findings"] if each["severity"] == "Error"]
    assert (finding["code"], finding["actor"]) == ("subscription-not-found", "SubscriptionOwner")
    assert "ten minutes" in finding["remedy"]
    assert document["status"] == "Succeeded", document["error"]


async def at_rest(portal: CustomerPortal) -> bool:
    """Whether nothing runs that could request a token: a killed host's messages come back later."""
    runs = [
        run
        for path in ("/api/onboardings", "/api/operations")
        for run in await portal.all(path, caller="operator")
    ]
    return all(run["status"] in FINAL for run in runs)


async def asked(portal: CustomerPortal, **fault: Any) -> int:
    """How often a dry run requests a token for Graph from login."""
    await until(functools.partial(at_rest, portal), "the end of what other tests began")
    about = {"service": "login", "tenant": FABRIKAM, "body": SCOPES["Microsoft Graph"], "times": None}
    async with portal.fault(**{**about, **fault}) as counting:
        await findings(portal, **CUSTOMER)
        return int((await portal.control("GET", f"/faults/{counting}")).json()["hits"])


async def test_one_token_serves_every_call(customer):
    """The service reads its permissions from the token that its calls carry: there is no second cache."""
    assert await asked(customer, kind="latency") == 1


async def test_an_assertion_out_of_its_time_is_replaced_once(customer):
    """If login refuses an old token of the identity, the service sends a new one once."""
    graph = refusal(401, "AADSTS700024", body=SCOPES["Microsoft Graph"])
    await customer.control("DELETE", "/calls")
    async with customer.fault(**graph, times=1):
        assert "assertion-not-current" not in await findings(customer, **CUSTOMER)
    identity = (await customer.control("GET", "/calls?service=managedIdentity")).json()["value"]
    assert any("AzureADTokenExchange" in call["path"] for call in identity)
    async with customer.fault(**graph, times=None) as fault:
        found = await findings(customer, caller="operator", **CUSTOMER)
        assert (await customer.control("GET", f"/faults/{fault}")).json()["hits"] == 2
    assert set(found) == {"assertion-not-current"}
    assert "time in the function app" in found["assertion-not-current"]["remedy"]


async def test_a_token_that_cannot_be_read_is_no_refusal(customer):
    """The format of Graph's tokens is not promised; the service then does not know its permissions."""
    async with customer.settings(opaqueTokens=True):
        found = await findings(customer, **CUSTOMER)
        assert found["permissions-not-checked"]["severity"] == "Information"
        assert "graph-permission-missing" not in found
        await customer.onboarded(**CUSTOMER)
