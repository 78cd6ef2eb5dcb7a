from __future__ import annotations

import time
import uuid
from typing import Any

import httpx
import pytest

from tests.local_cloud.clouds import AUDIENCES, CloudProcess, error, name

DENIED = (403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
GRAPH = "00000003-0000-0000-c000-000000000000"


async def bearer(cloud: CloudProcess, token: str | None, service: str = "graph") -> httpx.Response:
    paths = {
        "graph": "/v1.0/applications",
        "resourceManager": f"/subscriptions/{cloud.info['subscription']}?api-version=2022-12-01",
        "keyVault": "/secrets/x?api-version=7.5",
    }
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await cloud.http.get(f"{cloud.info[service]}{paths[service]}", headers=headers)


@pytest.mark.parametrize("service", ["graph", "resourceManager", "keyVault"])
async def test_a_token_is_needed_and_verified(cloud, service):
    """Without a token, or with one that is forged, expired or for another service, the answer is 401."""
    now = int(time.time())
    claims = {
        "aud": AUDIENCES[service],
        "iss": f"https://sts.windows.net/{cloud.info['tenant']}/",
        "tid": cloud.info["tenant"],
        "nbf": now - 10,
        "exp": now + 600,
    }

    async def signed(**change: object) -> Any:
        body = {"claims": claims | change}
        return (await cloud.control("POST", "/tokens", body)).json()["access_token"]

    good = await signed()
    assert (await bearer(cloud, good, service)).status_code == 403
    head, payload, signature = good.split(".")
    for token in (
        None,
        "nonsense",
        f"{head}.{payload}.{signature[:-4]}AAAA",
        await signed(exp=now - 1),
        await signed(nbf=now + 1000),
        await signed(aud="https://storage.azure.com"),
        await signed(aud=["a", "b"]),
        await signed(iss="https://sts.windows.net/11111111-2222-4333-8444-555555555555/"),
    ):
        answer = await bearer(cloud, token, service)
        assert answer.status_code == 401, token
        assert "WWW-Authenticate" in answer.headers
        assert answer.json()["error"]["code"]


async def test_graph_words_its_401_by_what_is_wrong(cloud):
    """A missing token and a wrong audience have different errors."""
    assert error(await bearer(cloud, None)) == (401, "InvalidAuthenticationToken", "Access token is empty.")
    other = await cloud.token(cloud.info["clients"]["administrator"], "https://vault.azure.net")
    assert error(await bearer(cloud, other))[2] == "Access token validation failure. Invalid audience."


async def test_a_caller_without_roles_can_do_nothing(cloud):
    """Each resource needs a permission in the token."""
    client = await cloud.client()
    for method, path in (
        ("GET", "/applications"),
        ("POST", "/applications"),
        ("GET", "/servicePrincipals"),
        ("POST", "/servicePrincipals"),
        ("GET", "/oauth2PermissionGrants"),
        ("POST", "/oauth2PermissionGrants"),
        ("GET", "/organization"),
        ("GET", "/domains"),
        ("GET", "/policies/defaultAppManagementPolicy"),
        ("GET", "/directory/deletedItems/microsoft.graph.application"),
    ):
        assert error(await cloud.graph(method, path, {"displayName": "x"}, client=client)) == DENIED, path


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("Application.Read.All", "/applications"),
        ("Application.ReadWrite.OwnedBy", "/applications"),
        ("Directory.Read.All", "/servicePrincipals"),
        ("DelegatedPermissionGrant.ReadWrite.All", "/oauth2PermissionGrants"),
        ("Organization.Read.All", "/organization"),
        ("Domain.Read.All", "/domains"),
        ("Policy.Read.All", "/policies/defaultAppManagementPolicy"),
    ],
)
async def test_the_least_permission_is_enough_to_read(cloud, role, path):
    """The least privileged permission that Microsoft documents opens the resource."""
    client = await cloud.client(role)
    assert (await cloud.graph("GET", path, client=client)).status_code == 200


