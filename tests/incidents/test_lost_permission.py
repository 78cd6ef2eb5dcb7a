"""The service's identity loses a Graph permission during ten onboardings, and gets it back."""

from __future__ import annotations

from typing import Final

import pytest

from tests.incidents import night

pytestmark = pytest.mark.soak

INCIDENT: Final = "The identity lost a permission"
RUNS: Final = 10


async def test_lost_permission(portal):
    """It is one entry with its cause. Afterwards, one call makes all ten continue; nothing has failed."""
    roles = (await portal.control("GET", "/settings")).json()["identityRoles"]
    fewer = [role for role in roles if role != "Application.ReadWrite.OwnedBy"]
    assert fewer != roles
    async with portal.settings(identityRoles=fewer):
        onboardings = [await portal.accepted() for _ in range(RUNS)]
        for onboarding in onboardings:
            document = await portal.blocked(onboarding)
            assert document["error"]["actor"] == "Operator"
            as_customer = await portal.get(f"/api/onboardings/{onboarding}")
            assert as_customer["status"] in {"Waiting", "Running"}, "one of them probes it"
        entries = [
            each
            for each in (await night.overview(portal))["attention"]
            if each["code"] == "run-waits-for-operator" and each["count"] >= RUNS
        ]
        assert len(entries) == 1
        assert sum(entries[0]["causes"].values()) == entries[0]["count"]
    assert (await night.act(portal, INCIDENT))["kept"] == 0
    for onboarding in onboardings:
        assert (await portal.finished(onboarding))["status"] == "Succeeded"
        assert await night.secrets_of(portal, onboarding) == 1
    assert "run-waits-for-operator" not in await night.attention(portal)
