from __future__ import annotations

import pytest

from infra.local.stack import Stack
from tests.durability.hosts import host_json
from tests.helpers import NEVER, Portal


@pytest.fixture(scope="package")
async def stack(tmp_path_factory):
    """The local cloud of a deployment that renews secrets on its own; its host looks for messages often."""
    environment = {"SWEEP_SCHEDULE": NEVER, "EXPIRY_SCHEDULE": NEVER, "RENEW_BEFORE_DAYS": "40"}
    impatient = host_json(tmp_path_factory.mktemp("host"), maxPollingInterval="00:00:00.4")
    folder = tmp_path_factory.mktemp("stack")
    async with Stack(folder, environment=environment, host_json=impatient) as stack:
        yield stack


@pytest.fixture(scope="package")
async def untouched(portal):
    """A connection that no test changes."""
    return await portal.onboarded()


@pytest.fixture(scope="package")
async def portal(stack):
    """Its callers. A fixture of its own: the one that other folders share belongs to their local cloud."""
    portal = Portal(stack)
    await portal.control("PUT", "/settings", {"providerSeconds": 0})
    yield portal
    await portal.close()
