from __future__ import annotations

import pytest
from azure.data.tables.aio import TableServiceClient

from onboarding.storage import names
from tests.expiry.site import Site
from tests.support.connections import Fleet
from tests.support.receivers import WebServer
from tests.support.stacks import local_cloud


@pytest.fixture(scope="package")
async def expiry_stack(tmp_path_factory):
    """A local cloud with a clock that the tests move, and without reminders about sites."""
    folder = tmp_path_factory.mktemp("expiry")
    async with local_cloud(folder, HANDOVER_REMINDER_DAYS="0") as stack:
        yield stack


@pytest.fixture(scope="package")
async def shared_site(expiry_stack):
    """Its callers, and access to its tables."""
    account = expiry_stack.account.connection_string
    async with TableServiceClient.from_connection_string(account) as tables:
        site = Site(expiry_stack, tables)
        await site.control("PUT", "/settings", {"providerSeconds": 0})
        yield site
        await site.close()


@pytest.fixture
async def fleet(shared_site):
    """Connections that are written into its storage without an onboarding, and removed afterwards."""
    fleet = Fleet(shared_site.tables)
    yield fleet
    await fleet.clear()


@pytest.fixture
async def site(shared_site):
    """The site at the real time, with its settings; afterwards, no notice of the test is still due."""
    await shared_site.as_set()
    yield shared_site
    await shared_site.clear(names.WARNINGS)
    await shared_site.clear(names.NOTICE_INDEX)
    await shared_site.clear(names.INSPECTION_INDEX)
    await shared_site.control("DELETE", "/inbox/notices")
    await shared_site.reset_clock()


@pytest.fixture(scope="module")
async def people():
    """The servers that receive messages to people."""
    async with WebServer() as server:
        yield server
