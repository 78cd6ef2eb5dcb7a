from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables.aio import TableServiceClient

from onboarding.storage import names
from tests.support import golden
from tests.support.portal import pointers, problem, unique, until

SCOPE_FIELDS = {
    "id",
    "value",
    "type",
    "isEnabled",
    "adminConsentDisplayName",
    "adminConsentDescription",
}
SERVER = golden.server("", "", user_discovery=False)
CLIENT = golden.client("", "", "", user_discovery=False)
CASES = [(None, False), (None, True), ("2211", False), ("2211", True)]


@pytest.fixture(scope="module", params=CASES, ids=["newest", "newest, discovery", "2211", "2211, discovery"])
async def made(portal, request):
    """A connection, and its objects in Entra ID and the vault, as an administrator reads them."""
    version, discovery = request.param
    connection = await portal.onboarded(
        name=unique("Contoso"),
        serverApp={"name": "CMG-ServerApp"},
        clientApp={"name": "CMG-ClientApp"},
        userDiscovery={"enabled": discovery},
        configMgrVersion=version,
    )
    server = await portal.graph(f"/applications/{connection['serverApp']['objectId']}")
    client = await portal.graph(f"/applications/{connection['clientApp']['objectId']}")
    profile = {"user_discovery": discovery, "revision": "2021" if version else golden.NEWEST}
    return {"profile": profile, "connection": connection, "server": server, "client": client}


async def calls(portal, service: str) -> list[str]:
    """The paths of all calls to a service of the cloud so far."""
    found = (await portal.control("GET", f"/calls?service={service}")).json()["value"]
    return [each["path"] for each in found]


async def test_a_tenant_of_users_needs_no_subscription(portal):
    """Without subscriptionId nobody asks Azure Resource Manager: no provider, no role, no call."""
    await portal.control("DELETE", "/calls")
    request = portal.request()
    del request["subscriptionId"]
    planned = await portal.call("POST", "/api/onboardings", params={"dryRun": "true"}, json=request)
    assert not [each for each in planned.json()["steps"] if each["name"].startswith("provider-")]
    assert not [each for each in planned.json()["calls"] if each["service"] == "resourceManager"]
    assert "no-subscription" in {each["code"] for each in planned.json()["findings"]}
    accepted = await portal.call("POST", "/api/onboardings", json=request)
    document = await portal.finished(accepted.json()["id"])
    assert document["status"] == "Succeeded", document["error"]
    connection = await portal.get(f"/api/connections/{document['connectionId']}")
    assert "subscriptionId" not in connection
    conformance = await portal.get(f"/api/connections/{connection['id']}/conformance", caller="operator")
    assert conformance["conformant"] is True
    script = (await portal.call("GET", f"/api/connections/{connection['id']}/handover")).text
    assert "Create the gateway in the tenant that has its subscription" in script
    assert await calls(portal, "resourceManager") == []


async def test_a_tenant_of_the_gateway_needs_no_client_app(portal):
    """The tenant that only has the gateway gets the server app alone, and nobody has to consent."""
    request = {"clientApp": None, "disableAuthentication": True, "adminConsent": "ByAdministrator"}
    onboarding = await portal.accepted(**request)
    document = await portal.finished(onboarding)
    assert document["status"] == "Succeeded", document["error"]
    steps = {each["name"] for each in document["steps"]}
    assert "provider-compute" in steps
    assert not [each for each in steps if each.startswith("client-")]
    connection = await portal.get(f"/api/connections/{document['connectionId']}")
    assert "clientApp" not in connection
    found = await portal.graph(f"/applications?$filter=startswith(uniqueName,'cmg-{onboarding}')")
    assert [each["appId"] for each in found["value"]] == [connection["serverApp"]["clientId"]]
    conformance = await portal.get(f"/api/connections/{connection['id']}/conformance", caller="operator")
    assert conformance["conformant"] is True
    assert "clientApp" not in conformance
    script = (await portal.call("GET", f"/api/connections/{connection['id']}/handover")).text
    assert "Import-CMAADServerApplication" in script
    assert "New-CMCloudManagementAzureService" not in script


