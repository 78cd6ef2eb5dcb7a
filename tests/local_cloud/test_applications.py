from __future__ import annotations

import uuid

import pytest

from tests.local_cloud.clouds import error, name


async def test_a_new_application_reads_as_the_real_one(cloud):
    """A new application has every documented property, with the real defaults."""
    created = await cloud.application(displayName="Contoso CMG")
    answer = await cloud.graph("GET", f"/applications/{created['id']}")
    read = answer.json()
    assert read == created
    assert read["@odata.context"].endswith("/v1.0/$metadata#applications/$entity")
    assert read["signInAudience"] == "AzureADMyOrg"
    assert read["publisherDomain"] == "contoso.onmicrosoft.com"
    assert read["uniqueName"] is None
    assert read["web"] == {
        "homePageUrl": None,
        "logoutUrl": None,
        "redirectUris": [],
        "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": False},
        "redirectUriSettings": [],
    }
    assert read["api"]["requestedAccessTokenVersion"] is None
    assert answer.headers["request-id"]


@pytest.mark.parametrize("key", ["{id}", "(appId='{appId}')", "(uniqueName='{uniqueName}')", "('{id}')"])
async def test_an_application_is_found_by_each_of_its_keys(cloud, key):
    """The object ID, the appId and the uniqueName name the same application."""
    created = await cloud.application(uniqueName=name())
    path = key.format(**created)
    answer = await cloud.graph("GET", f"/applications{path if path.startswith('(') else '/' + path}")
    assert answer.json()["id"] == created["id"]


async def test_upsert_creates_then_changes(cloud):
    """With Prefer: create-if-missing the first PATCH returns 201 with a body, a later one 204."""
    path = f"/applications(uniqueName='{name()}')"
    missing = await cloud.graph("PATCH", path, {"displayName": "one"})
    assert error(missing)[:2] == (404, "Request_ResourceNotFound")
    prefer = {"Prefer": "create-if-missing"}
    first = await cloud.graph("PATCH", path, {"displayName": "one"}, headers=prefer)
    assert (first.status_code, first.json()["displayName"]) == (201, "one")
    second = await cloud.graph("PATCH", path, {"displayName": "two"}, headers=prefer)
    assert (second.status_code, second.content) == (204, b"")
    read = (await cloud.graph("GET", path)).json()
    assert (read["id"], read["displayName"]) == (first.json()["id"], "two")


async def test_upsert_needs_a_display_name_and_makes_no_secret(cloud):
    """An upsert without displayName, or with a credential, is refused."""
    path, prefer = f"/applications(uniqueName='{name()}')", {"Prefer": "create-if-missing"}
    answer = await cloud.graph("PATCH", path, {"notes": "x"}, headers=prefer)
    assert "displayName" in error(answer)[2]
    answer = await cloud.graph(
        "PATCH", path, {"displayName": "x", "passwordCredentials": [{"displayName": "s"}]}, headers=prefer
    )
    assert error(answer)[:2] == (400, "Request_BadRequest")


async def test_a_change_merges_structures_and_replaces_lists(cloud):
    """PATCH does not change the properties of a structure that it omits."""
    app = await cloud.application(
        web={"homePageUrl": "https://contoso.com", "redirectUris": ["http://localhost"]}
    )
    path = f"/applications/{app['id']}"
    answer = await cloud.graph(
        "PATCH", path, {"web": {"redirectUris": ["https://contoso.com/a"]}, "tags": ["t"]}
    )
    assert answer.status_code == 204
    read = (await cloud.graph("GET", path)).json()
    assert read["web"]["homePageUrl"] == "https://contoso.com"
    assert read["web"]["redirectUris"] == ["https://contoso.com/a"]
    assert read["tags"] == ["t"]


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({}, "Request_BadRequest", "A value is required for property 'displayName'"),
        (
            {"displayName": "x" * 257},
            "Request_BadRequest",
            "Invalid value specified for property 'displayName'",
        ),
        ({"displayName": 5}, "Request_BadRequest", "expected type 'Edm.String'"),
        ({"displayName": "x", "bogus": 1}, "Request_BadRequest", "Invalid property 'bogus'."),
        (
            {"displayName": "x", "web": {"bogus": 1}},
            "Request_BadRequest",
            "The property 'bogus' does not exist",
        ),
        ({"displayName": "x", "web": "no"}, "Request_BadRequest", "property 'web'"),
        ({"displayName": "x", "isFallbackPublicClient": "yes"}, "Request_BadRequest", "'Edm.Boolean'"),
        ({"displayName": "x", "signInAudience": "Everyone"}, "Request_BadRequest", "'signInAudience'"),
        ({"displayName": "x", "appId": str(uuid.uuid4())}, "Request_BadRequest", "read-only"),
        (
            {"displayName": "x", "passwordCredentials": [{}, {}]},
            "Request_BadRequest",
            "Only one password credential",
        ),
        (
            {"displayName": "x", "web": {"redirectUris": ["http://contoso.com"]}},
            "Request_BadRequest",
            "One or more property values specified are invalid.",
        ),
        (
            {"displayName": "x", "publicClient": {"redirectUris": ["no scheme"]}},
            "Request_BadRequest",
            "One or more property values specified are invalid.",
        ),
    ],
)
async def test_an_invalid_application_is_refused(cloud, body, code, words):
    """Each mistake has the error that Graph returns, and nothing is created."""
    answer = await cloud.graph("POST", "/applications", body)
    status, actual, message = error(answer)
    assert (status, actual) == (400, code)
    assert words in message
    inner = answer.json()["error"]["innerError"]
    assert set(inner) == {"date", "request-id", "client-request-id"}
    assert inner["request-id"] == answer.headers["request-id"]


