"""Other tenants than the service's own: admitted by their administrators, and kept separate."""

from __future__ import annotations

import asyncio
import time

import pytest

from infra.azure.permissions import GRAPH_BASE
from tests.support.administrator import waiting
from tests.support.customers import CUSTOMER, FABRIKAM, SUBSCRIPTION, CustomerPortal
from tests.support.portal import pointers, problem, until

UNKNOWN = "99999999-2222-4333-8444-555555555555"


async def test_an_administrator_admits_a_tenant_by_consent(stranger):
    """The step shows the URL that an administrator must open; then the onboarding continues automatically."""
    onboarding = await stranger.accepted(**CUSTOMER)
    document = await stranger.blocked(onboarding)
    error = document["error"]
    assert error["code"] == "tenant-not-consented"
    assert "AADSTS700016" in error["detail"]
    url = f"{stranger.info['login']}/{FABRIKAM}/adminconsent?client_id={stranger.info['multitenantClientId']}"
    assert url in error["remedy"]
    assert [action["kind"] for action in error["actions"]][:2] == ["GrantConsent", "Read"]
    assert error["actions"][1]["url"].endswith(f"/api/tenants/{FABRIKAM}/setup")
    assert error["actor"] == "TenantAdministrator"
    (step,) = [each for each in document["steps"] if each.get("error")]
    assert [address.partition("&")[0] for address in step["actionUrls"]] == [url]
    await stranger.let_in()
    document = await stranger.finished(onboarding)
    assert document["status"] == "Succeeded", document["error"]
    connection = await stranger.get(f"/api/connections/{document['connectionId']}", caller="operator")
    assert (connection["tenantId"], connection["tenantName"]) == (FABRIKAM, "Fabrikam")
    assert connection["appIdUri"].startswith(f"api://{FABRIKAM}/")


async def test_objects_are_created_in_the_customers_tenant(customer):
    """Only the secret is in the home tenant; all other objects are in the customer's directory."""
    home = {each["id"] for each in (await customer.graph("/applications?$top=999"))["value"]}
    connection = await customer.onboarded(**CUSTOMER)
    for app in (connection["serverApp"], connection["clientApp"]):
        found = await customer.customer_graph(f"/applications(appId='{app['clientId']}')")
        assert found["id"] == app["objectId"]
        principal = await customer.customer_graph(f"/servicePrincipals(appId='{app['clientId']}')")
        assert principal["id"] == app["servicePrincipalId"]
        assert principal["appOwnerOrganizationId"] == FABRIKAM
    grants = (await customer.customer_graph("/oauth2PermissionGrants"))["value"]
    assert connection["clientApp"]["servicePrincipalId"] in {each["clientId"] for each in grants}
    assert {each["id"] for each in (await customer.graph("/applications?$top=999"))["value"]} == home
    secret = connection["secret"]["vaultSecretId"]
    assert secret.startswith(f"{customer.info['keyVault']}/secrets/")
    stored = (await customer.look("keyVault", "GET", f"{secret}?api-version=7.4")).json()
    (credential,) = (await customer.customer_graph(f"/applications/{connection['serverApp']['objectId']}"))[
        "passwordCredentials"
    ]
    assert credential["keyId"] == connection["secret"]["keyId"]
    assert stored["value"].startswith(credential["hint"])


async def test_a_customer_who_grants_what_the_page_requires_can_be_onboarded(stranger):
    """With only the required permissions and the custom role, people have to confirm only once."""
    required = [role.value for role in GRAPH_BASE]
    consent = await stranger.control("POST", "/consents", {"tenant": FABRIKAM, "roles": required})
    await stranger.control("POST", "/roleAssignments", {"principalId": consent.json()["principalId"]})
    onboarding = await stranger.accepted(**CUSTOMER)
    await waiting(stranger, onboarding)
    await stranger.call("POST", f"/api/onboardings/{onboarding}/confirm")
    document = await stranger.finished(onboarding)
    assert document["status"] == "Succeeded", document["error"]


async def test_missing_permissions_are_found_before_anything_is_created(stranger):
    """The preflight reports an application that has no permissions and no role.

    Which domains the customer has is also unknown until then, so its own people can be owners.
    """
    await stranger.control("POST", "/consents", {"tenant": FABRIKAM, "roles": []})
    error = await stranger.withheld(**CUSTOMER, owners=[{"email": "eva@fabrikam.onmicrosoft.com"}])
    codes = {finding["code"] for finding in error["findings"]}
    assert {"consent-incomplete", "subscription-not-found"} <= codes
    assert error["actor"] == "TenantAdministrator"
    assert "adminconsent" in error["actions"][0]["url"]


