from __future__ import annotations

import uuid

import pytest
from azure.data.tables.aio import TableServiceClient

from onboarding.storage.tables import RETRIES, Tables
from tests.storage.transports import Wire


@pytest.fixture(scope="session")
def wire():
    """What carries the calls to storage, and counts them."""
    return Wire()


@pytest.fixture(scope="session")
async def service(azurite, wire):
    """The tables of Azurite."""
    async with TableServiceClient.from_connection_string(azurite, transport=wire, **RETRIES) as service:
        yield service


@pytest.fixture(scope="session")
def tables(service):
    """All tables, as the app uses them."""
    return Tables(service)


@pytest.fixture
async def table(service):
    """The name of a table of the test's own."""
    name = f"t{uuid.uuid4().hex}"
    await service.create_table(name)
    return name
