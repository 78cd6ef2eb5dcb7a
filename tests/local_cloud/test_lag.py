from __future__ import annotations

import asyncio
import time

import httpx

from tests.local_cloud.clouds import AUDIENCES, CloudProcess, error, name
from tests.support.portal import until

PERMISSIONS = "/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"


async def as_identity(cloud: CloudProcess, service: str, path: str) -> httpx.Response:
    """A read as the service's identity."""
    token = (await cloud.identity_token(AUDIENCES[service])).json()["access_token"]
    if service == "resourceManager":
        path = f"/subscriptions/{cloud.info['subscription']}{path}"
    return await cloud.http.get(f"{cloud.info[service]}{path}", headers={"Authorization": f"Bearer {token}"})


async def lag(cloud, seconds: float) -> None:
    await cloud.control("PUT", "/lag", {"seconds": seconds})


async def test_a_new_application_does_not_show_at_first(cloud):
    """Until the lag has passed, requests that read or reference the application get Entra ID's errors."""
    await lag(cloud, 60)
    unique = name()
    app = await cloud.application(uniqueName=unique, displayName=unique)
    path = f"/applications/{app['id']}"
    absent = (
        f"Resource '{app['id']}' does not exist or one of its queried reference-property objects are not"
        " present."
    )
    for method, suffix, body in (
        ("GET", "", None),
        ("PATCH", "", {"notes": "x"}),
        ("POST", "/addPassword", {"passwordCredential": {}}),
        ("DELETE", "", None),
    ):
        answer = await cloud.graph(method, f"{path}{suffix}", body)
        assert error(answer) == (404, "Request_ResourceNotFound", absent), method
    for key in (f"appId='{app['appId']}'", f"uniqueName='{unique}'"):
        assert error(await cloud.graph("GET", f"/applications({key})"))[0] == 404
    assert (await cloud.graph("GET", f"/applications?$filter=displayName eq '{unique}'")).json()[
        "value"
    ] == []
    answer = await cloud.graph("POST", "/servicePrincipals", {"appId": app["appId"]})
    assert answer.json()["error"]["details"][0]["code"] == "NoBackingApplicationObject"
    await lag(cloud, 0)
    assert (await cloud.graph("GET", path)).status_code == 200


async def test_uniqueness_sees_everything_and_upserts_what_reads_see(cloud):
    """A name is reserved immediately, also for an upsert that does not find the object yet."""
    await lag(cloud, 60)
    unique = name()
    app = await cloud.application(uniqueName=unique)
    taken = await cloud.graph("POST", "/applications", {"displayName": "x", "uniqueName": unique})
    assert taken.json()["error"]["details"][0]["code"] == "ObjectConflict"
    path, prefer = f"/applications(uniqueName='{unique}')", {"Prefer": "create-if-missing"}
    answer = await cloud.graph("PATCH", path, {"displayName": "changed"}, headers=prefer)
    assert answer.json()["error"]["details"][0]["code"] == "ObjectConflict"
    await lag(cloud, 0)
    answer = await cloud.graph("PATCH", path, {"displayName": "changed"}, headers=prefer)
    assert answer.status_code == 204
    read = (await cloud.graph("GET", path)).json()
    assert (read["id"], read["displayName"]) == (app["id"], "changed")


async def test_a_limited_caller_gets_a_misleading_error_first(cloud):
    """With OwnedBy, a premature service principal is refused with a misleading 403, later with 400."""
    client = await cloud.client("Application.ReadWrite.OwnedBy")
    await lag(cloud, 1)
    made = time.monotonic()
    app = (await cloud.graph("POST", "/applications", {"displayName": "x"}, client=client)).json()
    answers: list[httpx.Response] = []
    while not answers or answers[-1].status_code != 201:
        answers.append(
            await cloud.graph("POST", "/servicePrincipals", {"appId": app["appId"]}, client=client)
        )
        assert time.monotonic() - made < 5
        await asyncio.sleep(0.05)
    assert [status for status in (403, 400, 201) if status in {a.status_code for a in answers}] == [
        403,
        400,
        201,
    ]
    assert error(answers[0])[2] == (
        "When using this permission, the backing application of the service principal being created must"
        " in the"
        " local tenant"
    )
    assert time.monotonic() - made >= 1


