"""Two tenants of one cloud: they share nothing, except an application that is used in both."""

from __future__ import annotations

from typing import Any

import httpx
import jwt
import pytest

from tests.local_cloud.clouds import AUDIENCES, CloudProcess, error

FABRIKAM = "8b1f6c70-2d94-4e3a-a5c1-6f7e0d9b3a21"
SUBSCRIPTION = "c4e2d810-7f36-49ab-b0d5-1a8e6c5f2b93"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
async def consented(cloud):
    """The administrator of the other tenant has consented to the service."""
    answer = await cloud.control("POST", "/consents", {"tenant": FABRIKAM})
    yield answer.json()
    await cloud.control("DELETE", f"/consents/{FABRIKAM}")


async def service_token(cloud: CloudProcess, service: str, tenant: str = FABRIKAM) -> httpx.Response:
    """A sign-in of the service: the token of its identity is the assertion of its application."""
    assertion = (await cloud.identity_token("api://AzureADTokenExchange")).json()["access_token"]
    form = {
        "grant_type": "client_credentials",
        "client_id": cloud.info["multitenantClientId"],
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
        "scope": f"{AUDIENCES[service]}/.default",
    }
    return await cloud.http.post(f"{cloud.info['login']}/{tenant}/oauth2/v2.0/token", data=form)


async def ask(cloud: CloudProcess, service: str, path: str, method: str = "GET") -> httpx.Response:
    answer = await service_token(cloud, service)
    assert answer.status_code == 200, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return await cloud.http.request(method, f"{cloud.info[service]}{path}", headers=headers)


def claims_of(answer: httpx.Response) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    return claims


async def test_cloud_json_names_the_other_tenant(cloud):
    """Tools find the other tenant, and the application that serves it."""
    assert cloud.info["tenants"] == [
        {"tenant": FABRIKAM, "subscription": SUBSCRIPTION, "domain": "fabrikam.onmicrosoft.com"}
    ]
    found = await cloud.graph("GET", f"/applications(appId='{cloud.info['multitenantClientId']}')")
    assert found.json()["signInAudience"] == "AzureADMultipleOrgs"


@pytest.mark.parametrize("name", [FABRIKAM, FABRIKAM.upper(), "fabrikam.onmicrosoft.com", "fabrikam.com"])
async def test_the_other_tenant_is_a_separate_issuer(cloud, name):
    """The other tenant has its own issuer, by its ID and by its domains."""
    address = f"{cloud.info['login']}/{name}/v2.0/.well-known/openid-configuration"
    configuration = (await cloud.http.get(address)).json()
    assert configuration["issuer"] == f"https://login.microsoftonline.com/{FABRIKAM}/v2.0"
    keys = (await cloud.http.get(configuration["jwks_uri"])).json()["keys"]
    assert keys[0]["issuer"] == configuration["issuer"]


async def test_without_consent_the_application_is_unknown(cloud):
    """Before an administrator consents, login reports that the tenant does not have the application."""
    answer = await service_token(cloud, "graph")
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    assert answer.json()["error_codes"] == [700016]
    assert "not found in the directory 'Fabrikam'" in answer.json()["error_description"]


async def test_consent_creates_a_service_principal_with_the_requested_permissions(cloud, consented):
    """The token of the other tenant is for the principal there, with the permissions granted there."""
    claims = claims_of(await service_token(cloud, "graph"))
    assert (claims["tid"], claims["oid"]) == (FABRIKAM, consented["principalId"])
    assert claims["iss"] == f"https://sts.windows.net/{FABRIKAM}/"
    asked = (await cloud.graph("GET", f"/applications(appId='{cloud.info['multitenantClientId']}')")).json()
    assert len(claims["roles"]) == len(asked["requiredResourceAccess"][0]["resourceAccess"])
    assert claims["roles"] == sorted(consented["roles"])


@pytest.mark.usefixtures("consented")
async def test_a_principal_without_permissions_can_sign_in_but_do_nothing(cloud):
    """An application that was added, but granted nothing, gets a token without roles; Graph refuses it."""
    await cloud.control("POST", "/consents", {"tenant": FABRIKAM, "roles": []})
    assert "roles" not in claims_of(await service_token(cloud, "graph"))
    answer = await ask(cloud, "graph", "/v1.0/applications")
    assert error(answer)[:2] == (403, "Authorization_RequestDenied")


async def test_consent_can_be_withdrawn(cloud, consented):
    """Without its service principal the application is unknown again; a second consent creates a new one."""
    await cloud.control("DELETE", f"/consents/{FABRIKAM}")
    assert (await service_token(cloud, "graph")).json()["error_codes"] == [700016]
    again = (await cloud.control("POST", "/consents", {"tenant": FABRIKAM})).json()
    assert again["principalId"] != consented["principalId"]


