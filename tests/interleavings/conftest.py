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


def pytest_terminal_summary(terminalreporter):
    """Report how many orders the tests of this folder explored, and how many of them left something wrong."""
    sums = {"orders": 0, "failed": 0}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, value in report.user_properties:
                    if name in sums:
                        sums[name] += value
    if sums["orders"]:
        terminalreporter.write_line(f"{sums['orders']} orders explored, {sums['failed']} failed")
