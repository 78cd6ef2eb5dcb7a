"""A customer withdraws a consent, deletes an application, or replaces the secret by hand."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.incidents import night
from tests.support.portal import Portal, until

pytestmark = pytest.mark.soak

INCIDENT: Final = "A customer changed something in the tenant"


async def told(portal: Portal, connection: dict[str, Any], kind: str) -> None:
    """Wait until the customer has one notice of a kind about a connection."""

    async def notices() -> list[str]:
        return [each for each in await night.notices(portal, connection) if each.endswith(kind)]

    assert len(await until(notices, f"a notice {kind}")) == 1


async def test_a_deleted_application(portal, settled):
    """One call shows it with its cause; after it is restored, one call shows that it is repaired."""
    app = settled["serverApp"]
    assert "application" not in await night.inspected(portal, settled)
    grants = await night.grants(portal, settled)
    await portal.look("graph", "DELETE", f"/v1.0/applications/{app['objectId']}")
    found = await night.inspected(portal, settled)
    assert found["application"]["remedy"]
    assert (await night.attention(portal))["connection-drifting"]["causes"]["application"] == 1
    await told(portal, settled, "ApplicationDeleted")
    for each in (app["objectId"], app["servicePrincipalId"]):
        await portal.look("graph", "POST", f"/v1.0/directory/deletedItems/{each}/restore")
    await night.consent(portal, settled, grants)  # they were deleted with the service principal
    assert "application" not in await night.inspected(portal, settled)


async def test_a_secret_that_was_added_by_hand(portal, settled):
    """A secret that the customer wants is dismissed; the next one that is added by hand needs attention."""
    path = f"/v1.0/applications/{settled['serverApp']['objectId']}/addPassword"
    await portal.look("graph", "POST", path, {"passwordCredential": {"displayName": "by hand"}})
    assert "secret-added" in await night.inspected(portal, settled)
    assert (await night.act(portal, INCIDENT, 1, id=settled["id"]))["done"] == 1
    found = await night.inspected(portal, settled)
    assert found["secret-added"]["dismissed"]["reason"] == "The customer wants it"
    drifting = await portal.all("/api/attention", caller="operator", code="connection-drifting")
    assert settled["id"] not in {each["id"] for each in drifting}
    body = {"passwordCredential": {"displayName": "another", "endDateTime": "2028-01-01T00:00:00Z"}}
    await portal.look("graph", "POST", path, body)
    assert "dismissed" not in (await night.inspected(portal, settled))["secret-added"]
    drifting = await portal.all("/api/attention", caller="operator", code="connection-drifting")
    assert settled["id"] in {each["id"] for each in drifting}
