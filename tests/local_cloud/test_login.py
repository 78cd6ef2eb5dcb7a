from __future__ import annotations

import uuid
from typing import Any

import jwt
import pytest

from tests.local_cloud.clouds import CloudProcess, claims_of, name, refusal


async def secret_of(cloud: CloudProcess, application: dict[str, Any], **credential: str) -> dict[str, Any]:
    answer = await cloud.graph(
        "POST", f"/applications/{application['id']}/addPassword", {"passwordCredential": credential}
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_client_gets_a_v1_token_with_its_app_roles(cloud):
    """The API registers no token version, so its callers get v1 tokens for its App ID URI."""
    requester = cloud.info["clients"]["requester"]
    answer = await cloud.login(
        client_id=requester["clientId"],
        client_secret=requester["clientSecret"],
        scope=f"{cloud.info['audience']}/.default",
    )
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 3599
    claims = claims_of(answer)
    tenant = cloud.info["tenant"]
    assert claims["aud"] == cloud.info["audience"]
    assert claims["iss"] == f"https://sts.windows.net/{tenant}/"
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["tid"] == tenant
    assert claims["appid"] == requester["clientId"]
    assert claims["oid"] == claims["sub"]
    assert claims["roles"] == ["Onboarding.Request"]
    assert (claims["ver"], claims["idtyp"]) == ("1.0", "app")


async def test_tokens_verify_with_the_published_keys(cloud):
    """A token's signature verifies with the key that its header names in the tenant's key set."""
    token = await cloud.token(cloud.info["clients"]["operator"], cloud.info["audience"])
    discovery = f"{cloud.info['login']}/{cloud.info['tenant']}/v2.0/.well-known/openid-configuration"
    configuration = (await cloud.http.get(discovery)).json()
    assert configuration["issuer"] == f"https://login.microsoftonline.com/{cloud.info['tenant']}/v2.0"
    keys = jwt.PyJWKSet.from_dict((await cloud.http.get(configuration["jwks_uri"])).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=cloud.info["audience"])
    assert claims["roles"] == ["Onboarding.Operate", "Onboarding.Request"]


async def test_an_application_that_asks_for_v2_tokens_gets_them(cloud):
    """A resource with requestedAccessTokenVersion 2 is named by its app ID in a v2 token."""
    resource = await cloud.application(api={"requestedAccessTokenVersion": 2})
    uri = f"api://{resource['appId']}"
    await cloud.graph("PATCH", f"/applications/{resource['id']}", {"identifierUris": [uri]})
    await cloud.graph("POST", "/servicePrincipals", {"appId": resource["appId"]})
    claims = jwt.decode(
        await cloud.token(cloud.info["clients"]["operator"], uri), options={"verify_signature": False}
    )
    assert claims["aud"] == resource["appId"]
    assert claims["iss"] == f"https://login.microsoftonline.com/{cloud.info['tenant']}/v2.0"
    assert (claims["ver"], claims["azp"]) == ("2.0", cloud.info["clients"]["operator"]["clientId"])


async def test_roles_are_those_of_the_resource_asked_for(cloud):
    """A role of one API is not in a token for another, even if both use the same ID."""
    role = {"id": str(uuid.uuid4()), "value": "Read", "displayName": "Read", "description": "Read"}
    resources = [
        await cloud.principal(appRoles=[role], identifierUris=[f"api://{cloud.info['tenant']}/{name()}"])
        for _ in range(2)
    ]
    client = await cloud.client()
    assignment = {
        "principalId": client["principalId"],
        "resourceId": resources[0]["id"],
        "appRoleId": role["id"],
    }
    await cloud.graph("POST", f"/servicePrincipals/{resources[0]['id']}/appRoleAssignedTo", assignment)
    for resource, roles in zip(resources, (["Read"], None), strict=True):
        token = await cloud.token(client, resource["servicePrincipalNames"][1])
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims.get("roles") == roles


@pytest.mark.parametrize(
    "scope",
    [
        "https://graph.microsoft.com/.default",
        "https://management.azure.com/.default",
        "https://management.core.windows.net//.default",
        "https://vault.azure.net/.default",
        "00000003-0000-0000-c000-000000000000/.default",
    ],
)
async def test_tokens_for_first_party_services_carry_the_audience_asked_for(cloud, scope):
    """A v1 token names its resource exactly as the scope did."""
    client = cloud.info["clients"]["administrator"]
    answer = await cloud.login(
        client_id=client["clientId"], client_secret=client["clientSecret"], scope=scope
    )
    assert claims_of(answer)["aud"] == scope.removesuffix("/.default")


async def test_a_secret_may_come_with_http_basic(cloud):
    """The client ID and secret are also read from the Authorization header."""
    client = cloud.info["clients"]["operator"]
    answer = await cloud.http.post(
        f"{cloud.info['login']}/contoso.onmicrosoft.com/oauth2/v2.0/token",
        data={"grant_type": "client_credentials", "scope": f"{cloud.info['audience']}/.default"},
        auth=(client["clientId"], client["clientSecret"]),
    )
    assert claims_of(answer)["appid"] == client["clientId"]


async def test_a_secret_from_graph_works_until_it_is_removed(cloud):
    """The result of addPassword can sign in; after removePassword it cannot."""
    application = await cloud.application()
    await cloud.graph("POST", "/servicePrincipals", {"appId": application["appId"]})
    credential = await secret_of(cloud, application, displayName="one")
    form = {
        "client_id": application["appId"],
        "client_secret": credential["secretText"],
        "scope": "https://graph.microsoft.com/.default",
    }
    assert claims_of(await cloud.login(**form))["appid"] == application["appId"]
    await cloud.graph(
        "POST", f"/applications/{application['id']}/removePassword", {"keyId": credential["keyId"]}
    )
    assert refusal(await cloud.login(**form)) == (401, "invalid_client", 7000215)


async def test_an_expired_secret_is_refused_as_expired(cloud):
    """An expired secret and a wrong one have different errors."""
    application = await cloud.application()
    credential = await secret_of(
        cloud, application, startDateTime="2020-01-01T00:00:00Z", endDateTime="2021-01-01T00:00:00.1234567Z"
    )
    answer = await cloud.login(
        client_id=application["appId"],
        client_secret=credential["secretText"],
        scope="https://graph.microsoft.com/.default",
    )
    assert refusal(answer) == (401, "invalid_client", 7000222)


async def test_a_deleted_application_no_longer_logs_in(cloud):
    """Deleting an application stops its secret at once."""
    application = await cloud.application(passwordCredentials=[{"displayName": "with it"}])
    await cloud.graph("POST", "/servicePrincipals", {"appId": application["appId"]})
    form = {
        "client_id": application["appId"],
        "client_secret": application["passwordCredentials"][0]["secretText"],
        "scope": "https://graph.microsoft.com/.default",
    }
    assert (await cloud.login(**form)).status_code == 200
    await cloud.graph("DELETE", f"/applications/{application['id']}")
    assert refusal(await cloud.login(**form)) == (400, "unauthorized_client", 700016)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"client_secret": "wrong"}, (401, "invalid_client", 7000215)),
        ({"client_secret": ""}, (401, "invalid_client", 7000218)),
        ({"client_id": "5b1c5c62-0000-4000-8000-000000000000"}, (400, "unauthorized_client", 700016)),
        ({"client_id": ""}, (400, "invalid_request", 900144)),
        ({"scope": "https://graph.microsoft.com/User.Read"}, (400, "invalid_scope", 70011)),
        ({"scope": ""}, (400, "invalid_request", 900144)),
        ({"scope": "api://nobody/.default"}, (400, "invalid_resource", 500011)),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", 70003)),
        ({"grant_type": ""}, (400, "invalid_request", 900144)),
    ],
)
async def test_login_says_what_is_wrong(cloud, change, expected):
    """Each mistake has its own AADSTS code."""
    client = cloud.info["clients"]["operator"]
    form = {
        "grant_type": "client_credentials",
        "client_id": client["clientId"],
        "client_secret": client["clientSecret"],
        "scope": "https://graph.microsoft.com/.default",
    }
    assert refusal(await cloud.login(**(form | change))) == expected


