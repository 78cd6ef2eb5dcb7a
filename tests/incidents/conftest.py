from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.incidents import night
from tests.support.portal import Portal
from tests.support.stacks import local_cloud
from tests.support.world import World


@pytest.fixture
def world(tmp_path):
    """A deployment on storage in memory, in which nothing happened yet."""
    return World(tmp_path / "clock")


@pytest.fixture(scope="package")
async def moved_portal(tmp_path_factory) -> AsyncIterator[Portal]:
    """Callers of a local cloud whose clock the long tests move: nothing of it is left to others."""
    async with local_cloud(tmp_path_factory.mktemp("incidents")) as stack:
        portal = Portal(stack)
        await portal.control("PUT", "/settings", {"providerSeconds": 0})
        yield portal
        await portal.close()


@pytest.fixture
async def settled(moved_portal):
    """A connection that is old enough to be inspected."""
    made = await moved_portal.onboarded()
    await night.advance(moved_portal, timedelta(hours=2))
    return made
