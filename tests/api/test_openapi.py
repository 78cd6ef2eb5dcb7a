"""What the API's description tells, held against what is answered."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from onboarding.service import ENDPOINTS
from tests.support.customers import FABRIKAM
from tests.support.portal import Portal, problem, unique


@pytest.fixture(scope="module")
async def described(portal) -> dict[str, Any]:
    """The description, as a tool fetches it."""
    document: dict[str, Any] = await portal.get("/api/openapi.json", caller=None)
    return document


@pytest.fixture(scope="module")
async def strict(described) -> dict[str, Any]:
    """The same models, but with no other fields than those they name."""
    components = copy.deepcopy(described["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return dict(components)


@pytest.fixture(scope="module")
async def addresses(portal) -> dict[str, str]:
    """An address for each GET, by its path in the description."""
    connection = await portal.onboarded(userDiscovery={"enabled": True})
    apps = (
        f"serverAppId={connection['serverApp']['clientId']}&clientAppId={connection['clientApp']['clientId']}"
    )
    await portal.refused(subscriptionId=FABRIKAM)  # so that lists hold one with an error
    onboarding = f"/onboardings/{connection['onboardingId']}"
    return {
        "/onboardings/{id}": onboarding,
        "/onboardings/{id}/events": f"{onboarding}/events",
        "/connections/{id}": f"/connections/{connection['id']}",
        "/connections/{id}/handover": f"/connections/{connection['id']}/handover",
        "/connections/{id}/conformance": f"/connections/{connection['id']}/conformance",
        "/tenants/{id}/conformance": f"/tenants/{connection['tenantId']}/conformance?{apps}",
        "/tenants/{id}/setup": f"/tenants/{FABRIKAM}/setup",
    }


def check(strict: dict[str, Any], schema: dict[str, Any], document: Any) -> None:
    """Fail unless a document is what the description says, and nothing beyond."""
    faults = [
        f"{'/'.join(map(str, each.path))}: {each.message}"
        for each in OAS31Validator({**schema, "components": strict}).iter_errors(document)
    ]
    assert not faults, ("a field's place in the description is its model in onboarding/api", faults)


GETS = [endpoint.path for endpoint in ENDPOINTS if endpoint.method == "GET"]


@pytest.mark.parametrize("path", GETS)
async def test_answers_are_as_described(portal, described, strict, addresses, path):
    """Each field that a GET answers is described, with its type; so is the form of what is no JSON."""
    answer = await portal.call("GET", f"/api{addresses.get(path, path)}", caller="operator")
    content = described["paths"][path]["get"]["responses"][str(answer.status_code)]["content"]
    media = answer.headers["Content-Type"].partition(";")[0]
    if media == "application/json":
        check(strict, content[media]["schema"], answer.json())
    else:
        assert media in content


async def test_onboardings_are_answered_as_described(portal, described, strict):
    """So are the answer to a request, that of a dry run, and a refusal with all its faults."""
    responses = described["paths"]["/onboardings"]["post"]["responses"]
    accepted = await portal.post()
    check(strict, responses["202"]["content"]["application/json"]["schema"], accepted.json())
    assert set(responses["202"]["headers"]) <= {name.title() for name in accepted.headers}
    request = portal.request(serverApp={"appIdUri": f"https://fabrikam.com/{unique()}"})
    rehearsal = await portal.call("POST", "/api/onboardings", params={"dryRun": "true"}, json=request)
    check(strict, responses["200"]["content"]["application/json"]["schema"], rehearsal.json())
    refused = problem(await portal.post(colour="red"), 422, "invalid-request")
    check(strict, responses["422"]["content"]["application/problem+json"]["schema"], refused)
    error = await portal.refused(serverApp={"appIdUri": f"https://fabrikam.com/{unique()}"})
    check(strict, {"$ref": "#/components/schemas/StepError"}, error)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.route)
async def test_roles_are_as_described(portal, endpoint):
    """Without a token only what is open to all answers; a role that is not named is not enough."""
    path = f"/api{endpoint.path.replace('{id}', 'none')}"
    without = await portal.call(endpoint.method, path, caller=None)
    assert (without.status_code == 401) is bool(endpoint.roles)
    if endpoint.roles == ("Onboarding.Operate",):
        problem(await portal.call(endpoint.method, path), 403, "role-missing")


async def test_the_address_is_the_callers(portal: Portal, described):
    """A tool that reads the description knows where to send its calls."""
    assert described["servers"] == [{"url": f"{portal.stack.api}/api"}]
