from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from infra.local.stack import ROOT, Stack
from infra.local.storage import Storage
from tests.helpers import NEVER, Portal

# Speed is not what these examples are about, and a busy machine is no reason to fail.
settings.register_profile("quiet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quiet")


_FIRST = ("durability", "local_host", "api")
"""The folders that take longest: begun first, so that none of them is left alone at the end."""


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items):
    """Tests of a folder share their local cloud, so they run in one process; the folders side by side."""

    def place(item):
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        return _FIRST.index(folder) if folder in _FIRST else len(_FIRST)

    items.sort(key=place)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(item.path.relative_to(ROOT / "tests").parts[0]))


@pytest.fixture(scope="session")
async def stack(tmp_path_factory):
    """The local cloud that the tests of the API share: storage, the simulated cloud, one host."""
    schedules = {"SWEEP_SCHEDULE": NEVER, "EXPIRY_SCHEDULE": NEVER}
    async with Stack(tmp_path_factory.mktemp("stack"), environment=schedules) as stack:
        yield stack


@pytest.fixture(scope="session")
async def portal(stack):
    """Callers of that local cloud, and a look behind it."""
    portal = Portal(stack)
    await portal.control("PUT", "/settings", {"providerSeconds": 0})
    yield portal
    await portal.close()


@pytest.fixture(scope="session")
async def azurite(tmp_path_factory):
    """Connection string of an Azurite that the tests of storage share."""
    storage = Storage(tmp_path_factory.mktemp("azurite"))
    await storage.start()
    yield storage.account.connection_string
    await storage.stop()