@pytest.mark.parametrize("property_", SERVER)
async def test_the_server_app_is_the_articles(made, property_):
    """Each property of the server app in the directory is as the manual article requires."""
    (scope,) = made["server"]["api"]["oauth2PermissionScopes"]
    expected = golden.server("CMG-ServerApp", scope["id"], **made["profile"])[property_]
    assert golden.seen(made["server"][property_], expected) == expected


@pytest.mark.parametrize("property_", CLIENT)
async def test_the_client_app_is_the_articles(made, property_):
    """Each property of the client app in the directory is as the manual article requires."""
    (scope,) = made["server"]["api"]["oauth2PermissionScopes"]
    expected = golden.client("CMG-ClientApp", made["server"]["appId"], scope["id"], **made["profile"])[
        property_
    ]
    assert golden.seen(made["client"][property_], expected) == expected


async def test_the_client_app_redirects_to_its_own_id(made):
    """The only redirect URI of the client app is the one of Windows' token broker."""
    client = made["client"]
    assert client["publicClient"]["redirectUris"] == golden.client_redirects(client["appId"])
    assert client["web"]["redirectUris"] == []
    assert client["passwordCredentials"] == []


async def test_the_app_id_uri_is_the_one_that_every_policy_takes(made, portal):
    """By default the App ID URI contains the tenant and the application."""
    uri = f"api://{portal.info['tenant']}/{made['server']['appId']}"
    assert made["server"]["identifierUris"] == [uri]
    assert made["connection"]["appIdUri"] == uri


async def test_the_apps_say_who_made_them(made):
    """A person who finds the apps in the portal reads their purpose and what deleting them would break."""
    for app in (made["server"], made["client"]):
        assert made["connection"]["name"] in app["notes"]
        assert made["connection"]["onboardingId"] in app["notes"]


async def test_the_connection_tells_what_was_made(made, portal):
    """The record of a connection contains the same objects as the directory."""
    connection = made["connection"]
    for app in ("server", "client"):
        record = connection[f"{app}App"]
        assert (record["clientId"], record["objectId"]) == (made[app]["appId"], made[app]["id"])
        principal = await portal.graph(f"/servicePrincipals/{record['servicePrincipalId']}")
        assert principal["appId"] == record["clientId"]
        # Without it the portal's list of enterprise applications hides the service principal.
        assert principal["tags"] == ["WindowsAzureActiveDirectoryIntegratedApp"]
    assert connection["tenantId"] == portal.info["tenant"]
    assert connection["subscriptionId"] == portal.info["subscription"]
    assert connection["profile"] == made["profile"]["revision"]
    onboarding = await portal.get(f"/api/onboardings/{connection['onboardingId']}", caller="operator")
    assert connection["request"] == onboarding["request"]
    assert connection["request"]["userDiscovery"]["enabled"] == made["profile"]["user_discovery"]


async def test_consent_is_given_for_what_is_needed(made, portal):
    """All users can use the server app through the client app, which reads the directory for discovery."""
    server, client = (made["connection"][f"{app}App"]["servicePrincipalId"] for app in ("server", "client"))
    graph = (await portal.graph(f"/servicePrincipals(appId='{golden.GRAPH}')"))["id"]
    grants = (await portal.graph(f"/oauth2PermissionGrants?$filter=clientId eq '{client}'"))["value"]
    scopes = [(graph, "User.Read", "AllPrincipals")]
    if made["profile"] != {"user_discovery": False, "revision": "2021"}:
        scopes.append((server, "user_impersonation", "AllPrincipals"))
    assert sorted(
        (each["resourceId"], each["scope"].strip(), each["consentType"]) for each in grants
    ) == sorted(scopes)
    roles = (await portal.graph(f"/servicePrincipals/{server}/appRoleAssignments"))["value"]
    expected = [(graph, golden.DIRECTORY_READ_ALL)] if made["profile"]["user_discovery"] else []
    assert [(each["resourceId"], each["appRoleId"]) for each in roles] == expected


