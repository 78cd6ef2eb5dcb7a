"""Both Azure environments: the tables below list the differences, from Microsoft's pages.

Sources: https://learn.microsoft.com/graph/deployments,
https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure and
https://learn.microsoft.com/powershell/module/az.accounts/connect-azaccount.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support import golden
from tests.support.administrator import Administrator, waiting
from tests.support.portal import Portal, pointers, problem
from tests.support.powershell import grammar
from tests.support.precreated import precreated
from tests.support.stacks import local_cloud

PUBLIC, US_GOVERNMENT = "AzurePublicCloud", "AzureUSGovernmentCloud"
OTHER = {PUBLIC: US_GOVERNMENT, US_GOVERNMENT: PUBLIC}
AUDIENCES = {
    PUBLIC: {
        "https://graph.microsoft.com",
        "https://management.azure.com",
        "https://vault.azure.net",
    },
    US_GOVERNMENT: {
        "https://graph.microsoft.us",
        "https://management.core.usgovcloudapi.net",
        "https://vault.usgovcloudapi.net",
    },
}
AZ_ENVIRONMENT = {PUBLIC: "AzureCloud", US_GOVERNMENT: "AzureUSGovernment"}


@pytest.fixture(scope="module", params=[PUBLIC, US_GOVERNMENT])
async def place(tmp_path_factory, request):
    """A local cloud of each environment, with a host of its own."""
    async with local_cloud(tmp_path_factory.mktemp("place"), azure_environment=request.param) as stack:
        portal = Portal(stack)
        await portal.control("PUT", "/settings", {"providerSeconds": 0})
        yield portal
        await portal.close()


def environment(place: Portal) -> str:
    return str(place.info["environment"])


async def test_an_onboarding_succeeds_with_tokens_for_its_own_cloud(place):
    """The identity gets tokens for the services of its environment, and the applications are created."""
    await place.control("DELETE", "/calls")
    await place.restart_host()  # so that no token is cached
    connection = await place.onboarded(azureEnvironment=environment(place))
    assert connection["azureEnvironment"] == environment(place)
    calls = (await place.control("GET", "/calls?service=managedIdentity")).json()["value"]
    asked = {parse_qs(urlsplit(call["path"]).query)["resource"][0] for call in calls}
    assert asked == AUDIENCES[environment(place)]
    found = await place.graph(f"/applications(appId='{connection['serverApp']['clientId']}')")
    assert found["displayName"] == connection["serverApp"]["name"]


async def test_the_apps_match_the_article_in_each_profile(place):
    """For each revision, with and without discovery, the directory has what the article describes.

    The article does not distinguish the clouds, so one case in the other cloud is enough.
    """
    cases = [(revision, discovery) for revision in golden.REVISIONS for discovery in (False, True)]
    if environment(place) == US_GOVERNMENT:
        cases = cases[-1:]
    made = await asyncio.gather(*(_made(place, *case) for case in cases))
    for (revision, discovery), (connection, server, client) in zip(cases, made, strict=True):
        profile: Any = {"revision": revision, "user_discovery": discovery}
        (scope,) = server["api"]["oauth2PermissionScopes"]
        expected = golden.server(f"{revision}-server", scope["id"], **profile)
        assert golden.seen(server, expected) == expected
        native = expected.get("publicClient", {"redirectUris": []})
        assert server["publicClient"]["redirectUris"] == native["redirectUris"]
        expected = golden.client(f"{revision}-client", server["appId"], scope["id"], **profile)
        assert golden.seen(client, expected) == expected
        assert client["publicClient"]["redirectUris"] == golden.client_redirects(client["appId"])
        assert (connection["profile"], connection["request"]["profile"]) == (revision, revision)


async def _made(place: Portal, revision: str, discovery: bool) -> tuple[Any, Any, Any]:
    """A connection with this profile, and both applications as the directory has them."""
    connection = await place.onboarded(
        azureEnvironment=environment(place),
        configMgrVersion="2303" if revision == "2021" else "2409",
        profile=revision,
        serverApp={"name": f"{revision}-server"},
        clientApp={"name": f"{revision}-client"},
        userDiscovery={"enabled": discovery},
    )
    server = await place.graph(f"/applications/{connection['serverApp']['objectId']}")
    client = await place.graph(f"/applications/{connection['clientApp']['objectId']}")
    return connection, server, client


@pytest.mark.parametrize("place", [US_GOVERNMENT], indirect=True)
async def test_imports_and_the_consent_of_an_administrator_work(place):
    """Apps can be imported and shared, and an administrator can consent, as in the public cloud."""
    apps = await precreated(place)
    where = {"azureEnvironment": environment(place)}
    asked = await place.accepted(**where, adminConsent="ByAdministrator")
    imported = await place.onboarded(**where, **apps.request())
    share = {"serverApp": {"existing": {"connectionId": imported["id"]}}}  # the service has not created it
    shared = await place.onboarded(**where, **share, caller="operator", adminConsent="ByService")
    assert shared["serverApp"] == imported["serverApp"]
    step = await waiting(place, asked)
    person = Administrator(place, asked)
    assert step["actionUrls"] == [await person.link("client")]
    await person.consents_for_client()
    assert (await place.finished(asked))["status"] == "Succeeded"


async def test_the_other_cloud_is_refused(place):
    """A request for the other environment is refused, with the field and the right deployment."""
    answer = await place.post(azureEnvironment=OTHER[environment(place)])
    document = problem(answer, 422, "invalid-request")
    assert pointers(document) == {"/azureEnvironment"}
    assert document["errors"][0]["code"] == "other-environment"
    assert OTHER[environment(place)] in document["errors"][0]["remedy"]


async def test_tokens_of_the_other_cloud_are_not_available(place):
    """The simulated login of one environment does not know the audiences of the other."""
    administrator = place.info["clients"]["administrator"]
    for audience in AUDIENCES[OTHER[environment(place)]]:
        answer = await _token(place, administrator, audience)
        assert answer.json()["error_codes"] == [500011], audience


async def _token(place: Portal, client: dict[str, Any], audience: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": client["clientId"],
        "client_secret": client["clientSecret"],
        "scope": f"{audience}/.default",
    }
    return await place.http.post(f"{place.info['login']}/{place.info['tenant']}/oauth2/v2.0/token", data=form)


async def test_the_handover_names_the_environment(place):
    """The script imports the server app into its environment, and signs in there to the vault's tenant."""
    connection = await place.onboarded(azureEnvironment=environment(place))
    script = (await place.call("GET", f"/api/connections/{connection['id']}/handover")).text
    assert f"$environment = '{environment(place)}'" in script
    assert script.count("AzureEnvironmentOption = $environment") == 2  # the server app, and the service
    (sign_in,) = [each for each in grammar.read(script).commands if each.name == "Connect-AzAccount"]
    assert {name: value.text.strip("'") for name, value in sign_in.parameters.items()} == {
        "Tenant": place.info["tenant"],
        "Environment": AZ_ENVIRONMENT[environment(place)],
        "Scope": "Process",
    }
    other = OTHER[environment(place)]
    assert other not in script
    assert f"'{AZ_ENVIRONMENT[other]}'" not in script


async def test_a_scale_set_needs_a_version_that_supports_it(place):
    """US Government supports scale sets since 2111, the public cloud since 2107."""
    where = environment(place)
    if where == US_GOVERNMENT:
        refused = await place.post(azureEnvironment=where, configMgrVersion="2107")
        document = problem(refused, 422, "invalid-request")
        assert pointers(document) == {"/deploymentModel"}
        assert "2111" in document["errors"][0]["detail"]
    first = {PUBLIC: "2107", US_GOVERNMENT: "2111"}[where]
    connection = await place.onboarded(azureEnvironment=where, configMgrVersion=first)
    assert connection["azureEnvironment"] == where
