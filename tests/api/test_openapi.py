"""The OpenAPI description of the API, compared with its answers."""

from __future__ import annotations

import base64
import ssl

import httpx
import pytest
from openapi_spec_validator import validate

from onboarding.service import ENDPOINTS
from tests.support import described
from tests.support.customers import FABRIKAM
from tests.support.portal import REFUSED, Portal, problem, unique


@pytest.fixture(scope="module")
async def addresses(portal) -> dict[str, str]:
    """The URLs of what exists, by their paths in the description."""
    connection = await portal.onboarded(userDiscovery={"enabled": True})
    apps = (
        f"serverAppId={connection['serverApp']['clientId']}&clientAppId={connection['clientApp']['clientId']}"
    )
    await portal.refused(**REFUSED)  # so that lists hold one with an error
    onboarding = f"/onboardings/{connection['onboardingId']}"
    path = f"/api/connections/{connection['id']}/renewals"
    operation = f"/operations/{(await portal.call('POST', path, caller='operator')).json()['id']}"
    key = f"whsec_{base64.b64encode(bytes(32)).decode()}"
    body = {"name": "x", "address": "https://tickets.contoso.com/", "secret": key}
    made = await portal.call("POST", "/api/subscribers", caller="operator", json=body)
    subscriber = made.json()["id"]
    return {
        "/channels/{name}": "/channels/webhook",
        "/subscribers/{id}": f"/subscribers/{subscriber}",
        "/onboardings/{id}": onboarding,
        "/operations/{id}": operation,
        "/connections/{id}": f"/connections/{connection['id']}",
        "/tenants/{id}/conformance": f"/tenants/{connection['tenantId']}/conformance?{apps}",
        "/tenants/{id}/setup": f"/tenants/{FABRIKAM}/setup",
    }


def address(path: str, addresses: dict[str, str]) -> str:
    """The URL of a path: what is below a resource has its address."""
    resource = max((prefix for prefix in addresses if path.startswith(prefix)), key=len, default="")
    return addresses.get(resource, "") + path.removeprefix(resource)


GETS = [endpoint.path for endpoint in ENDPOINTS if endpoint.method == "GET"]


@pytest.mark.parametrize("path", GETS)
async def test_each_get_answers_as_described(portal, addresses, path):
    """The description contains each field of a GET with its type: the tests' portal checks every answer."""
    answer = await portal.call("GET", f"/api{address(path, addresses)}", caller="operator")
    # A script comes with the new secret, a page with a link, and there is no unreadable row.
    assert answer.status_code in ({404} if path == "/unreadable/{id}" else {200, 409, 410})


async def test_onboardings_are_answered_as_described(portal):
    """The description also covers the answer to a request, to a dry run, and a refusal with its faults."""
    accepted = await portal.post()
    responses = described.DOCUMENT["paths"]["/onboardings"]["post"]["responses"]
    expected = set(map(str.lower, responses["202"]["headers"])) - {"idempotent-replayed"}
    assert expected <= set(accepted.headers)
    request = portal.request(serverApp={"appIdUri": f"https://fabrikam.com/{unique()}"})
    checked = await portal.call("POST", "/api/onboardings", params={"dryRun": "true"}, json=request)
    assert checked.status_code == 200
    problem(await portal.post(colour="red"), 422, "invalid-request")
    error = await portal.refused(serverApp={"appIdUri": f"https://fabrikam.com/{unique()}"})
    described.check({"$ref": "#/components/schemas/StepError"}, error)


async def test_an_answer_beyond_the_description_is_noticed(portal):
    """A field or a status that is not in the description fails the test that receives it."""
    answer = await portal.call("GET", "/api/health", caller=None)
    described.check_answer(answer)
    schema = {"$ref": "#/components/schemas/Health"}
    with pytest.raises(AssertionError, match="colour"):
        described.check(schema, {**answer.json(), "colour": "red"})
    teapot = httpx.Response(418, json={}, headers={"x-ms-request-id": "x"}, request=answer.request)
    with pytest.raises(AssertionError, match="418"):
        described.check_answer(teapot)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.route)
async def test_roles_are_as_described(portal, endpoint):
    """Without a token only public endpoints answer; a role that an endpoint does not name is not enough."""
    path = f"/api{endpoint.path.replace('{id}', 'none')}"
    without = await portal.call(endpoint.method, path, caller=None)
    assert (without.status_code == 401) is bool(endpoint.roles)
    if endpoint.roles == ("Onboarding.Operate",):
        problem(await portal.call(endpoint.method, path), 403, "role-missing")


async def test_the_description_is_answered(portal: Portal):
    """A tool that reads the description, in either form, knows where to sign in and to send its calls."""
    document = await portal.get("/api/openapi.json", caller=None)
    older = await portal.get("/api/openapi-3.0.json", caller=None)
    assert (document["openapi"], older["openapi"]) == ("3.1.1", "3.0.3")
    for served in (document, older):
        assert served["servers"] == [{"url": f"{portal.stack.api}/api"}]
        validate(served)
    assert document["paths"].keys() == older["paths"].keys() == described.DOCUMENT["paths"].keys()
    flow = document["components"]["securitySchemes"]["entra"]["flows"]["clientCredentials"]
    cloud = portal.stack.endpoints
    async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=cloud["certificate"])) as http:
        grant = {"grant_type": "client_credentials", "scope": next(iter(flow["scopes"]))}
        credentials = cloud["clients"]["requester"]
        sent = {
            **grant,
            "client_id": credentials["clientId"],
            "client_secret": credentials["clientSecret"],
        }
        token = (await http.post(flow["tokenUrl"], data=sent)).json()["access_token"]
        answer = await http.get(
            f"{document['servers'][0]['url']}/onboardings", headers={"Authorization": f"Bearer {token}"}
        )
    assert answer.status_code == 200
