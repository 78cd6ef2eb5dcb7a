from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.local_cloud.clouds import CloudProcess

GRAPH = "00000003-0000-0000-c000-000000000000"
DIRECTORY_READ = "7ab1d382-f21e-4acd-a863-ba3e13f7da61"
USER_READ = "e1fe6dd8-ba31-4d61-89e7-88639da4683d"
OPENID = "37f7f235-527c-4136-accd-4a02d197296e"
REPLY = "https://portal.example/consented"


async def asking(
    cloud: CloudProcess,
    *,
    reply: str = "",
    permissions: tuple[tuple[str, str], ...] = ((DIRECTORY_READ, "Role"), (USER_READ, "Scope")),
) -> dict[str, Any]:
    """An application that requests permissions of Graph, with a reply address or without one."""
    access = [{"id": permission, "type": kind} for permission, kind in permissions]
    return await cloud.application(
        requiredResourceAccess=[{"resourceAppId": GRAPH, "resourceAccess": access}],
        web={"redirectUris": [reply] if reply else []},
    )


def page(cloud: CloudProcess, app: dict[str, Any], **parameters: str) -> str:
    """The address of the page, in the home tenant."""
    query = "".join(f"&{name}={value}" for name, value in parameters.items())
    return f"{cloud.info['login']}/{cloud.info['tenant']}/adminconsent?client_id={app['appId']}{query}"


async def granted(cloud: CloudProcess, app: dict[str, Any]) -> tuple[set[str], set[str]] | None:
    """The roles and scopes that an application has in its tenant; None without a service principal."""
    found = (await cloud.graph("GET", f"/servicePrincipals?$filter=appId eq '{app['appId']}'")).json()[
        "value"
    ]
    if not found:
        return None
    path = f"/servicePrincipals/{found[0]['id']}"
    roles = (await cloud.graph("GET", f"{path}/appRoleAssignments")).json()["value"]
    grants = (await cloud.graph("GET", f"{path}/oauth2PermissionGrants")).json()["value"]
    return {each["appRoleId"] for each in roles}, {each["scope"] for each in grants}


async def test_the_page_lists_what_is_requested_and_grants_nothing(cloud):
    """A person sees name, permissions and their types, before anything is granted."""
    app = await asking(cloud)
    answer = await cloud.http.get(page(cloud, app))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert app["displayName"] in answer.text
    assert "Directory.Read.All (application)" in answer.text
    assert "User.Read (delegated)" in answer.text
    assert await granted(cloud, app) is None


async def test_accepting_grants_all_and_returns_to_the_reply_address(cloud):
    """The browser goes to the first reply address, with the tenant and the caller's state."""
    app = await asking(cloud, reply=REPLY)
    answer = await cloud.http.post(page(cloud, app, state="a b"), data={"answer": "accept"})
    assert answer.status_code == 302
    target = urlsplit(answer.headers["Location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == REPLY
    assert parse_qs(target.query) == {
        "admin_consent": ["True"],
        "tenant": [cloud.info["tenant"]],
        "state": ["a b"],
    }
    assert await granted(cloud, app) == ({DIRECTORY_READ}, {"User.Read"})


async def test_accepting_again_adds_nothing_twice(cloud):
    """A second consent adds what has been requested since to what was granted."""
    app = await asking(cloud, reply=REPLY)
    await cloud.http.post(page(cloud, app), data={"answer": "accept"})
    access = [{"id": each, "type": "Scope"} for each in (USER_READ, OPENID)]
    access.append({"id": DIRECTORY_READ, "type": "Role"})
    change = {"requiredResourceAccess": [{"resourceAppId": GRAPH, "resourceAccess": access}]}
    assert (await cloud.graph("PATCH", f"/applications/{app['id']}", change)).is_success
    await cloud.http.post(page(cloud, app), data={"answer": "accept"})
    after = await granted(cloud, app)
    assert after is not None
    roles, (scopes,) = after
    assert roles == {DIRECTORY_READ}
    assert scopes.split() == ["User.Read", "openid"]


async def test_declining_grants_nothing(cloud):
    """The browser returns with an error, and with all that it returns with after a consent."""
    app = await asking(cloud, reply=REPLY)
    answer = await cloud.http.post(page(cloud, app, state="s"), data={"answer": "cancel"})
    returned = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert returned.pop("error") == ["consent_required"]
    assert "AADSTS65004" in returned.pop("error_description")[0]
    assert returned == {"admin_consent": ["True"], "tenant": [cloud.info["tenant"]], "state": ["s"]}
    assert await granted(cloud, app) is None


async def test_without_a_reply_address_the_consent_is_recorded_and_the_page_is_an_error(cloud):
    """Entra ID records the consent before it looks for an address to return to."""
    app = await asking(cloud)
    answer = await cloud.http.post(page(cloud, app), data={"answer": "accept"})
    assert answer.status_code == 400
    assert "AADSTS500113" in answer.text
    assert await granted(cloud, app) == ({DIRECTORY_READ}, {"User.Read"})


@pytest.mark.parametrize("reply", ["https://evil.example", f"{REPLY}/more", REPLY.upper()])
async def test_another_reply_address_is_refused(cloud, reply):
    """Only a registered address is used; the page is not even shown."""
    app = await asking(cloud, reply=REPLY)
    for method in ("GET", "POST"):
        answer = await cloud.http.request(
            method, page(cloud, app, redirect_uri=reply), data={"answer": "accept"}
        )
        assert answer.status_code == 400
        assert "AADSTS50011" in answer.text
    assert await granted(cloud, app) is None


async def test_unknown_applications_and_tenants_are_error_pages(cloud):
    """What login refuses is a page for a person, with its code."""
    login, tenant = cloud.info["login"], cloud.info["tenant"]
    for address, code in (
        (f"{login}/{tenant}/adminconsent?client_id={uuid.uuid4()}", "AADSTS700016"),
        (f"{login}/{tenant}/adminconsent", "AADSTS900144"),
        (f"{login}/{uuid.uuid4()}/adminconsent?client_id={uuid.uuid4()}", "AADSTS90002"),
    ):
        answer = await cloud.http.get(address)
        assert answer.status_code == 400
        assert answer.headers["Content-Type"].startswith("text/html")
        assert code in answer.text


async def test_another_tenant_consents_to_multitenant_applications_only(cloud):
    """An application of one tenant is unknown in another, unless it is multitenant."""
    other = cloud.info["tenants"][0]["tenant"]
    app = await asking(cloud, reply=REPLY, permissions=((DIRECTORY_READ, "Role"),))
    address = f"{cloud.info['login']}/{other}/adminconsent?client_id={app['appId']}"
    assert "AADSTS700016" in (await cloud.http.get(address)).text
    await cloud.graph("PATCH", f"/applications/{app['id']}", {"signInAudience": "AzureADMultipleOrgs"})
    answer = await cloud.http.post(address, data={"answer": "accept"})
    assert f"tenant={other}" in answer.headers["Location"]
