from __future__ import annotations

import time
from datetime import UTC, datetime

import httpx
import pytest

from tests.support.portal import Portal, until

RIGHTS = {"tablesWrite", "queuesWrite", "auditWrite", "graphApplications", "keyVaultWrite"}
CHECKS = {
    "tables",
    "queues",
    "audit",
    "login",
    "graph",
    "resourceManager",
    "keyVault",
    "jobs",
    "records",
    *RIGHTS,
}


async def health(portal: Portal) -> httpx.Response:
    return await portal.call("GET", "/api/health", caller=None)


async def test_health_is_open_and_names_each_dependency(portal):
    """A monitor needs no token, and sees only for each dependency whether it answers."""
    answer = await until_status(portal, 200)
    document = answer.json()
    assert (document["status"], document["checks"]) == ("ok", dict.fromkeys(CHECKS, "ok"))
    assert document["version"] == {"commit": "local", "builtAt": "2026-01-01T00:00:00Z"}
    assert set(document["checkedAt"]) == CHECKS
    for name, moment in document["checkedAt"].items():
        age = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
        assert 0 <= age <= (65 if name in RIGHTS else 10), name
    assert answer.headers["Cache-Control"] == "no-store"


async def test_many_monitors_cause_no_more_calls_than_one(portal):
    """The service keeps a probe for a while: calls to health cannot flood the tenant with requests."""
    await until_status(portal, 200)
    before, began = await key_requests(portal), time.monotonic()
    for _ in range(30):
        await health(portal)
    probes = 1 + (time.monotonic() - began) / 5
    assert await key_requests(portal) - before <= probes


async def key_requests(portal: Portal) -> int:
    """How often the sign-in service was asked for its keys, which each probe does once."""
    calls = (await portal.control("GET", "/calls?service=login")).json()["value"]
    return sum("discovery/v2.0/keys" in call["path"] for call in calls)


async def test_what_is_away_is_named(portal):
    """While dependencies drop their connections, health fails and names them, and shows nothing private."""
    async with (
        portal.fault(service="keyVault", kind="drop", times=None),
        portal.fault(service="resourceManager", kind="drop", times=None),
    ):
        expected = dict.fromkeys(CHECKS - RIGHTS, "ok") | {
            "keyVault": "failing",
            "resourceManager": "failing",
        }

        async def named() -> bool:
            document = (await until_status(portal, 503)).json()
            assert document["status"] == "failing"
            return {name: document["checks"][name] for name in CHECKS - RIGHTS} == expected

        await until(named, "the next look at both")


@pytest.mark.parametrize(
    ("settings", "check"),
    [
        ({"identityRoles": ["Organization.Read.All"]}, "graphApplications"),
        ({"vaultActions": ["secrets/getSecret/action", "secrets/readMetadata/action"]}, "keyVaultWrite"),
    ],
)
async def test_what_the_service_may_not_do_is_named(portal, settings, check):
    """A permission that is lost is failing, although everything answers; nothing is written to find it."""
    await portal.restart_host()  # so that no result is kept
    async with portal.settings(**settings):
        document = (await until_status(portal, 503)).json()
    assert {name for name, status in document["checks"].items() if status != "ok"} == {check}
    secrets = (await portal.look("keyVault", "GET", "/secrets?api-version=7.5")).json()["value"]
    assert not [secret for secret in secrets if secret["id"].endswith("/ping")]
    await until_status(portal, 200)  # a failing right is asked for again soon


async def until_status(portal: Portal, status: int) -> httpx.Response:
    """The answer of health once it has this status; the service keeps a probe for five seconds."""

    async def right() -> httpx.Response | None:
        answer = await health(portal)
        return answer if answer.status_code == status else None

    found: httpx.Response = await until(right, f"health {status}")
    return found
