"""What waits for an unresponsive service ends before whatever waits for it."""

from __future__ import annotations

import json
from typing import Any

from onboarding.cloud import microsoft_graph
from onboarding.cloud.azure_sdk import Transport
from onboarding.settings import Settings
from onboarding.storage import account
from onboarding.workflow.runtime import Limits
from tests.support.sources import ROOT

SERVICE = 30
"""Seconds after which the storage account itself ends a call.

Source: https://learn.microsoft.com/rest/api/storageservices/setting-timeouts-for-table-service-operations.
"""

LOCK = 600.0
"""Seconds for which a host hides a message that it is handling, before it hides it again.

Source: QueueProcessor of Azure/azure-sdk-for-net, Microsoft.Azure.WebJobs.Extensions.Storage.Queues.
"""


def test_a_call_ends_before_its_step_and_a_step_before_its_message_is_visible_again():
    """No call outlives an attempt of a step; no attempt outlives the lock or the time limit of a function."""
    waits = Transport(None).connection_config
    longest = max(waits.timeout, waits.read_timeout, microsoft_graph._LONGEST)
    step = Limits().step.total_seconds()
    hours, minutes, seconds = map(
        int, json.loads((ROOT / "host.json").read_text())["functionTimeout"].split(":")
    )
    function = hours * 3600 + minutes * 60 + seconds
    assert longest < step < function < LOCK


async def test_a_call_of_storage_ends_soon_after_the_service_has_ended_it():
    """A lost response does not block others that wait for it longer than the service could take."""
    settings = Settings(
        storage_connection=(
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:1/a;"
            "QueueEndpoint=http://127.0.0.1:1/a;BlobEndpoint=http://127.0.0.1:1/a;"
        ),
        home_tenant_id="t",
        key_vault_url="https://vault.invalid",
        api_audience="a",
    )
    clients: tuple[Any, ...] = (
        account.table_service(settings),
        account.queue_service(settings),
        account.blob_container(settings, "audit"),
    )
    for client in clients:
        pipeline = getattr(client, "_pipeline", None) or client._client._client._pipeline
        limits = pipeline._transport.connection_config
        assert SERVICE < limits.read_timeout < 2 * SERVICE
        assert limits.timeout <= SERVICE