async def test_a_single_tenant_application_stays_at_home(cloud):
    """A single-tenant application cannot sign in to another tenant."""
    requester = cloud.info["clients"]["requester"]
    form = {
        "grant_type": "client_credentials",
        "client_id": requester["clientId"],
        "client_secret": requester["clientSecret"],
        "scope": "https://graph.microsoft.com/.default",
    }
    answer = await cloud.http.post(f"{cloud.info['login']}/{FABRIKAM}/oauth2/v2.0/token", data=form)
    assert answer.json()["error_codes"] == [700016]


@pytest.mark.usefixtures("consented")
async def test_directories_are_separate(cloud):
    """The directories share no objects; each has its own organization and domains."""
    organization = (await ask(cloud, "graph", "/v1.0/organization")).json()["value"][0]
    assert (organization["id"], organization["displayName"]) == (FABRIKAM, "Fabrikam")
    domains = [each["name"] for each in organization["verifiedDomains"] if each["isInitial"]]
    assert domains == ["fabrikam.onmicrosoft.com"]
    application = await cloud.application()
    there = await ask(cloud, "graph", f"/v1.0/applications/{application['id']}")
    assert there.status_code == 404
    everything = await ask(cloud, "graph", "/v1.0/applications")
    assert everything.json()["value"] == []


async def test_a_tenant_has_its_subscription(cloud, consented):
    """A role applies to the tenant's own subscription; a token of another tenant is refused."""
    path = f"/subscriptions/{SUBSCRIPTION}?api-version=2022-12-01"
    assert error(await ask(cloud, "resourceManager", path))[:2] == (403, "AuthorizationFailed")
    await cloud.control("POST", "/roleAssignments", {"principalId": consented["principalId"]})
    assert (await ask(cloud, "resourceManager", path)).json()["tenantId"] == FABRIKAM
    status, code, message = error(await cloud.service("resourceManager", "GET", path))
    assert (status, code) == (401, "InvalidAuthenticationTokenTenant")
    assert FABRIKAM in message


async def test_providers_are_registered_in_one_subscription(cloud, consented):
    """A registration in one subscription does not affect the other."""
    await cloud.control("POST", "/roleAssignments", {"principalId": consented["principalId"]})
    provider = "providers/Microsoft.BotService"
    await ask(
        cloud,
        "resourceManager",
        f"/subscriptions/{SUBSCRIPTION}/{provider}/register?api-version=2025-04-01",
        "POST",
    )
    home = await cloud.service(
        "resourceManager",
        "GET",
        f"/subscriptions/{cloud.info['subscription']}/{provider}?api-version=2025-04-01",
    )
    assert home.json()["registrationState"] == "NotRegistered"


@pytest.mark.usefixtures("consented")
async def test_the_vault_belongs_to_the_home_tenant(cloud):
    """The vault accepts no token of another tenant."""
    status, _, message = error(await ask(cloud, "keyVault", "/secrets?api-version=7.4"))
    assert status == 401
    assert "AKV10032" in message


@pytest.mark.usefixtures("consented")
async def test_a_fault_can_affect_one_tenant(cloud):
    """A fault for a tenant affects only that tenant's calls, and the error names that tenant as throttled."""
    await cloud.fault(service="graph", tenant=FABRIKAM, kind="throttle", retryAfter=3, times=None)
    throttled = await ask(cloud, "graph", "/v1.0/organization")
    assert throttled.status_code == 429
    assert throttled.headers["x-ms-throttle-scope"].endswith(FABRIKAM)
    assert (await cloud.graph("GET", "/organization")).status_code == 200


async def test_a_client_can_belong_to_the_other_tenant(cloud):
    """A test can read the other tenant with a client that was created there."""
    body = {"tenant": FABRIKAM, "graphRoles": ["Organization.Read.All"]}
    client = (await cloud.control("POST", "/clients", body)).json()
    form = {
        "grant_type": "client_credentials",
        "client_id": client["clientId"],
        "client_secret": client["clientSecret"],
        "scope": "https://graph.microsoft.com/.default",
    }
    answer = await cloud.http.post(f"{cloud.info['login']}/{FABRIKAM}/oauth2/v2.0/token", data=form)
    assert claims_of(answer)["roles"] == ["Organization.Read.All"]


async def test_consents_survive_a_restart(own_cloud):
    """The other tenant is unchanged after the cloud is killed and restarted."""
    consent = (await own_cloud.control("POST", "/consents", {"tenant": FABRIKAM})).json()
    await own_cloud.control("POST", "/roleAssignments", {"principalId": consent["principalId"]})
    before = own_cloud.info["multitenantClientId"]
    await own_cloud.kill()
    await own_cloud.start()
    assert own_cloud.info["multitenantClientId"] == before
    path = f"/subscriptions/{SUBSCRIPTION}?api-version=2022-12-01"
    assert (await ask(own_cloud, "resourceManager", path)).status_code == 200
