from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.stack import Stack
from tests.incidents import night
from tests.support.portal import Portal
from tests.support.stacks import local_cloud
from tests.support.world import World


@pytest.fixture
def world(tmp_path):
    """A new deployment on storage in memory."""
    return World(tmp_path / "clock")


@pytest.fixture(scope="package")
async def stack(tmp_path_factory) -> AsyncIterator[Stack]:
    """The local cloud that all incidents share. Some move its clock, so no other folder uses it."""
    async with local_cloud(tmp_path_factory.mktemp("incidents")) as stack:
        yield stack


@pytest.fixture(scope="package")
async def portal(stack) -> AsyncIterator[Portal]:
    """Callers of that local cloud."""
    portal = Portal(stack)
    await portal.control("PUT", "/settings", {"providerSeconds": 0})
    yield portal
    await portal.close()


@pytest.fixture(scope="package")
async def settled(portal):
    """A connection that is old enough to be inspected. Its secret expires in 95 days."""
    end = (datetime.now(UTC) + timedelta(days=95)).replace(microsecond=0).isoformat()
    made = await portal.onboarded(serverApp={"secretEndDate": end})
    await night.advance(portal, timedelta(hours=2))
    return made
