from __future__ import annotations

import secrets

import pytest

from tests.support.customers import CustomerPortal
from tests.support.stacks import local_cloud

KEY = secrets.token_urlsafe(64)
"""It signs the addresses of the service."""


@pytest.fixture(scope="package")
async def portal(tmp_path_factory):
    """A local cloud for these tests, so that the consent of another tenant affects no others."""
    async with local_cloud(tmp_path_factory.mktemp("tenants"), LINK_KEY="link-key") as stack:
        portal = CustomerPortal(stack)
        await portal.look("keyVault", "PUT", "/secrets/link-key?api-version=7.5", {"value": KEY})
        await portal.control("PUT", "/settings", {"providerSeconds": 0})
        yield portal
        await portal.close()


@pytest.fixture(scope="package")
def link_key():
    """The key that signs the addresses of the service."""
    return KEY


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
