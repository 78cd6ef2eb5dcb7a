from __future__ import annotations

import pytest

from tests.interleavings.cloud import InProcessCloud
from tests.interleavings.world import World


@pytest.fixture(scope="package")
def simulated(tmp_path_factory):
    """The simulated cloud that the deployments of this folder share, one after another."""
    cloud = InProcessCloud(tmp_path_factory.mktemp("cloud"))
    yield cloud
    cloud.close()


@pytest.fixture
async def world(simulated):
    """A deployment for one test."""
    world = World(simulated)
    yield world
    await world.close()
