"""The managed identity: its tokens, and the application that trusts them, as Microsoft documents it."""

from __future__ import annotations

from typing import Any

import httpx
import jwt
import pytest

from tests.local_cloud.clouds import CloudProcess, claims_of, name, refusal


async def trust(cloud: CloudProcess, application: dict[str, Any], **different: object) -> None:
    """A federated credential for the identity, with changed values."""
    added = await cloud.graph(
        "POST",
        f"/applications/{application['id']}/federatedIdentityCredentials",
        {
            "name": name(),
            "issuer": f"https://login.microsoftonline.com/{cloud.info['tenant']}/v2.0",
            "subject": cloud.info["identity"]["principalId"],
            "audiences": ["api://AzureADTokenExchange"],
        }
        | different,
    )
    assert added.status_code == 201


async def federated(cloud: CloudProcess, application: dict[str, Any], resource: str) -> httpx.Response:
    """The response to an application that presents a token of the identity for a resource."""
    return await cloud.login(
        client_id=application["appId"],
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion=(await cloud.identity_token(resource)).json()["access_token"],
        scope="https://graph.microsoft.com/.default",
    )


EXCHANGE = "api://AzureADTokenExchange"


async def test_the_identity_stands_in_for_an_application_that_trusts_it(cloud):
    """A managed identity's token is accepted as client assertion where a federated credential names it."""
    application = await cloud.application(signInAudience="AzureADMultipleOrgs")
    await cloud.graph("POST", "/servicePrincipals", {"appId": application["appId"]})
    assert refusal(await federated(cloud, application, EXCHANGE)) == (401, "invalid_client", 70025)
    for different, code in (
        ({"issuer": "https://login.microsoftonline.us/x/v2.0"}, 700211),
        ({"subject": cloud.info["identity"]["principalId"].upper()}, 700213),
        ({"audiences": ["api://Other"]}, 700212),
    ):
        other = await cloud.application(signInAudience="AzureADMultipleOrgs")
        await trust(cloud, other, **different)
        assert refusal(await federated(cloud, other, EXCHANGE)) == (401, "invalid_client", code)
    for different in ({"subject": "other"}, {"issuer": "https://other"}):
        await trust(cloud, other, **different)
    assert refusal(await federated(cloud, other, EXCHANGE)) == (401, "invalid_client", 70021)
    await trust(cloud, application)
    assert claims_of(await federated(cloud, application, EXCHANGE))["appid"] == application["appId"]
    assert refusal(await federated(cloud, application, "https://graph.microsoft.com"))[2] == 700211


async def test_only_a_managed_identitys_current_token_is_an_assertion(cloud):
    """A token that is forged, expired, of another tenant or of an ordinary application is refused."""
    application = await cloud.application(signInAudience="AzureADMultipleOrgs")
    await trust(cloud, application)
    form = {
        "client_id": application["appId"],
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "scope": "https://graph.microsoft.com/.default",
    }
    assert refusal(await cloud.login(**form, client_assertion="x.y.z"))[2] == 700027
    genuine = (await cloud.identity_token(EXCHANGE)).json()["access_token"]
    claims = jwt.decode(genuine, options={"verify_signature": False})
    other = "8b1f6c70-2d94-4e3a-a5c1-6f7e0d9b3a21"
    for changes, code in (
        ({"exp": claims["iat"] - 1, "nbf": claims["iat"] - 3600}, 700024),
        ({"iss": claims["iss"].replace(cloud.info["tenant"], other), "tid": other}, 700236),
        ({"xms_mirid": None}, 700226),
    ):
        changed = {key: value for key, value in (claims | changes).items() if value is not None}
        signed = (await cloud.control("POST", "/tokens", {"claims": changed})).json()["access_token"]
        assert refusal(await cloud.login(**form, client_assertion=signed)) == (401, "invalid_client", code)


async def test_a_new_federated_credential_takes_time(cloud):
    """While the federation lags, login does not know a credential that Graph already shows."""
    application = await cloud.application(signInAudience="AzureADMultipleOrgs")
    await cloud.graph("POST", "/servicePrincipals", {"appId": application["appId"]})
    await cloud.control("PUT", "/lag", {"federation": 600})
    await trust(cloud, application)
    assert refusal(await federated(cloud, application, EXCHANGE))[2] == 70025
    await cloud.control("PUT", "/lag", {"federation": 0})
    assert (await federated(cloud, application, EXCHANGE)).status_code == 200


async def test_a_consent_takes_time(cloud):
    """While the consent lags, login knows neither the new service principal nor its roles."""
    tenant = cloud.info["tenants"][0]["tenant"]

    async def token() -> httpx.Response:
        answer: httpx.Response = await cloud.http.post(
            f"{cloud.info['login']}/{tenant}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": cloud.info["multitenantClientId"],
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": (await cloud.identity_token(EXCHANGE)).json()["access_token"],
                "scope": "https://graph.microsoft.com/.default",
            },
        )
        return answer

    await cloud.control("PUT", "/lag", {"consent": 600})
    await cloud.control("POST", "/consents", {"tenant": tenant})
    assert refusal(await token()) == (400, "unauthorized_client", 700016)
    await cloud.control("PUT", "/settings", {"unconsented": 7000229})
    assert refusal(await token()) == (401, "invalid_client", 7000229)
    await cloud.control("PUT", "/lag", {"consent": 0})
    assert "Policy.Read.All" in claims_of(await token())["roles"]
    await cloud.control("DELETE", f"/consents/{tenant}")


async def test_the_identity_keeps_its_token_for_a_day(cloud):
    """The same token is returned for a resource, with the roles of its first hour."""
    first = (await cloud.identity_token("https://graph.microsoft.com")).json()
    claims = jwt.decode(first["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 24 * 3600
    await cloud.control("PUT", "/settings", {"identityRoles": ["Application.Read.All"]})
    assert (await cloud.identity_token("https://graph.microsoft.com")).json() == first
    await cloud.control("DELETE", "/identityTokens")
    renewed = claims_of(await cloud.identity_token("https://graph.microsoft.com"))
    assert renewed["roles"] == ["Application.Read.All"]


async def test_the_identity_gets_tokens_with_its_graph_roles(cloud):
    """The managed identity endpoint answers as App Service's does."""
    answer = await cloud.identity_token("https://graph.microsoft.com")
    assert set(answer.json()) == {"access_token", "expires_on", "resource", "token_type", "client_id"}
    claims = claims_of(answer)
    assert answer.json()["expires_on"] == str(claims["exp"])
    assert claims["oid"] == cloud.info["identity"]["principalId"]
    assert "Application.ReadWrite.OwnedBy" in claims["roles"]


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        ("wrong", {}, 401),
        (None, {"client_id": "5b1c5c62-0000-4000-8000-000000000000"}, 400),
        (None, {"api-version": "2017-09-01"}, 400),
        (None, {"resource": ""}, 400),
        (None, {"resource": "https://nobody.example"}, 400),
    ],
)
async def test_the_identity_endpoint_refuses_other_requests(cloud, header, query, status):
    """A wrong header, client, version or resource gets no token."""
    params = {
        "api-version": "2019-08-01",
        "resource": "https://vault.azure.net",
        "client_id": cloud.info["identity"]["clientId"],
    }
    answer = await cloud.http.get(
        cloud.info["managedIdentity"],
        params=params | query,
        headers={"X-IDENTITY-HEADER": header or cloud.info["identityHeader"]},
    )
    assert (answer.status_code, answer.json()["statusCode"]) == (status, status)
