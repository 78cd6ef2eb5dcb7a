from __future__ import annotations

import uuid

import pytest

from tests.local_cloud.clouds import error

GRAPH = "00000003-0000-0000-c000-000000000000"
DIRECTORY_READ = "7ab1d382-f21e-4acd-a863-ba3e13f7da61"
USER_READ = "e1fe6dd8-ba31-4d61-89e7-88639da4683d"


async def test_first_party_services_have_principals(cloud):
    """Graph, Resource Manager and Key Vault are in the tenant, with their published permissions."""
    graph = (await cloud.graph("GET", f"/servicePrincipals(appId='{GRAPH}')")).json()
    assert graph["displayName"] == "Microsoft Graph"
    assert DIRECTORY_READ in {role["id"] for role in graph["appRoles"]}
    assert USER_READ in {scope["id"] for scope in graph["oauth2PermissionScopes"]}
    for app_id in ("797f4846-ba00-4fd7-ba43-dac1f8f63013", "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"):
        answer = await cloud.graph("GET", f"/servicePrincipals?$filter=appId eq '{app_id}'")
        assert [each["appId"] for each in answer.json()["value"]] == [app_id]


async def test_a_service_principal_is_created_once(cloud):
    """A second POST for an application is refused; an upsert returns 204."""
    principal = await cloud.principal()
    app_id = principal["appId"]
    again = await cloud.graph("POST", "/servicePrincipals", {"appId": app_id})
    assert again.json()["error"]["details"][0]["code"] == "ObjectConflict"
    path, prefer = f"/servicePrincipals(appId='{app_id}')", {"Prefer": "create-if-missing"}
    assert (await cloud.graph("PATCH", path, {}, headers=prefer)).status_code == 204
    application = await cloud.application()
    path = f"/servicePrincipals(appId='{application['appId']}')"
    assert error(await cloud.graph("PATCH", path, {"notes": "x"}))[0] == 404
    created = await cloud.graph("PATCH", path, {}, headers=prefer)
    assert (created.status_code, created.json()["appId"]) == (201, application["appId"])
    assert (await cloud.graph("GET", path)).json()["id"] == created.json()["id"]


async def test_a_principal_without_application_is_refused(cloud):
    """An unknown appId does not reference a valid application object."""
    app_id = str(uuid.uuid4())
    answer = await cloud.graph("POST", "/servicePrincipals", {"appId": app_id})
    message = f"The appId '{app_id}' of the service principal does not reference a valid application object."
    assert error(answer) == (400, "Request_BadRequest", message)
    assert answer.json()["error"]["details"][0]["code"] == "NoBackingApplicationObject"
    assert "appId" in error(await cloud.graph("POST", "/servicePrincipals", {}))[2]


async def test_a_principal_follows_its_application(cloud):
    """The service principal has the scopes, names and URIs of its application."""
    principal = await cloud.principal()
    application = f"/applications(appId='{principal['appId']}')"
    uri = f"api://{principal['appId']}"
    scope = {"id": str(uuid.uuid4()), "value": "user_impersonation", "type": "User"}
    await cloud.graph(
        "PATCH", application, {"identifierUris": [uri], "api": {"oauth2PermissionScopes": [scope]}}
    )
    read = (await cloud.graph("GET", f"/servicePrincipals/{principal['id']}")).json()
    assert read["servicePrincipalNames"] == [principal["appId"], uri]
    assert read["oauth2PermissionScopes"][0]["id"] == scope["id"]


@pytest.mark.parametrize("side", ["appRoleAssignedTo", "appRoleAssignments"])
async def test_an_app_role_is_assigned_once(cloud, side):
    """An assignment can be created and read from both sides, but not created twice."""
    client = await cloud.principal()
    graph = (await cloud.graph("GET", f"/servicePrincipals(appId='{GRAPH}')?$select=id")).json()
    wanted = {"principalId": client["id"], "resourceId": graph["id"], "appRoleId": DIRECTORY_READ}
    path = f"/servicePrincipals/{graph['id'] if side == 'appRoleAssignedTo' else client['id']}/{side}"
    created = await cloud.graph("POST", path, wanted)
    assert created.status_code == 201
    body = created.json()
    assert (body["principalType"], body["resourceDisplayName"]) == ("ServicePrincipal", "Microsoft Graph")
    again = await cloud.graph("POST", path, wanted)
    assert error(again) == (
        400,
        "Request_BadRequest",
        "Permission being assigned already exists on the object",
    )
    own = f"/servicePrincipals/{client['id']}/appRoleAssignments"
    [read] = (await cloud.graph("GET", own)).json()["value"]
    assert read["id"] == body["id"]
    filtered = await cloud.graph("GET", f"{own}?$filter=resourceId eq {graph['id']}")
    assert len(filtered.json()["value"]) == 1
    assert (await cloud.graph("DELETE", f"{own}/{body['id']}")).status_code == 204
    assert (await cloud.graph("GET", own)).json()["value"] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"principalId": None}, "A value is required for property 'principalId'"),
        ({"appRoleId": str(uuid.uuid4())}, "Permission being assigned was not found on application"),
        ({"principalId": str(uuid.uuid4())}, "Not a valid reference update."),
        ({"resourceId": str(uuid.uuid4())}, "does not match"),
    ],
)
async def test_an_invalid_assignment_is_refused(cloud, change, message):
    """A missing or unknown ID, or the ID of another kind of object, is refused."""
    client = await cloud.principal()
    graph = (await cloud.graph("GET", f"/servicePrincipals(appId='{GRAPH}')")).json()
    wanted = {"principalId": client["id"], "resourceId": graph["id"], "appRoleId": DIRECTORY_READ}
    path = f"/servicePrincipals/{graph['id']}/appRoleAssignedTo"
    status, code, text = error(await cloud.graph("POST", path, wanted | change))
    assert (status, code) == (400, "Request_BadRequest")
    assert message in text