async def test_the_vault_has_the_one_secret_and_it_works(made, portal):
    """The secret in the vault is the app's only one, expires on the recorded date, and gets a token."""
    connection = made["connection"]
    secret = (await portal.look("keyVault", "GET", path_of(connection))).json()
    (credential,) = made["server"]["passwordCredentials"]
    assert secret["id"] == connection["secret"]["vaultSecretId"]
    assert credential["keyId"] == connection["secret"]["keyId"] == secret["tags"]["keyId"]
    ends_at = datetime.fromisoformat(connection["secret"]["endsAt"])
    assert datetime.fromisoformat(credential["endDateTime"]) == ends_at
    assert secret["attributes"]["exp"] == int(ends_at.timestamp())
    assert secret["contentType"]
    assert secret["tags"] | {"keyId": "", "endsAt": ""} == {
        "onboarding": connection["onboardingId"],
        "tenantId": portal.info["tenant"],
        "appId": made["server"]["appId"],
        "keyId": "",
        "endsAt": "",
        "run": "",
    }
    answer = await portal.http.post(
        f"{portal.info['login']}/{portal.info['tenant']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": made["server"]["appId"],
            "client_secret": secret["value"],
            "scope": "https://graph.microsoft.com/.default",
        },
    )
    assert answer.status_code == 200, answer.text


async def test_the_secret_is_nowhere_but_in_the_vault(made, portal):
    """No table, log line, status, trail or connection contains the value of the secret."""
    connection = made["connection"]
    value = (await portal.look("keyVault", "GET", path_of(connection))).json()["value"]
    places = [(portal.stack.folder / "host.log").read_text(encoding="utf-8"), json.dumps(connection)]
    for path in ("", "/events"):
        url = f"/api/onboardings/{connection['onboardingId']}{path}"
        places.append((await portal.call("GET", url, caller="operator")).text)
    async with TableServiceClient.from_connection_string(portal.stack.account.connection_string) as service:
        for table in names.TABLES:
            rows = service.get_table_client(table).list_entities()
            places.extend([str(dict(row)) async for row in rows])
    assert len(places) > 20
    assert not [place[:80] for place in places if value in place]


def path_of(connection) -> str:
    return f"{connection['secret']['vaultSecretId']}?api-version=7.5"


async def test_a_secret_lasts_a_year_two_or_until_its_date(portal):
    """The secret expires on the requested date in Entra ID, in the vault and in the record."""
    explicit = (datetime.now(UTC) + timedelta(days=100)).replace(microsecond=0)
    asked = [{"secretValidity": "P1Y"}, {"secretValidity": "P2Y"}, {"secretEndDate": explicit.isoformat()}]
    made = await asyncio.gather(*(portal.onboarded(serverApp=each) for each in asked))
    one, two, until_date = (datetime.fromisoformat(each["secret"]["endsAt"]) for each in made)
    accepted = [datetime.fromisoformat(each["createdAt"]) for each in made]
    assert abs(one - accepted[0].replace(year=accepted[0].year + 1)) < timedelta(days=1, minutes=1)
    assert abs(two - accepted[1].replace(year=accepted[1].year + 2)) < timedelta(days=1, minutes=1)
    assert until_date == explicit
    warning = made[0]["nextWarning"]
    assert warning["daysBeforeEnd"] == 90
    assert datetime.fromisoformat(warning["dueAt"]) == one - timedelta(days=90)


