"""No timer fires for forty days, while a renewal waits for its site and a secret expires."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from tests.incidents import night
from tests.support.portal import until

INCIDENT: Final = "The timers did not run"
JOBS: Final = ("sweep_onboardings", "sweep_expirations", "sweep_directory")


async def test_forty_days(portal, settled):
    """It is the most severe entry. Afterwards one warning is sent, and no secret is removed."""
    for job in JOBS:
        await portal.fire(job)
    path = f"/api/connections/{settled['id']}"
    asked = await portal.call("POST", f"{path}/renewals", json={}, caller="operator")
    assert asked.status_code == 202, asked.text

    async def waits() -> bool:
        found = await portal.get(f"/api/operations/{asked.json()['id']}", caller="operator")
        return bool(found["status"] == "Waiting")

    await until(waits, "the renewal to wait for its site")
    before = await night.notices(portal, settled)
    secrets = await night.secrets_of(portal, settled["onboardingId"])
    await night.advance(portal, timedelta(days=40))
    assert next(iter(await night.attention(portal))) == "job-late"
    health = await portal.call("GET", "/api/health", caller=None)
    assert health.status_code == 503
    for job in JOBS:
        await portal.fire(job)
    assert "job-late" not in await night.attention(portal)

    async def told() -> list[str]:
        found = await night.notices(portal, settled)
        return [kind for kind in found[len(before) :] if "Secret" in kind]

    warnings: list[Any] = await until(told, "the warning")
    assert len(warnings) == 1, "the most urgent that is due"
    assert await night.secrets_of(portal, settled["onboardingId"]) == secrets, (
        "the site may still use the old one"
    )
    assert await waits()
