"""What the API reports about app registrations that people have changed."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support import golden
from tests.support.customers import FABRIKAM
from tests.support.portal import Portal, pointers, problem, unique

GRAPH = "/v1.0"
UNKNOWN = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
async def connection(portal) -> dict[str, Any]:
    """A connection that the tests change, and repair again."""
    found: dict[str, Any] = await portal.onboarded(userDiscovery={"enabled": True})
    return found


async def checked(portal: Portal, connection: dict[str, Any]) -> dict[str, Any]:
    """The conformance of a connection."""
    path = f"/api/connections/{connection['id']}/conformance"
    found: dict[str, Any] = await portal.get(path, caller="operator")
    return found


def results(document: dict[str, Any], result: str) -> dict[str, dict[str, Any]]:
    """The checks with a result, by app and name."""
    return {
        f"{app}/{check['name']}": check
        for app in ("serverApp", "clientApp")
        for check in document[app]["checks"]
        if check["result"] == result
    }


async def patch(portal: Portal, app: dict[str, Any], body: Any) -> None:
    """Change an application without the service."""
    await portal.look("graph", "PATCH", f"{GRAPH}/applications/{app['objectId']}", body)


async def test_what_was_just_made_is_conformant(portal, connection):
    """A connection that nobody has changed passes every check, with a single call to Graph."""
    await portal.control("DELETE", "/calls")
    document = await checked(portal, connection)
    calls = (await portal.control("GET", "/calls?service=graph&batched=true")).json()["value"]
    keys = ("objectId", "clientId", "servicePrincipalId")
    own = [connection[app][key] for app in ("serverApp", "clientApp") for key in keys]
    # Other tests have runs that go on, so only what names this connection counts. The requests inside a batch
    # have its request ID.
    mine = [call for call in calls if any(word in call["path"] for word in own)]
    assert len(mine) > 1
    assert len({call["requestId"] for call in mine}) == 1
    assert document["conformant"] is True
    assert set(results(document, "Pass")) > {
        "serverApp/secret",
        "serverApp/recorded-uri",
        "serverApp/consent-Directory.Read.All",
        "clientApp/consent-user_impersonation",
        "clientApp/consent-User.Read",
    }
    assert results(document, "Fail") == results(document, "Unknown") == {}
    assert document["serverApp"]["name"] == connection["serverApp"]["name"]


async def test_what_is_changed_by_hand_is_found(portal, connection):
    """Differences come first, each with the error that an administrator sees and with a remedy."""
    server, client = connection["serverApp"], connection["clientApp"]
    before = await portal.graph(f"/applications/{server['objectId']}")
    await patch(portal, server, {"web": {"redirectUris": []}, "isDeviceOnlyAuthSupported": False})
    await patch(portal, client, {"isFallbackPublicClient": None})
    await patch(portal, server, {"identifierUris": [f"api://{connection['tenantId']}/{unique()}"]})
    try:
        document = await checked(portal, connection)
    finally:
        await patch(portal, server, {name: before[name] for name in ("web", "identifierUris")})
        await patch(portal, server, {"isDeviceOnlyAuthSupported": True})
        await patch(portal, client, {"isFallbackPublicClient": True})
    broken = results(document, "Fail")
    assert document["conformant"] is False
    assert set(broken) == {
        "serverApp/web-redirect",
        "serverApp/device-tokens",
        "serverApp/recorded-uri",
        "clientApp/public-client",
    }
    assert "AADSTS50001" in broken["serverApp/recorded-uri"]["impact"]
    assert "Your server Application needs to be updated" in broken["serverApp/web-redirect"]["impact"]
    assert all(check["remedy"] for check in broken.values())
    uri = broken["serverApp/recorded-uri"]
    assert uri["args"] == {"uri": connection["appIdUri"]}
    assert uri["actor"] == "TenantAdministrator"
    (action,) = uri["actions"]
    assert (action["kind"], action["appId"]) == ("ChangeApplication", server["clientId"])
    assert "actor" not in results(document, "Pass")["serverApp/secret"]
    assert [check["result"] for check in document["serverApp"]["checks"]][:4] == ["Fail"] * 3 + ["Pass"]
    assert (await checked(portal, connection))["conformant"] is True


async def test_what_means_the_same_is_no_deviation(portal, connection):
    """Order, case and what other people have added are not differences."""
    server = connection["serverApp"]
    body = {"web": {"redirectUris": ["https://contoso.com/more", "http://localhost"]}}
    await patch(portal, server, body)
    uri = connection["appIdUri"].replace("api://", "API://").upper().replace("API://", "api://")
    await patch(portal, server, {"identifierUris": [uri, f"api://{server['clientId']}"]})
    await portal.look("graph", "POST", f"{GRAPH}/applications/{server['objectId']}/addPassword", {})
    assert (await checked(portal, connection))["conformant"] is True


async def test_consent_that_was_withdrawn_is_found(portal):
    """Without consent users are refused with AADSTS65001, and discovery cannot read the directory."""
    connection = await portal.onboarded(userDiscovery={"enabled": True})
    client = connection["clientApp"]["servicePrincipalId"]
    server = f"/servicePrincipals/{connection['serverApp']['servicePrincipalId']}"
    for grant in (await portal.graph(f"/servicePrincipals/{client}/oauth2PermissionGrants"))["value"]:
        await portal.look("graph", "DELETE", f"{GRAPH}/oauth2PermissionGrants/{grant['id']}")
    for role in (await portal.graph(f"{server}/appRoleAssignments"))["value"]:
        await portal.look("graph", "DELETE", f"{GRAPH}{server}/appRoleAssignments/{role['id']}")
    own = {"clientId": client, "consentType": "Principal", "principalId": str(uuid.uuid4())}
    own |= {"resourceId": connection["serverApp"]["servicePrincipalId"], "scope": "user_impersonation"}
    await portal.look("graph", "POST", f"{GRAPH}/oauth2PermissionGrants", own)  # for one user
    await portal.look("graph", "PATCH", f"{GRAPH}{server}", {"accountEnabled": False})
    broken = results(await checked(portal, connection), "Fail")
    assert set(broken) == {
        "serverApp/sign-in-enabled",
        "serverApp/consent-Directory.Read.All",
        "clientApp/consent-user_impersonation",
        "clientApp/consent-User.Read",
    }
    assert "AADSTS65001" in broken["clientApp/consent-User.Read"]["impact"]


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"groupDiscovery": {"enabled": True, "groupNames": ["Berlin"]}}, "groupDiscovery"),
        ({"groupSync": True}, "groupSync"),
    ],
)
async def test_groups_alone_need_the_directory(portal, fields, parameter):
    """Without user discovery, groups still need Directory.Read.All: requested, granted, and missed later."""
    connection = await portal.onboarded(**fields)
    server = connection["serverApp"]
    app = await portal.graph(f"/applications/{server['objectId']}")
    assert app["requiredResourceAccess"] == [
        {
            "resourceAppId": golden.GRAPH,
            "resourceAccess": [{"id": golden.DIRECTORY_READ_ALL, "type": "Role"}],
        }
    ]
    document = await checked(portal, connection)
    assert document["conformant"] is True
    needed = {"serverApp/permission-Directory.Read.All", "serverApp/consent-Directory.Read.All"}
    assert set(results(document, "Pass")) > needed
    principal = f"/servicePrincipals/{server['servicePrincipalId']}"
    for role in (await portal.graph(f"{principal}/appRoleAssignments"))["value"]:
        await portal.look("graph", "DELETE", f"{GRAPH}{principal}/appRoleAssignments/{role['id']}")
    await patch(portal, server, {"requiredResourceAccess": []})
    broken = results(await checked(portal, connection), "Fail")
    assert set(broken) == needed
    assert all("users and groups" in check["impact"] for check in broken.values())
    any_two = await portal.get(
        f"/api/tenants/{connection['tenantId']}/conformance",
        caller="operator",
        serverAppId=server["clientId"],
        clientAppId=connection["clientApp"]["clientId"],
        **{parameter: "true"},
    )
    assert set(results(any_two, "Fail")) == needed


async def test_an_application_that_was_deleted_can_come_back(portal):
    """A deleted app has no other difference; its remedy contains the date until which it can be restored."""
    connection = await portal.onboarded()
    application = f"{GRAPH}/applications/{connection['serverApp']['objectId']}"
    await portal.look("graph", "DELETE", application)
    broken = results(await checked(portal, connection), "Fail")
    assert set(broken) == {"serverApp/application"}
    assert "restore it" in broken["serverApp/application"]["remedy"]
    deleted = f"{GRAPH}/directory/deletedItems/{connection['serverApp']['objectId']}"
    await portal.look("graph", "DELETE", deleted)
    broken = results(await checked(portal, connection), "Fail")
    assert "onboard again" in broken["serverApp/application"]["remedy"]


async def test_a_secret_that_was_removed_is_found(portal):
    """A secret that somebody else has added does not replace the one that the site has."""
    connection = await portal.onboarded()
    application = f"{GRAPH}/applications/{connection['serverApp']['objectId']}"
    await portal.look(
        "graph", "POST", f"{application}/removePassword", {"keyId": connection["secret"]["keyId"]}
    )
    await portal.look("graph", "POST", f"{application}/addPassword", {})
    broken = results(await checked(portal, connection), "Fail")
    assert set(broken) == {"serverApp/secret"}
    assert "AADSTS7000215" in broken["serverApp/secret"]["impact"]


async def test_what_may_not_be_read_is_not_passed(portal, connection):
    """Without permission to read it a check is unknown, and so is the result where nothing is broken."""
    roles = (await portal.control("GET", "/settings")).json()["identityRoles"]
    blind = [role for role in roles if "DelegatedPermissionGrant" not in role and "Directory" not in role]
    async with portal.settings(identityRoles=blind):
        await portal.restart_host()  # with another token
        document = await checked(portal, connection)
    await portal.restart_host()
    assert "conformant" not in document
    assert set(results(document, "Unknown")) == {
        "clientApp/consent-user_impersonation",
        "clientApp/consent-User.Read",
    }


async def test_two_apps_of_somebody_else_are_checked(portal):
    """An operator can check any two client IDs against a profile, a version and the site's settings."""
    server, client = await portal.onboarded(), await portal.onboarded()
    path = f"/api/tenants/{server['tenantId']}/conformance"
    apps = {"serverAppId": server["serverApp"]["clientId"], "clientAppId": client["clientApp"]["clientId"]}
    newest = await portal.get(path, caller="operator", **apps)
    assert set(results(newest, "Fail")) == {
        "clientApp/permission-user_impersonation",
        "clientApp/consent-user_impersonation",
    }
    assert (newest["profile"], newest.get("connectionId")) == ("2026-08", None)
    older = await portal.get(
        path,
        caller="operator",
        **apps,
        profile="2309",
        userDiscovery="true",
        appIdUri="https://ConfigMgrService",
    )
    assert set(results(older, "Fail")) - set(results(newest, "Fail")) == {
        "serverApp/id-tokens",
        "serverApp/recorded-uri",
        "serverApp/permission-Directory.Read.All",
        "serverApp/consent-Directory.Read.All",
        "clientApp/id-tokens",
    }
    by_version = await portal.get(path, caller="operator", **apps, configMgrVersion="2207")
    assert by_version["profile"] == "2021"


