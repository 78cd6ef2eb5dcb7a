from __future__ import annotations

import uuid

import pytest
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from infra.local.storage import Storage
from onboarding.storage.protocol import VERSION
from tests.local_host.hosts import Sample


@pytest.fixture(scope="package")
async def account(tmp_path_factory):
    """Connection string of an Azurite that the tests in this folder share."""
    storage = Storage(tmp_path_factory.mktemp("storage"))
    await storage.start()
    yield storage.account.connection_string
    await storage.stop()


@pytest.fixture
async def queue(account):
    """A queue for one test, written to as an app in Azure would."""
    name = f"q{uuid.uuid4().hex}"
    client = QueueClient.from_connection_string(
        account, name, message_encode_policy=TextBase64EncodePolicy(), api_version=VERSION
    )
    async with client:
        await client.create_queue()
        yield client


@pytest.fixture
async def sample(tmp_path, account, queue):
    """The sample app on that queue."""
    sample = Sample(tmp_path, account, queue.queue_name)
    yield sample
    await sample.close()
