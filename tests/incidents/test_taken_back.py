"""A customer withdraws a consent, deletes an application, or replaces the secret by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest

from tests.incidents import night
from tests.support.portal import Portal, until

pytestmark = pytest.mark.soak

INCIDENT: Final = "A customer took something back"


async def inspected(portal: Portal, connection: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The differences of a connection by code, after the call of the page."""
    await night.advance(portal, timedelta(minutes=2))  # between two inspections on request
    shown = await night.act(portal, INCIDENT, id=connection["id"])
    return {each["code"]: each for each in shown["directory"]["differences"]}


async def told(portal: Portal, connection: dict[str, Any], kind: str) -> None:
    """Wait until the customer has one notice of a kind about a connection."""

    async def notices() -> list[str]:
        inbox = (await portal.control("GET", "/inbox/notices")).json()["value"]
        bodies = [each["body"] for each in inbox]
        source = f"/connections/{connection['id']}"
        return [body["type"] for body in bodies if body["source"] == source and body["type"].endswith(kind)]

    assert len(await until(notices, f"a notice {kind}")) == 1


async def test_a_deleted_application(moved_portal, settled):
    """One call shows it, with its cause; after it was restored, one call shows that it is gone."""
    portal, app = moved_portal, settled["serverApp"]
    assert "application" not in await inspected(portal, settled)
    await portal.look("graph", "DELETE", f"/v1.0/applications/{app['objectId']}")
    found = await inspected(portal, settled)
    assert found["application"]["remedy"]
    assert (await night.attention(portal))["drifting"]["causes"]["application"] == 1
    await told(portal, settled, "ApplicationDeleted")
    for each in (app["objectId"], app["servicePrincipalId"]):
        await portal.look("graph", "POST", f"/v1.0/directory/deletedItems/{each}/restore")
    assert "application" not in await inspected(portal, settled)


async def test_a_secret_that_was_added_by_hand(moved_portal, settled):
    """What the customer wants is dismissed; the next secret by hand needs attention again."""
    portal, path = moved_portal, f"/v1.0/applications/{settled['serverApp']['objectId']}/addPassword"
    await portal.look("graph", "POST", path, {"passwordCredential": {"displayName": "by hand"}})
    assert "secret-added" in await inspected(portal, settled)
    assert (await night.act(portal, INCIDENT, 1, id=settled["id"]))["done"] == 1
    found = await inspected(portal, settled)
    assert found["secret-added"]["dismissed"]["reason"] == "The customer wants it"
    drifting = await portal.all("/api/attention", caller="operator", code="drifting")
    assert settled["id"] not in {each["id"] for each in drifting}
    body = {"passwordCredential": {"displayName": "another", "endDateTime": "2028-01-01T00:00:00Z"}}
    await portal.look("graph", "POST", path, body)
    assert "dismissed" not in (await inspected(portal, settled))["secret-added"]
    drifting = await portal.all("/api/attention", caller="operator", code="drifting")
    assert settled["id"] in {each["id"] for each in drifting}
