from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.portal import Portal
from tests.support.stacks import local_cloud


@pytest.fixture(scope="package")
async def stack(tmp_path_factory):
    """A local cloud whose deployment renews secrets automatically and lets only operators retry."""
    folder = tmp_path_factory.mktemp("stack")
    async with local_cloud(folder, RENEW_BEFORE_DAYS="40", OPERATORS_ONLY="retry") as stack:
        yield stack


@pytest.fixture(scope="package")
async def untouched(portal):
    """A connection that no test changes."""
    return await portal.onboarded()


@pytest.fixture(scope="package")
async def portal(stack):
    """Its callers. This fixture is separate because the shared one of other folders uses their cloud."""
    portal = Portal(stack)
    await portal.control("PUT", "/settings", {"providerSeconds": 0})
    yield portal
    await portal.close()


@pytest.fixture
async def moved(portal):
    """Moves the clock, and resets it after the test."""

    async def advance(by: timedelta) -> None:
        address = f"{portal.stack.api}/admin/host/clock"
        assert (await portal.http.put(address, json={"advance": by.total_seconds()})).is_success
        await portal.fire("sweep_onboardings")

    yield advance
    await portal.http.delete(f"{portal.stack.api}/admin/host/clock")
