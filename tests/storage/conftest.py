from __future__ import annotations

import uuid

import pytest
from azure.data.tables.aio import TableServiceClient

from onboarding.storage.tables import RETRIES, Tables
from onboarding.workflow.engine import Limits
from tests.storage.workbench import DIAMOND, STALLED, Workbench, done
from tests.support.transports import Wire


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


@pytest.fixture
def limits():
    """How long things may take; a test may parametrize it."""
    return Limits(stalled=STALLED)


@pytest.fixture
async def bench(azurite, tmp_path, limits):
    """An engine whose steps are all done at once, unless a test says otherwise."""
    bench = await Workbench.open(azurite, tmp_path / "clock", limits=limits)
    for name in DIAMOND.steps:
        bench.on(name, done)
    yield bench
    await bench.close()
