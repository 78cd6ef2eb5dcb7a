"""A connection from request to removal, with what the guide grants and with the delays that Microsoft has."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Iterable, Sequence
from pathlib import Path

import pytest

from infra.docs.calls import RECORD, SELDOM
from infra.local.stack import Stack
from tests.support import calls
from tests.support.customers import CustomerPortal
from tests.support.lives import PUBLIC, US_GOVERNMENT, Case, HardLife, Life
from tests.support.portal import unique
from tests.support.stacks import local_cloud

LAGS = dict.fromkeys(
    ("seconds", "owners", "grants", "passwords", "upserts", "secrets", "federation", "consent", "roles"), 1.5
)
"""Every delay that the simulated cloud knows, in seconds."""

USUAL = {
    PUBLIC: [
        [("home", "base", "custom"), ("other", "see", "Contributor")],
        [("home", "consent", "Contributor")],
    ],
    US_GOVERNMENT: [
        [("home", "see", "custom"), ("other", "base", "Contributor")],
        [("other", "consent", "custom")],
    ],
}
"""The lives of the usual run: each pair of values occurs. Those of one list run at the same time."""

ALL = [
    Case.of(environment, tenant, permissions, role)
    for environment in (PUBLIC, US_GOVERNMENT)
    for tenant in ("home", "other")
    for permissions in ("base", "see", "consent")
    for role in ("custom", "Contributor")
]


class Lives:
    """Some connections in one local cloud, and the calls that the app makes meanwhile."""

    def __init__(self, stack: Stack, recorded: calls.Table) -> None:
        self._stack = stack
        self._portal = CustomerPortal(stack)
        self._recorded = recorded

    async def live(self, lives: Sequence[type[Life]], cases: Sequence[Case]) -> None:
        """From nothing to nothing, at the same time."""
        portal = self._portal
        living = [kind(portal, case) for kind, case in zip(lives, cases, strict=True)]
        await portal.control("PUT", "/lag", dict.fromkeys(LAGS, 0))
        await portal.control("PUT", "/settings", {"providerSeconds": 0.5, "scatteredLists": True})
        key = {"value": unique("signs-links-in-messages-and-feeds")}
        await portal.look("keyVault", "PUT", "/secrets/link-key?api-version=7.5", key)
        for caller in ("requester", "operator"):  # so that neither their secrets nor their roles are new
            await portal.token(caller)
        await portal.graph("/organization?$select=id")
        await _each(life.prepare() for life in living)
        await portal.restart_host()
        await portal.control("DELETE", "/calls")
        start = self._log.stat().st_size
        await portal.control("PUT", "/lag", LAGS)
        await _each(life.let_in() for life in living)
        await _each(self._until_conformance(life) for life in living)
        await self._next_day()
        await _each(life.inspected() for life in living)
        await _each(life.remove() for life in living)
        health = await portal.call("GET", "/api/health")  # no timer runs here, so jobs are late
        assert health.status_code in {200, 503}, health.text
        feed = await portal.call("POST", "/api/expirations/feed")
        calendar = await portal.call("GET", feed.json()["url"], caller=None)
        assert calendar.is_success, calendar.text
        found = (await portal.control("GET", "/calls?batched=true")).json()["value"]
        calls.add(self._recorded, found)
        calls.add_storage(self._recorded, self._log, start)

    async def close(self) -> None:
        """Close the connections."""
        await self._portal.close()

    @property
    def _log(self) -> Path:
        return self._stack.folder / "storage" / "azurite.log"

    @staticmethod
    async def _until_conformance(life: Life) -> None:
        await life.onboard()
        await life.renew()
        await life.conforms()

    async def _next_day(self) -> None:
        clock = f"{self._stack.api}/admin/host/clock"
        answer = await self._portal.http.put(clock, json={"advance": 86_400})
        assert answer.status_code == 200, answer.text
        await self._portal.fire("sweep_directory")


async def _each(work: Iterable[Awaitable[None]]) -> None:
    await asyncio.gather(*work)


async def live(
    folder: Path, rounds: Sequence[Sequence[Case]], *, recorded: calls.Table, hard: Sequence[Case] = ()
) -> None:
    """Let connections live in one local cloud, one list after the other; those in ``hard`` have bad luck."""
    environment = rounds[0][0].environment
    async with local_cloud(
        folder,
        azure_environment=environment,
        permissions="base",
        storage_tokens=environment == PUBLIC,
        storage_log=True,
        INSPECT_EVERY_DAYS="1",
        LINK_KEY="link-key",
    ) as stack:
        lives = Lives(stack, recorded)
        try:
            for cases in rounds:
                await lives.live([HardLife if case in hard else Life for case in cases], cases)
        finally:
            await lives.close()


async def test_connections_live_with_what_the_guide_grants(tmp_path):
    """One request each, and one visit of each administrator, is all that people do.

    The page about calls is generated from the calls of these lives. ``RECORD_CALLS=1`` records them again.
    """
    recorded: calls.Table = {}
    async with asyncio.TaskGroup() as clouds:
        for environment, rounds in USUAL.items():
            cases = [[Case.of(environment, *values) for values in lives] for lives in rounds]
            hard = cases[-1] if environment == PUBLIC else ()
            clouds.create_task(live(tmp_path / environment, cases, recorded=recorded, hard=hard))
    known = json.loads(RECORD.read_text())
    found = calls.document(recorded)
    for service, seldom in SELDOM.items():
        found[service] |= {call: known[service][call] for call in seldom if call not in found[service]}
    if os.environ.get("RECORD_CALLS"):
        RECORD.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    assert found == known, "Run this test with RECORD_CALLS=1, then 'make openapi', and review the difference"


@pytest.mark.soak
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in ALL])
async def test_a_connection_lives_with_what_the_guide_grants(tmp_path, case):
    """Each combination alone, with no call that the page does not list."""
    recorded: calls.Table = {}
    await live(tmp_path, [[case]], recorded=recorded)
    known = json.loads(RECORD.read_text())
    for service, found in recorded.items():
        assert found.keys() <= known[service].keys(), service
