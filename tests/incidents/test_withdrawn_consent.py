"""An administrator of the customer withdraws the consent to the applications."""

from __future__ import annotations

from typing import Any, Final

from tests.incidents import night
from tests.support.portal import Portal

INCIDENT: Final = "A customer changed something in the tenant"


async def consents(portal: Portal, connection: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The differences in the consent, after the page's call."""
    found = await night.inspected(portal, connection)
    return {code: each for code, each in found.items() if code.startswith("consent-")}


async def test_withdrawn_consent(portal, settled):
    """The page's call shows it with its remedy, and shows later that it is gone."""
    assert await consents(portal, settled) == {}
    withdrawn = await night.withdraw(portal, settled)
    found = await consents(portal, settled)
    assert found
    assert all("Grant admin consent" in each["remedy"] for each in found.values())
    assert set(found) <= set((await night.attention(portal))["connection-drifting"]["causes"])
    await night.consent(portal, settled, withdrawn)
    assert await consents(portal, settled) == {}
    causes = (await night.attention(portal)).get("connection-drifting", {}).get("causes", {})
    assert not set(found) & set(causes)