@pytest.mark.parametrize(
    ("tenant", "code"), [("11111111-2222-4333-8444-555555555555", 90002), ("fabrikam", 900023)]
)
async def test_another_tenant_is_not_found(cloud, tenant, code):
    """A tenant that does not exist is refused before the client is checked."""
    answer = await cloud.http.post(f"{cloud.info['login']}/{tenant}/oauth2/v2.0/token", data={})
    assert refusal(answer) == (400, "invalid_request", code)


async def test_an_application_without_service_principal_gets_no_token(cloud):
    """The tenant knows the application, but nothing represents it there."""
    application = await cloud.application(passwordCredentials=[{"displayName": "with it"}])
    form = {
        "client_id": application["appId"],
        "client_secret": application["passwordCredentials"][0]["secretText"],
        "scope": "https://graph.microsoft.com/.default",
    }
    assert refusal(await cloud.login(**form)) == (401, "invalid_client", 7000229)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 503, "retryAfter": 7}, (503, "temporarily_unavailable", 90033)),
        ({"status": 429, "code": "AADSTS90055"}, (429, "temporarily_unavailable", 90055)),
        ({"status": 503, "code": "AADSTS700016"}, (503, "temporarily_unavailable", 700016)),
        ({"status": 400, "code": "AADSTS90024"}, (400, "temporarily_unavailable", 90024)),
        ({"status": 400, "code": "AADSTS50194"}, (400, "unauthorized_client", 50194)),
        ({"status": 401, "code": "AADSTS7000222"}, (401, "invalid_client", 7000222)),
        ({"status": 400, "code": "AADSTS53003"}, (400, "access_denied", 53003)),
        ({"status": 400, "code": "server_error"}, (400, "server_error", 90033)),
    ],
)
async def test_login_answers_what_a_fault_asks_for(cloud, fault, expected):
    """A fault sets status and code, and can apply only to the tokens for one resource."""
    await cloud.fault(
        service="login", kind="status", body=r"scope=https://vault\.azure\.net/", times=None, **fault
    )
    client = cloud.info["clients"]["operator"]
    form = {"client_id": client["clientId"], "client_secret": client["clientSecret"]}
    assert (await cloud.login(**form, scope="https://graph.microsoft.com/.default")).status_code == 200
    answer = await cloud.login(**form, scope="https://vault.azure.net/.default")
    assert refusal(answer) == expected
    assert answer.headers.get("Retry-After") == (str(fault["retryAfter"]) if "retryAfter" in fault else None)
