"""Secrets that callers provide: the vault keeps those that are in use."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.expiry.site import Site
from tests.support.portal import until
from tests.support.precreated import precreated


async def in_vault(site: Site) -> dict[str, dict[str, Any]]:
    """The provided secrets in the vault, by onboarding."""
    address: str | None = "/secrets?api-version=7.5"
    found: dict[str, dict[str, Any]] = {}
    while address:
        page = (await site.look("keyVault", "GET", address)).json()
        address = page["nextLink"]
        found |= {
            each["tags"]["onboarding"]: each["attributes"]
            for each in page["value"]
            if each["id"].rpartition("/")[2].startswith("import-") and each.get("tags")
        }
    return found


async def failed(site: Site, wanted: dict[str, Any], code: str) -> str:
    """An onboarding that fails."""
    onboarding = await site.accepted(**wanted)
    document = await site.finished(onboarding)
    assert document["error"]["code"] == code
    return onboarding


async def test_a_secret_without_a_use_does_not_stay_in_the_vault(site):
    """It is not stored without an application; after a failed onboarding it stays a week. Others are kept."""
    apps, other = await precreated(site), await precreated(site, server={"web": {"redirectUris": []}})
    nobody = {"serverApp": {"existing": {"clientId": str(uuid.uuid4()), "secret": apps.secret}}}
    unknown = await failed(site, nobody, "app-not-found")
    kept = await failed(site, other.request(), "app-not-conformant")
    used = (await site.onboarded(**apps.request()))["onboardingId"]
    found = await in_vault(site)
    assert unknown not in found
    assert datetime.fromtimestamp(found[used]["exp"], UTC) == apps.ends_at
    assert found[kept]["exp"]
    await site.fire("sweep_directory")
    assert {kept, used} <= set(await in_vault(site))
    await site.advance(timedelta(days=8))
    await site.fire("sweep_directory")

    async def cleared() -> bool:
        return kept not in await in_vault(site)

    await until(cleared, "the secret to be removed")
    assert used in await in_vault(site)
    events = await site.all("/api/audit", caller="operator", actorId="service")
    told = [event for event in events if event["kind"] == "discard_secret"]
    assert [event["runId"] for event in told] == [kept, kept], "before and after the removal"
    assert "calls" not in told[0]
    assert {"DELETE"} <= {call["method"] for call in told[1]["calls"]}