async def test_a_permission_that_is_taken_back_meanwhile_waits_for_its_administrator(customer):
    """The customer's administrator, not the operator, sees the page that restores the permission."""
    refused = {"service": "graph", "tenant": FABRIKAM, "method": "POST", "path": "/applications$"}
    denied = {"kind": "status", "status": 403, "code": "Authorization_RequestDenied", "times": None}
    async with customer.fault(**refused, **denied):
        onboarding = await customer.accepted(**CUSTOMER)
        document = await customer.blocked(onboarding)
    error = document["error"]
    assert (error["code"], error["actor"]) == ("consent-incomplete", "TenantAdministrator")
    assert "Application.ReadWrite.OwnedBy" in error["detail"]
    urls = [url for step in document["steps"] for url in step.get("actionUrls", ())]
    assert any(f"/{FABRIKAM}/adminconsent?client_id=" in url for url in urls)
    assert (await customer.finished(onboarding))["status"] == "Succeeded"


async def test_a_role_that_is_taken_back_meanwhile_waits_for_the_owner(customer):
    """The owner of the subscription sees where to assign a role, whatever Resource Manager calls it."""
    manager = {"service": "resourceManager", "times": None}
    unknown = {"kind": "rewrite", "find": '"Registered"', "put": '"NotRegistered"'}
    denied = {"kind": "status", "status": 403, "code": "LinkedAuthorizationFailed", "path": "/register"}
    async with customer.fault(**manager, **unknown), customer.fault(**manager, **denied):
        onboarding = await customer.accepted(**CUSTOMER)
        document = await customer.blocked(onboarding)
    error = document["error"]
    assert (error["code"], error["actor"]) == ("linked-authorization-failed", "SubscriptionOwner")
    assign, setup = error["actions"][:2]
    assert assign["kind"] == "AssignRole"
    assert assign["url"].endswith(f"#@{FABRIKAM}/resource/subscriptions/{SUBSCRIPTION}/users")
    assert setup["url"].endswith(f"/api/tenants/{FABRIKAM}/setup?subscriptionId={SUBSCRIPTION}")
    assert (await customer.finished(onboarding))["status"] == "Succeeded"


async def test_a_subscription_of_another_tenant_is_refused(customer):
    """A customer's request cannot use the subscription of the service's own tenant."""
    error = await customer.withheld(tenantId=FABRIKAM, subscriptionId=customer.info["subscription"])
    assert {finding["code"] for finding in error["findings"]} >= {"subscription-not-found"}


@pytest.mark.parametrize("query", ["", "?dryRun=true"])
async def test_a_tenant_that_is_not_on_the_list_is_refused(portal, query):
    """A tenant that is not on the list is refused before any call to it, also in a dry run."""
    await portal.control("DELETE", "/calls")
    answer = await portal.call("POST", f"/api/onboardings{query}", json=portal.request(tenantId=UNKNOWN))
    document = problem(answer, 422, "invalid-request")
    assert pointers(document) == {"/tenantId"}
    (error,) = document["errors"]
    assert error["code"] == "tenant-not-served"
    assert UNKNOWN in error["detail"]
    assert "ask the operator to serve the tenant" in error["remedy"]
    calls = (await portal.control("GET", "/calls")).json()["value"]
    assert not [call for call in calls if UNKNOWN in call["path"]]


async def test_a_tenants_id_is_known_in_any_case(customer):
    """Tenant IDs are not case-sensitive."""
    connection = await customer.onboarded(tenantId=FABRIKAM.upper(), subscriptionId=SUBSCRIPTION)
    assert connection["tenantId"] == FABRIKAM


async def test_a_sign_in_to_one_tenant_does_not_delay_another(customer):
    """While the service requests a token for another tenant, the home tenant's onboarding continues."""
    await customer.restart_host()  # so that no token is cached
    async with customer.fault(
        service="managedIdentity", path="AzureADTokenExchange", kind="hold", times=None
    ) as fault:
        waiting = await customer.accepted(**CUSTOMER)

        async def held() -> bool:
            return bool((await customer.control("GET", f"/faults/{fault}")).json()["held"])

        await until(held, "the request for a token")
        await customer.onboarded()
        assert (await customer.get(f"/api/onboardings/{waiting}"))["status"] == "Running"
    assert (await customer.finished(waiting))["status"] == "Succeeded"


@pytest.mark.soak
async def test_one_tenants_throttling_does_not_slow_another(customer):
    """While Graph throttles five of the customer's onboardings, one of the home tenant succeeds.

    Both are timed in the same run, so that a busy machine slows down both.
    """
    # Only the calls of an onboarding: in the same tenant, the cleanup of other tests may still run.
    creation = {"service": "graph", "tenant": FABRIKAM, "method": "POST", "path": "/applications$"}
    async with customer.fault(**creation, kind="throttle", retryAfter=10, times=5):
        throttled = [asyncio.create_task(_seconds(customer, **CUSTOMER)) for _ in range(5)]

        async def met() -> bool:
            return any(
                each["hits"] == 5 for each in (await customer.control("GET", "/faults")).json()["value"]
            )

        await until(met, "throttling")
        home = await _seconds(customer)
        waited = await asyncio.gather(*throttled)
    assert min(waited) >= 10
    assert home / min(waited) < 0.5, (home, waited)


async def _seconds(portal: CustomerPortal, **changes: str) -> float:
    """How long an onboarding takes until it has succeeded."""
    begun = time.monotonic()
    await portal.onboarded(**changes)
    return time.monotonic() - begun