async def test_the_client_request_id_comes_back(cloud):
    """The ID that the caller sent is in the header and in the body of an error."""
    headers = {"client-request-id": str(uuid.uuid4())}
    answer = await cloud.graph("GET", f"/applications/{uuid.uuid4()}", headers=headers)
    assert answer.headers["client-request-id"] == headers["client-request-id"]
    assert answer.json()["error"]["innerError"]["client-request-id"] == headers["client-request-id"]


async def test_the_redirect_of_a_desktop_client_is_accepted(cloud):
    """The URI of the broker, which contains the client ID, can be set when the ID is known."""
    app = await cloud.application()
    uri = f"ms-appx-web://Microsoft.AAD.BrokerPlugin/{app['appId']}"
    answer = await cloud.graph(
        "PATCH", f"/applications/{app['id']}", {"publicClient": {"redirectUris": [uri]}}
    )
    assert answer.status_code == 204


@pytest.mark.parametrize(
    "template",
    [
        "api://{appId}",
        "api://{tenant}/{appId}",
        "api://{tenant}/{unique}",
        "api://{unique}/{appId}",
        "https://contoso.onmicrosoft.com/{unique}",
        "https://contoso.com/{unique}",
        "https://{unique}.contoso.com",
        "api://{unique}.contoso.com/app",
    ],
)
async def test_app_id_uris_that_name_the_tenant_are_accepted(cloud, template):
    """All secure patterns of the default policy can be added."""
    app = await cloud.application()
    uri = template.format(appId=app["appId"], tenant=cloud.info["tenant"], unique=name())
    answer = await cloud.graph("PATCH", f"/applications/{app['id']}", {"identifierUris": [uri]})
    assert answer.status_code == 204, answer.text


@pytest.mark.parametrize(
    ("uri", "code", "words"),
    [
        (
            "https://ConfigMgrService",
            "HostNameNotOnVerifiedDomain",
            "must use a verified domain of the organization or its subdomain: 'https://ConfigMgrService'",
        ),
        ("api://ConfigMgrService", "HostNameNotOnVerifiedDomain", "Failed to add identifier URI"),
        ("api://evilcontoso.com/x", "HostNameNotOnVerifiedDomain", "Failed to add identifier URI"),
        ("ConfigMgrService", "Request_BadRequest", "Invalid value specified for property 'identifierUris'"),
    ],
)
async def test_app_id_uris_that_do_not_name_the_tenant_are_refused(cloud, uri, code, words):
    """The 2021 rule on hosts and the default policy of 2025 apply."""
    answer = await cloud.graph("POST", "/applications", {"displayName": "x", "identifierUris": [uri]})
    status, actual, message = error(answer)
    assert (status, actual) == (400, code)
    assert words in message


async def test_v2_applications_are_exempt_from_the_default_policy(cloud):
    """With requestedAccessTokenVersion 2, any api:// URI can be added."""
    await cloud.application(identifierUris=[f"api://{name()}"], api={"requestedAccessTokenVersion": 2})


async def test_a_stricter_policy_allows_only_default_uris(cloud):
    """The rule nonDefaultUriAddition refuses URIs that the default policy accepts."""
    rule = {"identifierUris": {"nonDefaultUriAddition": {"state": "enabled"}}}
    await cloud.control("PUT", "/settings", {"policies": {"applicationRestrictions": rule}})
    app = await cloud.application()
    path, tenant = f"/applications/{app['id']}", cloud.info["tenant"]
    answer = await cloud.graph("PATCH", path, {"identifierUris": [f"api://{tenant}/{name()}"]})
    assert "must comply with the format 'api://{appId}' or 'api://{tenantId}/{appId}'" in error(answer)[2]
    uris = [f"api://{tenant}/{app['appId']}"]
    assert (await cloud.graph("PATCH", path, {"identifierUris": uris})).status_code == 204