async def test_a_changed_property_shows_later(cloud):
    """Reads show the state before a change until the lag has passed; a second change builds on the first."""
    app = await cloud.application(notes="before")
    path = f"/applications/{app['id']}"
    await lag(cloud, 0.5)
    await cloud.graph("PATCH", path, {"notes": "after"})
    secret = await cloud.graph("POST", f"{path}/addPassword", {"passwordCredential": {}})
    assert secret.status_code == 200
    read = (await cloud.graph("GET", path)).json()
    assert (read["notes"], read["passwordCredentials"]) == ("before", [])

    async def shown():
        return len((await cloud.graph("GET", path)).json()["passwordCredentials"]) == 1

    await until(shown)
    assert (await cloud.graph("GET", path)).json()["notes"] == "after"


async def test_a_new_secret_cannot_be_removed_at_first(cloud):
    """A replica that does not have a secret yet answers that there is none."""
    app = await cloud.application()
    path = f"/applications/{app['id']}"
    await lag(cloud, 0.5)
    secret = (await cloud.graph("POST", f"{path}/addPassword", {"passwordCredential": {}})).json()

    async def remove() -> httpx.Response:
        answer: httpx.Response = await cloud.graph(
            "POST", f"{path}/removePassword", {"keyId": secret["keyId"]}
        )
        return answer

    assert "No password credential found" in error(await remove())[2]

    async def removed() -> bool:
        return (await remove()).status_code == 204

    await until(removed)


async def test_an_owner_may_change_a_new_application_only_after_a_while(cloud):
    """The ownership of a new application can become visible later than the application itself."""
    client = await cloud.client("Application.ReadWrite.OwnedBy")
    await cloud.control("PUT", "/lag", {"seconds": 0, "owners": 0.5})
    app = (await cloud.graph("POST", "/applications", {"displayName": "x"}, client=client)).json()

    async def change() -> httpx.Response:
        path = f"/applications/{app['id']}"
        answer: httpx.Response = await cloud.graph("PATCH", path, {"notes": "x"}, client=client)
        return answer

    assert error(await change())[:2] == (403, "Authorization_RequestDenied")

    async def changed() -> bool:
        return (await change()).status_code == 204

    await until(changed)


async def test_a_new_secret_can_sign_in_immediately(cloud):
    """Login has no lag: a secret from addPassword is valid before Graph shows it."""
    app = await cloud.application()
    await cloud.graph("POST", "/servicePrincipals", {"appId": app["appId"]})
    await lag(cloud, 60)
    secret = await cloud.graph("POST", f"/applications/{app['id']}/addPassword", {"passwordCredential": {}})
    answer = await cloud.login(
        client_id=app["appId"],
        client_secret=secret.json()["secretText"],
        scope="https://graph.microsoft.com/.default",
    )
    assert answer.status_code == 200


async def test_grants_wait_for_their_principals(cloud):
    """A grant or assignment for a principal that is not visible yet is refused as in Entra ID."""
    resource = await cloud.principal()
    app = await cloud.application()
    await lag(cloud, 60)
    client = (await cloud.graph("POST", "/servicePrincipals", {"appId": app["appId"]})).json()
    grant = {"consentType": "AllPrincipals", "scope": "x"}
    first = await cloud.graph(
        "POST",
        "/oauth2PermissionGrants",
        grant | {"clientId": client["id"], "resourceId": resource["id"]},
    )
    assert error(first)[:2] == (404, "Request_ResourceNotFound")
    second = await cloud.graph(
        "POST",
        "/oauth2PermissionGrants",
        grant | {"clientId": resource["id"], "resourceId": client["id"]},
    )
    assert error(second)[:2] == (400, "Request_BadRequest")
    assert "reference-property objects are not present" in error(second)[2]
    role = {"principalId": client["id"], "appRoleId": "00000000-0000-0000-0000-000000000000"}
    answer = await cloud.graph(
        "POST",
        f"/servicePrincipals/{resource['id']}/appRoleAssignedTo",
        role | {"resourceId": resource["id"]},
    )
    assert error(answer)[2] == "Not a valid reference update."


async def test_a_deleted_application_is_seen_for_a_while(cloud):
    """Until the lag has passed, reads show a deleted application, and the deleted items do not."""
    app = await cloud.application()
    path, item = f"/applications/{app['id']}", f"/directory/deletedItems/{app['id']}"
    await lag(cloud, 0.5)
    assert (await cloud.graph("DELETE", path)).status_code == 204
    assert (await cloud.graph("GET", path)).status_code == 200
    assert (await cloud.graph("DELETE", path)).status_code == 404
    assert (await cloud.graph("GET", item)).status_code == 404

    async def moved():
        return (await cloud.graph("GET", item)).status_code == 200

    await until(moved)
    assert (await cloud.graph("GET", path)).status_code == 404