async def test_owned_by_changes_only_what_it_owns(cloud):
    """Application.ReadWrite.OwnedBy manages its own applications from creation to purge, and no other."""
    client = await cloud.client("Application.ReadWrite.OwnedBy")
    own = (await cloud.graph("POST", "/applications", {"displayName": name()}, client=client)).json()
    principal = await cloud.graph("POST", "/servicePrincipals", {"appId": own["appId"]}, client=client)
    assert principal.status_code == 201
    foreign = await cloud.application()

    async def ask(method: str, path: str, body: object = None) -> Any:
        return await cloud.graph(method, path, body, client=client)

    for path, expected in ((f"/applications/{own['id']}", None), (f"/applications/{foreign['id']}", DENIED)):
        assert (await ask("GET", path)).status_code == 200
        for method, suffix, body in (
            ("PATCH", "", {"notes": "x"}),
            ("POST", "/addPassword", {"passwordCredential": {}}),
            ("DELETE", "", None),
        ):
            answer = await ask(method, f"{path}{suffix}", body)
            assert answer.is_success if expected is None else error(answer) == expected
    assert error(await ask("POST", "/servicePrincipals", {"appId": foreign["appId"]})) == DENIED
    await cloud.graph("DELETE", f"/applications/{foreign['id']}")
    assert error(await ask("DELETE", f"/directory/deletedItems/{foreign['id']}")) == DENIED
    for object_id in (own["id"], principal.json()["id"]):
        assert (await ask("DELETE", f"/directory/deletedItems/{object_id}")).status_code == 204


@pytest.mark.parametrize("owns", [True, False])
async def test_the_upserting_caller_may_own_what_it_made(cloud, owns):
    """A POST makes its caller, or the owners that it names, the owners; an upsert does not promise that."""
    await cloud.control("PUT", "/settings", {"upsertOwns": owns})
    client = await cloud.client("Application.ReadWrite.OwnedBy")
    path, prefer = f"/applications(uniqueName='{name()}')", {"Prefer": "create-if-missing"}
    for status in (201, 204 if owns else 403):
        answer = await cloud.graph("PATCH", path, {"displayName": "x"}, client=client, headers=prefer)
        assert answer.status_code == status


async def test_create_only_can_do_nothing_else(cloud):
    """AppRegistration.Create can create applications, but cannot read or change them."""
    client = await cloud.client("AppRegistration.Create")
    created = await cloud.graph("POST", "/applications", {"displayName": "x"}, client=client)
    assert created.status_code == 201
    path = f"/applications/{created.json()['id']}"
    assert error(await cloud.graph("GET", path, client=client)) == DENIED
    assert error(await cloud.graph("PATCH", path, {"notes": "x"}, client=client)) == DENIED


async def test_assigning_roles_needs_two_permissions(cloud):
    """AppRoleAssignment.ReadWrite.All alone cannot assign: it cannot read the principals."""
    target = await cloud.principal()
    graph = (await cloud.graph("GET", f"/servicePrincipals(appId='{GRAPH}')?$select=id")).json()
    body = {
        "principalId": target["id"],
        "resourceId": graph["id"],
        "appRoleId": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    }
    path = f"/servicePrincipals/{graph['id']}/appRoleAssignedTo"
    for roles, status in (
        (["AppRoleAssignment.ReadWrite.All"], 403),
        (["Application.Read.All"], 403),
        (["AppRoleAssignment.ReadWrite.All", "Application.Read.All"], 201),
    ):
        answer = await cloud.graph("POST", path, body, client=await cloud.client(*roles))
        assert answer.status_code == status, roles


async def test_a_new_role_is_in_the_next_token(cloud):
    """Roles of the service's identity follow the settings, in tokens that are issued afterwards."""
    await cloud.control("PUT", "/settings", {"identityRoles": ["Application.Read.All"]})
    await cloud.control("DELETE", "/identityTokens")
    token = (await cloud.identity_token("https://graph.microsoft.com")).json()["access_token"]
    answer = await cloud.http.post(
        f"{cloud.info['graph']}/v1.0/applications",
        json={"displayName": "x"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert error(answer) == DENIED


async def test_unknown_roles_of_a_client_are_refused(cloud):
    """Control reports an unknown role instead of ignoring it."""
    answer = await cloud.http.post(f"{cloud.info['control']}/clients", json={"roles": [str(uuid.uuid4())]})
    assert answer.status_code == 400