async def test_names_are_unique_also_in_the_deleted_items(cloud):
    """A taken identifierUri or uniqueName is refused, also while its holder is only soft-deleted."""
    uri, unique = f"api://{cloud.info['tenant']}/{name()}", name()
    app = await cloud.application(identifierUris=[uri], uniqueName=unique)
    for _ in range(2):
        for taken, value in (("identifierUris", [uri]), ("uniqueName", unique.upper())):
            answer = await cloud.graph("POST", "/applications", {"displayName": "x", taken: value})
            message = f"Another object with the same value for property {taken} already exists."
            assert error(answer) == (400, "Request_BadRequest", message)
            details = answer.json()["error"]["details"]
            assert details == [{"code": "ObjectConflict", "message": message, "target": taken}]
        await cloud.graph("DELETE", f"/applications/{app['id']}")
    upsert = await cloud.graph(
        "PATCH",
        f"/applications(uniqueName='{unique}')",
        {"displayName": "x"},
        headers={"Prefer": "create-if-missing"},
    )
    assert upsert.json()["error"]["details"][0]["code"] == "ObjectConflict"
    await cloud.graph("DELETE", f"/directory/deletedItems/{app['id']}")
    await cloud.application(identifierUris=[uri], uniqueName=unique)


async def test_a_unique_name_is_set_once(cloud):
    """An application without uniqueName can be given one, which cannot be changed later."""
    app = await cloud.application()
    path = f"/applications/{app['id']}"
    assert (await cloud.graph("PATCH", path, {"uniqueName": name()})).status_code == 204
    assert "read-only" in error(await cloud.graph("PATCH", path, {"uniqueName": name()}))[2]


def scope(**properties: object) -> dict[str, object]:
    return {"id": str(uuid.uuid4()), "value": "user_impersonation", "isEnabled": True} | properties


async def test_an_enabled_scope_must_be_disabled_before_it_is_removed(cloud):
    """An enabled scope cannot be removed; a disabled scope can."""
    first = scope()
    app = await cloud.application(api={"oauth2PermissionScopes": [first]})
    path = f"/applications/{app['id']}"
    answer = await cloud.graph("PATCH", path, {"api": {"oauth2PermissionScopes": []}})
    assert error(answer)[:2] == (400, "CannotDeleteOrUpdateEnabledEntitlement")
    for scopes in ([first | {"isEnabled": False}], []):
        answer = await cloud.graph("PATCH", path, {"api": {"oauth2PermissionScopes": scopes}})
        assert answer.status_code == 204


async def test_scope_ids_and_values_are_unique(cloud):
    """Two scopes cannot share an ID or a value."""
    first = scope()
    for second in (scope(), first | {"value": "other"}):
        answer = await cloud.graph(
            "POST", "/applications", {"displayName": "x", "api": {"oauth2PermissionScopes": [first, second]}}
        )
        assert answer.json()["error"]["details"][0]["code"] == "DuplicateValue"


async def test_a_scope_is_preauthorized_in_a_later_request(cloud):
    """A scope cannot be added and pre-authorized in one request; in two requests it can."""
    first = scope()
    grant = [{"appId": str(uuid.uuid4()), "delegatedPermissionIds": [first["id"]]}]
    app = await cloud.application()
    path = f"/applications/{app['id']}"
    both = {"api": {"oauth2PermissionScopes": [first], "preAuthorizedApplications": grant}}
    answer = await cloud.graph("PATCH", path, both)
    assert answer.json()["error"]["details"][0]["code"] == "InvalidValue"
    for part in ("oauth2PermissionScopes", "preAuthorizedApplications"):
        assert (await cloud.graph("PATCH", path, {"api": {part: both["api"][part]}})).status_code == 204


async def test_owners_can_be_read_added_and_removed(cloud):
    """The creator owns an application; a request refers to other owners by their URL."""
    app = await cloud.application()
    path = f"/applications/{app['id']}/owners"
    other = cloud.info["identity"]["principalId"]
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{other}"}
    assert (await cloud.graph("POST", f"{path}/$ref", reference)).status_code == 204
    owners = (await cloud.graph("GET", path)).json()["value"]
    assert other in {owner["id"] for owner in owners}
    assert len(owners) == 2
    assert (await cloud.graph("DELETE", f"{path}/{other}/$ref")).status_code == 204
    assert len((await cloud.graph("GET", path)).json()["value"]) == 1


async def test_owners_can_be_expanded(cloud):
    """A list of applications can contain their owners."""
    application = await cloud.application()
    query = f"$filter=appId eq '{application['appId']}'&$expand=owners"
    (found,) = (await cloud.graph("GET", f"/applications?{query}")).json()["value"]
    assert [owner["@odata.type"] for owner in found["owners"]] == ["#microsoft.graph.servicePrincipal"]


async def test_bytes_can_have_line_breaks(cloud):
    """Some clients send base64 with a line break after 76 characters."""
    key = "TUlJ" * 20 + "\r\n" + "TUlJ" * 5 + "\n"
    body = {"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": key}]}
    application = await cloud.application()
    answer = await cloud.graph("PATCH", f"/applications/{application['id']}", body)
    assert answer.status_code == 204, answer.text
