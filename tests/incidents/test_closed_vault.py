"""The firewall of the vault refuses the service for a while."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from tests.incidents import night

INCIDENT: Final = "The vault refuses access"


def causes(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The causes that runs wait for, because the vault refuses the service."""
    return [each for each in document["blocked"] if each["code"] == "forbidden"]


@pytest.mark.soak
async def test_closed_vault(portal):
    """Runs wait for one cause; a stopped run no longer waits; the others continue, each with one secret."""
    closed = {"service": "keyVault", "method": "PUT", "kind": "status", "status": 403, "times": None}
    before = datetime.now(UTC)
    async with portal.fault(**closed, code="Forbidden", message="Client address is not authorized."):
        onboardings = [await portal.accepted() for _ in range(3)]
        for onboarding in onboardings:
            document = await portal.blocked(onboarding)
            assert (document["error"]["step"], document["error"]["code"]) == ("server-secret", "forbidden")
        during = await night.overview(portal)
        await portal.call("POST", f"/api/onboardings/{onboardings[2]}/cancel", caller="operator")
        assert (await portal.finished(onboardings[2]))["status"] == "Cancelled"
        assert [cause["count"] for cause in causes(await night.overview(portal))] == [2]
    (cause,) = causes(during)
    assert (cause["actor"], cause["count"], cause["tenants"]) == ("Operator", 3, [portal.info["tenant"]])
    assert "Key Vault Secrets Officer" in cause["remedy"]
    assert before <= datetime.fromisoformat(cause["since"]) <= datetime.now(UTC)
    (entry,) = [each for each in during["attention"] if each["code"] == "run-waits-for-operator"]
    assert (entry["count"], entry["causes"], entry["since"]) == (3, {"forbidden": 3}, cause["since"])
    assert "no access to the key vault: runs wait since" in entry["title"]
    handled = await night.act(portal, INCIDENT)
    assert handled["done"] + handled["kept"] <= 2, "some may have continued on their own"
    for onboarding in onboardings[:2]:
        assert (await portal.finished(onboarding))["status"] == "Succeeded"
        assert await night.secrets_of(portal, onboarding) == 1
    assert causes(await night.overview(portal)) == []