@pytest.mark.parametrize(
    "uri",
    ["api://{tenant}/ConfigMgr-{unique}", "https://contoso.com/{unique}", "https://cmg.contoso.com/{unique}"],
)
async def test_an_app_id_uri_may_be_chosen(portal, uri):
    """The service sets either form of the article as requested, if its domain is verified."""
    uri = uri.format(tenant=portal.info["tenant"], unique=unique())
    connection = await portal.onboarded(serverApp={"appIdUri": uri})
    assert connection["appIdUri"] == uri
    server = await portal.graph(f"/applications/{connection['serverApp']['objectId']}")
    assert server["identifierUris"] == [uri]


async def test_only_missing_providers_are_registered(portal):
    """A registered provider is left alone; another is registered once, and the run waits without a worker."""
    subscription = f"/subscriptions/{portal.info['subscription']}"
    await portal.onboarded()
    version = "api-version=2025-04-01"
    await portal.look(
        "resourceManager", "POST", f"{subscription}/providers/Microsoft.Network/unregister?{version}"
    )
    await portal.control("DELETE", "/calls")
    async with portal.settings(providerSeconds=1.5):
        onboarding = await portal.accepted()

        async def waits():
            document = await portal.get(f"/api/onboardings/{onboarding}")
            return document if document["status"] == "Waiting" else None

        waiting = await until(waits, "the wait for a provider")
        (step,) = [each for each in waiting["steps"] if each["status"] == "Waiting"]
        assert step["name"] == "provider-network"
        assert step["waitingFor"] == "Azure to register Microsoft.Network"
        assert step["nextAttemptAt"]
        assert "error" not in step
        document = await portal.finished(onboarding)
    assert document["status"] == "Succeeded"
    calls = (await portal.control("GET", "/calls?service=resourceManager")).json()["value"]
    registered = [call["path"].split("?")[0] for call in calls if call["method"] == "POST"]
    assert registered == [f"{subscription}/providers/Microsoft.Network/register"]


async def test_a_service_that_throttles_is_given_its_time(portal):
    """A 429 of Graph is shown, retried after Retry-After, and the onboarding succeeds."""
    throttle = {"service": "graph", "method": "POST", "path": "/applications$", "kind": "throttle"}
    async with portal.fault(**throttle, retryAfter=1):
        document = await portal.finished(await portal.accepted())
    assert document["status"] == "Succeeded"
    events = await portal.all(f"/api/onboardings/{document['id']}/events")
    (retrying,) = [each for each in events if each["kind"] == "retrying"]
    assert (retrying["step"], retrying["error"]["code"]) == ("server-app", "throttled")
    assert retrying["error"]["requestId"] == retrying["calls"][-1]["requestId"]
    (server,) = [each for each in document["steps"] if each["name"] == "server-app"]
    assert server["attempts"] == 2


@pytest.mark.parametrize("query", ["", "?dryRun=true"])
async def test_a_retired_deployment_model_is_refused(portal, query):
    """A cloud service (classic) is refused with the date on which Microsoft retired it, for every version."""
    request = portal.request(deploymentModel="CloudService", configMgrVersion="2111")
    answer = await portal.call("POST", f"/api/onboardings{query}", json=request)
    document = problem(answer, 422, "invalid-request")
    assert pointers(document) == {"/deploymentModel"}
    assert "August 31, 2024" in document["errors"][0]["detail"]


async def test_fields_that_exclude_each_other_are_pointed_at(portal):
    """Every impossible combination is refused before anything begins, with each of its fields."""
    answer = await portal.post(
        deploymentModel="CloudService",
        configMgrVersion="2409",
        groupDiscovery={"enabled": True},
        groupSync=True,
        disableAuthentication=True,
    )
    document = problem(answer, 422, "invalid-request")
    assert pointers(document) == {"/deploymentModel", "/groupDiscovery/groupNames", "/disableAuthentication"}
    codes = {each["code"] for each in document["errors"]}
    assert codes == {"model-retired", "groups-missing", "group-sync-needs-authentication"}