async def test_an_unknown_app_is_not_there(portal):
    """An ID without an application brings the finding that it is missing, not an error."""
    path = f"/api/tenants/{portal.info['tenant']}/conformance"
    document = await portal.get(path, caller="operator", serverAppId=FABRIKAM, clientAppId=UNKNOWN)
    assert set(results(document, "Fail")) == {"serverApp/application", "clientApp/application"}
    assert "name" not in document["serverApp"]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"serverAppId": "x"}, "serverAppId"),
        ({"clientAppId": ""}, "clientAppId"),
        ({"clientAppId": FABRIKAM}, "clientAppId"),
        ({"clientAppId": FABRIKAM.upper()}, "clientAppId"),
        ({"profile": "1999"}, "profile"),
        ({"profile": "2309", "configMgrVersion": "2309"}, "profile"),
        ({"configMgrVersion": "23"}, "configMgrVersion"),
        ({"userDiscovery": "maybe"}, "userDiscovery"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_wrong_parameters_are_named(portal, parameters, named):
    """The answer to a parameter that cannot be used contains its name."""
    path = f"/api/tenants/{portal.info['tenant']}/conformance"
    good = {"serverAppId": FABRIKAM, "clientAppId": UNKNOWN}
    answer = await portal.call("GET", path, caller="operator", params={**good, **parameters})
    assert problem(answer, 400, "invalid-parameter")["detail"].startswith(named)


async def test_only_what_is_served_is_looked_at(portal):
    """The answers distinguish an unserved tenant, one without consent, and an unknown connection."""
    apps = {"serverAppId": FABRIKAM, "clientAppId": UNKNOWN}
    path = f"/api/tenants/{uuid.uuid4()}/conformance"
    answer = await portal.call("GET", path, caller="operator", params=apps)
    assert pointers(problem(answer, 422, "invalid-request")) == {"/tenantId"}
    path = f"/api/tenants/{FABRIKAM}/conformance"
    answer = await portal.call("GET", path, caller="operator", params=apps)
    problem(answer, 502, "tenant-not-consented")
    answer = await portal.call("GET", "/api/connections/none/conformance", caller="operator")
    problem(answer, 404, "not-found")


async def test_an_outage_of_the_directory_is_told(portal, connection):
    """When Graph does not answer, the caller gets a Retry-After, and no check passes by mistake."""
    path = f"/api/connections/{connection['id']}/conformance"
    fault = {"service": "graph", "path": "batch", "kind": "throttle", "retryAfter": 7}
    async with portal.fault(**fault):
        answer = await portal.call("GET", path, caller="operator")
    problem(answer, 503, "throttled")
    assert answer.headers["Retry-After"] == "7"
