"""What the tests of renewals request and check."""

from __future__ import annotations

from typing import Any

from tests.support.operations import done, in_vault, operate, signs_in, step
from tests.support.portal import Portal


async def renewal(portal: Portal, connection: dict[str, Any], **body: Any) -> dict[str, Any]:
    """A renewal that waits for its confirmation."""
    operation = await operate(portal, "POST", f"/api/connections/{connection['id']}/renewals", json=body)
    await step(portal, f"/api/operations/{operation['id']}", "confirmation", "Waiting")
    return operation


async def confirm(portal: Portal, connection: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """A finished renewal that a person confirmed."""
    path = f"/api/connections/{connection['id']}/renewals/{operation['id']}/confirm"
    return await done(portal, await operate(portal, "POST", path))


async def shown(portal: Portal, connection: dict[str, Any]) -> dict[str, Any]:
    """The current document of a connection."""
    found: dict[str, Any] = await portal.get(f"/api/connections/{connection['id']}", caller="operator")
    return found


async def secrets(portal: Portal, connection: dict[str, Any]) -> set[str]:
    """The key IDs of the server app's client secrets."""
    app = await portal.graph(f"/applications(appId='{connection['serverApp']['clientId']}')")
    return {each["keyId"] for each in app["passwordCredentials"]}


async def provided_secrets(portal: Portal, onboarding: str) -> list[str]:
    """The secrets in the vault that were provided for an onboarding or its renewals."""
    address: str | None = "/secrets?api-version=7.5"
    found: list[Any] = []
    while address:
        page = (await portal.look("keyVault", "GET", address)).json()
        address, found = page["nextLink"], [*found, *page["value"]]
    return [each["id"] for each in found if each["tags"].get("onboarding") == onboarding]


async def works(portal: Portal, connection: dict[str, Any], vault_id: str) -> bool:
    """Whether the server app can sign in with a secret (or a version of one) in the vault."""
    return await signs_in(portal, connection["serverApp"]["clientId"], await in_vault(portal, vault_id))


def current(vault_id: str) -> str:
    """The part of a secret's URL that names its current version."""
    return vault_id.rpartition("/")[0]


async def notices_of(portal, connection, kind) -> list[Any]:
    """The data of the events of a kind about a connection, in the order in which they arrived."""
    found = (await portal.control("GET", "/inbox/notices")).json()["value"]
    about = [each["body"] for each in found if each["body"]["source"] == f"/connections/{connection['id']}"]
    return [body["data"] for body in about if body["type"].endswith(kind)]
