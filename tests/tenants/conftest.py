from __future__ import annotations

import pytest

from tests.support.customers import CustomerPortal
from tests.support.stacks import local_cloud


@pytest.fixture(scope="package")
async def portal(tmp_path_factory):
    """A local cloud for these tests, so that the consent of another tenant affects no others."""
    async with local_cloud(tmp_path_factory.mktemp("tenants")) as stack:
        portal = CustomerPortal(stack)
        await portal.control("PUT", "/settings", {"providerSeconds": 0})
        yield portal
        await portal.close()


@pytest.fixture
async def stranger(portal):
    """The customer's tenant before its administrator consents, without a cached token."""
    await portal.leave()
    await portal.restart_host()
    yield portal
    await portal.restart_host()


@pytest.fixture
async def customer(portal):
    """The customer's tenant after its administrator consented and assigned the role."""
    await portal.let_in()
    return portal
