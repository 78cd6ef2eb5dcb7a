"""What operators do to onboardings and connections, and what is left of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx

from tests.support.portal import FINAL, USUAL, Portal, until


def bad_request(method: str, path: str) -> dict[str, Any]:
    """Graph refuses each call of this kind: the step fails, and the service does not repeat the call."""
    return {
        "service": "graph",
        "method": method,
        "path": path,
        "kind": "status",
        "status": 400,
        "code": "Request_BadRequest",
        "times": None,
    }


async def operate(portal: Portal, method: str, path: str, **more: Any) -> dict[str, Any]:
    """Request an operation; return it as it was accepted."""
    answer = await portal.call(method, path, caller="operator", **more)
    assert answer.status_code == 202, answer.text
    document: dict[str, Any] = answer.json()
    assert answer.headers["Operation-Location"].endswith(f"/api/operations/{document['id']}")
    return document


async def ended(portal: Portal, operation: dict[str, Any]) -> dict[str, Any]:
    """An operation at its end."""

    async def final() -> dict[str, Any] | None:
        document: dict[str, Any] = await portal.get(f"/api/operations/{operation['id']}", caller="operator")
        return document if document["status"] in FINAL else None

    found: dict[str, Any] = await until(final, f"the end of operation {operation['id']}", pause=USUAL)
    return found


async def done(portal: Portal, operation: dict[str, Any]) -> dict[str, Any]:
    """An operation that has succeeded."""
    document = await ended(portal, operation)
    assert document["status"] == "Succeeded", document["error"]
    return document


async def step(portal: Portal, path: str, name: str, status: str) -> dict[str, Any]:
    """A step of a run, as soon as it has a status."""

    async def there() -> dict[str, Any] | None:
        document = await portal.get(path, caller="operator")
        (found,) = [each for each in document["steps"] if each["name"] == name]
        return found if found["status"] == status else None

    found: dict[str, Any] = await until(there, f"step {name} of {path} to be {status}")
    return found


async def held(portal: Portal, fault: str) -> bool:
    """Whether a fault holds a call."""
    return bool((await portal.control("GET", f"/faults/{fault}")).json()["held"])


@contextlib.asynccontextmanager
async def about_to_share(portal: Portal, owner: dict[str, Any]) -> AsyncIterator[str]:
    """An onboarding that shares a server app and is held just before its connection is written; its ID."""
    hold = {"service": "graph", "method": "POST", "path": "Grants", "kind": "hold", "when": "after"}
    async with portal.fault(**hold) as fault:
        onboarding = await portal.accepted(serverApp={"existing": {"connectionId": owner["id"]}})
        await until(lambda: held(portal, fault), "the call that is held")
        yield onboarding


async def left_of(portal: Portal, onboarding: str) -> list[str]:
    """Everything that an onboarding created and that still exists."""
    return [each async for each in _left_of(portal, onboarding)]


async def _left_of(portal: Portal, onboarding: str) -> AsyncIterator[str]:
    prefix = f"cmg-{onboarding}"
    for app in await listed(portal, "/applications"):
        if str(app.get("uniqueName")).startswith(prefix):
            yield f"application {app['uniqueName']}"
    deleted = "/directory/deletedItems/microsoft.graph"
    for app in await listed(portal, f"{deleted}.application"):
        if str(app.get("uniqueName")).startswith(prefix):
            yield f"deleted application {app['uniqueName']}"
    known = {app["appId"] for app in await listed(portal, "/applications")}
    for principal in await listed(portal, "/servicePrincipals"):
        ours = principal["appOwnerOrganizationId"] == portal.info["tenant"]
        if ours and principal["servicePrincipalType"] == "Application" and principal["appId"] not in known:
            yield f"service principal {principal['displayName']}"
    for principal in await listed(portal, f"{deleted}.servicePrincipal"):
        yield f"deleted service principal {principal['displayName']}"
    protected = (await portal.control("GET", "/settings")).json()["purgeProtection"]
    for kind in ("secrets",) if protected else ("secrets", "deletedsecrets"):
        with contextlib.suppress(AssertionError):
            await portal.look("keyVault", "GET", f"/{kind}/{prefix}?api-version=7.5")
            yield f"vault {kind} {prefix}"


async def listed(portal: Portal, path: str) -> list[Any]:
    """All entries of a list in Graph."""
    page = await portal.graph(path)
    found = list(page["value"])
    while link := page.get("@odata.nextLink"):
        page = (await portal.look("graph", "GET", link)).json()
        found += page["value"]
    return found


async def signs_in(portal: Portal, app_id: str, secret: str) -> bool:
    """Whether an application gets a token with a secret."""
    answer = await portal.http.post(
        f"{portal.info['login']}/{portal.info['tenant']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": app_id,
            "client_secret": secret,
            "scope": "https://graph.microsoft.com/.default",
        },
    )
    return answer.status_code == httpx.codes.OK


async def in_vault(portal: Portal, vault_id: str) -> str:
    """The value of a secret (or of one of its versions) in the vault."""
    name = "/".join(vault_id.split("/secrets/")[1].split("/"))
    answer = await portal.look("keyVault", "GET", f"/secrets/{name}?api-version=7.5")
    value: str = answer.json()["value"]
    return value


async def onboarding_seconds(portal: Portal, caller: str, *, limit: float = 60) -> float:
    """How long an onboarding of a caller takes until it has succeeded; fails after ``limit`` seconds."""
    began = time.monotonic()
    onboarding = await portal.accepted(caller=caller)

    async def ends() -> bool:
        document = await portal.get(f"/api/onboardings/{onboarding}", caller=caller)
        assert document["status"] != "Failed", document["error"]
        return bool(document["status"] == "Succeeded")

    await until(ends, "the onboarding to end", seconds=limit, pause=USUAL)
    return time.monotonic() - began