async def test_one_stale_read(cloud):
    """A stale fault lets a single read see an object as it was before its last change."""
    app = await cloud.application(notes="before")
    path = f"/applications/{app['id']}"
    await cloud.graph("PATCH", path, {"notes": "after"})
    await cloud.fault(kind="stale", service="graph", method="GET")
    assert (await cloud.graph("GET", path)).json()["notes"] == "before"
    assert (await cloud.graph("GET", path)).json()["notes"] == "after"
    new = await cloud.application()
    await cloud.fault(kind="stale", service="graph", method="GET")
    assert (await cloud.graph("GET", f"/applications/{new['id']}")).status_code == 404


async def test_an_upsert_can_try_to_create_again_what_reads_show(cloud):
    """What an upsert sees is not documented: for some time, it can be less than a read sees."""
    await cloud.control("PUT", "/lag", {"upserts": 60})
    unique = name()
    app = await cloud.application(uniqueName=unique)
    assert (await cloud.graph("GET", f"/applications/{app['id']}")).status_code == 200
    path, prefer = f"/applications(uniqueName='{unique}')", {"Prefer": "create-if-missing"}
    answer = await cloud.graph("PATCH", path, {"displayName": "changed"}, headers=prefer)
    assert answer.json()["error"]["details"][0]["code"] == "ObjectConflict"
    await cloud.graph("POST", "/servicePrincipals", {"appId": app["appId"]})
    again = await cloud.graph("PATCH", f"/servicePrincipals(appId='{app['appId']}')", {}, headers=prefer)
    assert again.json()["error"]["details"][0]["code"] == "ObjectConflict"
    await cloud.control("PUT", "/lag", {"upserts": 0})
    assert (await cloud.graph("PATCH", path, {"displayName": "changed"}, headers=prefer)).status_code == 204


async def test_a_client_secret_can_show_later_than_its_application(cloud):
    """A secret that no read shows yet is not found when it is removed; a removed one is still shown."""
    await cloud.control("PUT", "/lag", {"passwords": 60})
    app = await cloud.application()
    path = f"/applications/{app['id']}"
    body = {"passwordCredential": {"displayName": "x"}}
    added = (await cloud.graph("POST", f"{path}/addPassword", body)).json()
    assert (await cloud.graph("GET", path)).json()["passwordCredentials"] == []
    removed = await cloud.graph("POST", f"{path}/removePassword", {"keyId": added["keyId"]})
    assert error(removed)[0] == 400
    await cloud.control("PUT", "/lag", {"passwords": 0})
    assert len((await cloud.graph("GET", path)).json()["passwordCredentials"]) == 1
    app = await cloud.application(passwordCredentials=[{"displayName": "x"}])
    path, key = f"/applications/{app['id']}", {"keyId": app["passwordCredentials"][0]["keyId"]}
    await cloud.control("PUT", "/lag", {"passwords": 60})
    assert (await cloud.graph("POST", f"{path}/removePassword", key)).status_code == 204
    assert len((await cloud.graph("GET", path)).json()["passwordCredentials"]) == 1
    await cloud.control("PUT", "/lag", {"passwords": 0})
    assert (await cloud.graph("GET", path)).json()["passwordCredentials"] == []


async def test_a_new_role_of_the_service_itself_takes_time(cloud):
    """In Resource Manager and in the vault, the identity has what it had before, until the delay ends."""
    before = (await cloud.control("GET", "/settings")).json()
    await cloud.control("PUT", "/settings", {"permissions": [], "vaultActions": []})
    await cloud.control("PUT", "/lag", {"roles": 60})
    await cloud.control("PUT", "/settings", {name: before[name] for name in ("permissions", "vaultActions")})
    assert (await as_identity(cloud, "resourceManager", PERMISSIONS)).status_code == 403
    assert (await as_identity(cloud, "keyVault", "/secrets?api-version=7.5")).status_code == 403
    await cloud.control("PUT", "/lag", {"roles": 0})
    assert (await as_identity(cloud, "resourceManager", PERMISSIONS)).status_code == 200
    assert (await as_identity(cloud, "keyVault", "/secrets?api-version=7.5")).status_code == 200
