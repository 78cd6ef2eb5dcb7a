"""A subscription was moved to another tenant and disabled, and the tenant was renamed."""

from __future__ import annotations

from typing import Final

import pytest

from tests.incidents import night
from tests.support.customers import FABRIKAM

pytestmark = pytest.mark.soak

INCIDENT: Final = "A subscription moved"


async def test_moved_subscription(portal, settled):
    """The next inspection shows it. It can be dismissed if it is intended, and is gone when it is undone."""
    moved = {"subscription": {"state": "Disabled", "tenantId": FABRIKAM}}
    await portal.control("PUT", "/settings", moved)
    try:
        codes = {code for code in await night.inspected(portal, settled) if code.startswith("subscription-")}
        assert codes == {"subscription-in-other-tenant", "subscription-disabled"}
        causes = (await night.attention(portal))["connection-drifting"]["causes"]
        assert codes <= set(causes)
        assert (await night.act(portal, INCIDENT, id=settled["id"]))["done"] == 1
        drifting = await portal.all("/api/attention", caller="operator", code="connection-drifting")
        assert settled["id"] not in {each["id"] for each in drifting}
    finally:
        await portal.control("PUT", "/settings", {"subscription": {}})
    assert not codes & set(await night.inspected(portal, settled))