async def test_a_delegated_grant_is_created_once_and_changed(cloud):
    """There is one grant per client, resource and consent type; its scope can be replaced."""
    client, resource = await cloud.principal(), await cloud.principal()
    wanted = {
        "clientId": client["id"],
        "consentType": "AllPrincipals",
        "resourceId": resource["id"],
        "scope": "user_impersonation",
    }
    created = await cloud.graph("POST", "/oauth2PermissionGrants", wanted)
    assert created.status_code == 201
    again = await cloud.graph("POST", "/oauth2PermissionGrants", wanted | {"scope": "other"})
    assert error(again) == (
        409,
        "Request_MultipleObjectsWithSameKeyValue",
        "Permission entry already exists.",
    )
    condition = f"clientId eq '{client['id']}' and resourceId eq '{resource['id']}'"
    listing = f"/oauth2PermissionGrants?$filter={condition} and consentType eq 'AllPrincipals'"
    [found] = (await cloud.graph("GET", listing)).json()["value"]
    path = f"/oauth2PermissionGrants/{found['id']}"
    assert (await cloud.graph("PATCH", path, {"scope": "user_impersonation User.Read"})).status_code == 204
    assert (await cloud.graph("GET", path)).json()["scope"] == "user_impersonation User.Read"
    assert (await cloud.graph("DELETE", path)).status_code == 204
    assert (await cloud.graph("GET", listing)).json()["value"] == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"consentType": "Everyone"}, (400, "Request_BadRequest")),
        ({"scope": "x" * 3851}, (400, "Request_BadRequest")),
        ({"clientId": None}, (400, "Request_BadRequest")),
        ({"clientId": str(uuid.uuid4())}, (404, "Request_ResourceNotFound")),
        ({"resourceId": str(uuid.uuid4())}, (400, "Request_BadRequest")),
    ],
)
async def test_an_invalid_grant_is_refused(cloud, change, expected):
    """A grant needs a consent type, a scope of limited length, and both principals."""
    principal = await cloud.principal()
    wanted = {
        "clientId": principal["id"],
        "consentType": "AllPrincipals",
        "resourceId": principal["id"],
        "scope": "x",
    }
    assert error(await cloud.graph("POST", "/oauth2PermissionGrants", wanted | change))[:2] == expected


async def test_grants_end_with_their_principal(cloud):
    """When a service principal is deleted, its grants and the grants to it are deleted too."""
    client, resource = await cloud.principal(), await cloud.principal()
    grant = {"consentType": "AllPrincipals", "resourceId": resource["id"], "scope": "x"}
    created = await cloud.graph("POST", "/oauth2PermissionGrants", grant | {"clientId": client["id"]})
    await cloud.graph("DELETE", f"/applications(appId='{resource['appId']}')")
    assert (await cloud.graph("GET", f"/servicePrincipals/{resource['id']}")).status_code == 404
    answer = await cloud.graph("GET", f"/oauth2PermissionGrants/{created.json()['id']}")
    assert answer.status_code == 404


async def test_assignments_are_listed_with_expand(cloud):
    """A list of principals shows the roles of each with $expand; no other relationship is known."""
    principal = await cloud.principal()
    graph = (await cloud.graph("GET", f"/servicePrincipals(appId='{GRAPH}')")).json()
    body = {"principalId": principal["id"], "resourceId": graph["id"], "appRoleId": DIRECTORY_READ}
    await cloud.graph("POST", f"/servicePrincipals/{principal['id']}/appRoleAssignments", body)
    path = f"/servicePrincipals?$filter=appId eq '{principal['appId']}'&$select=id"
    (found,) = (await cloud.graph("GET", f"{path}&$expand=appRoleAssignments")).json()["value"]
    assert [each["appRoleId"] for each in found["appRoleAssignments"]] == [DIRECTORY_READ]
    assert set(found) == {"id", "appRoleAssignments"}
    assert error(await cloud.graph("GET", f"{path}&$expand=colour"))[0] == 400


async def test_deleted_items_are_restored_or_purged(cloud):
    """An application is deleted with its service principal; each is restored or purged separately."""
    principal = await cloud.principal()
    application = (await cloud.graph("GET", f"/applications(appId='{principal['appId']}')")).json()
    await cloud.graph("DELETE", f"/applications/{application['id']}")
    assert (await cloud.graph("GET", f"/applications/{application['id']}")).status_code == 404
    for kind, object_id in (("application", application["id"]), ("servicePrincipal", principal["id"])):
        listing = f"/directory/deletedItems/microsoft.graph.{kind}?$filter=appId eq '{principal['appId']}'"
        [found] = (await cloud.graph("GET", listing)).json()["value"]
        assert found["id"] == object_id
        assert found["deletedDateTime"]
    item = f"/directory/deletedItems/{application['id']}"
    assert (await cloud.graph("GET", item)).json()["@odata.type"] == "#microsoft.graph.application"
    restored = (await cloud.graph("POST", f"{item}/restore")).json()
    assert (restored["id"], restored["deletedDateTime"]) == (application["id"], None)
    assert (await cloud.graph("GET", f"/applications/{application['id']}")).status_code == 200
    assert (await cloud.graph("GET", f"/servicePrincipals/{principal['id']}")).status_code == 404
    assert (await cloud.graph("DELETE", f"/directory/deletedItems/{principal['id']}")).status_code == 204
    assert (await cloud.graph("GET", f"/directory/deletedItems/{principal['id']}")).status_code == 404
    assert (
        await cloud.graph("POST", f"/directory/deletedItems/{principal['id']}/restore")
    ).status_code == 404
