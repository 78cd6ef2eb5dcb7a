"""Opens the storage account: by the managed identity in Azure, by a connection string on one machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from onboarding.settings import Settings
from onboarding.storage import ledgers, protocol, queues, tables

if TYPE_CHECKING:
    from azure.storage.blob.aio import ContainerClient

_DIRECT: Final[Mapping[str, Any]] = {"use_env_settings": False}
"""Otherwise aiohttp reads the proxies and ``~/.netrc`` in two threads for each call."""

_TRANSPORT: Final[Mapping[str, Any]] = {**_DIRECT, "connection_timeout": 20, "read_timeout": 35}
"""Seconds. The service itself ends a call after 30; the SDK would wait 300 for an answer that was lost.

Source: https://learn.microsoft.com/rest/api/storageservices/setting-timeouts-for-table-service-operations.
"""


def table_service(settings: Settings) -> TableServiceClient:
    """The account's tables."""
    if settings.storage_connection:
        return TableServiceClient.from_connection_string(
            settings.storage_connection, api_version=protocol.TABLES_VERSION, **tables.RETRIES, **_TRANSPORT
        )
    return TableServiceClient(
        settings.table_service_uri,
        credential=_credential(settings),
        api_version=protocol.TABLES_VERSION,
        **tables.RETRIES,
        **_TRANSPORT,
        **_trust(settings),
    )


def queue_service(settings: Settings) -> QueueServiceClient:
    """The account's queues."""
    if settings.storage_connection:
        return QueueServiceClient.from_connection_string(
            settings.storage_connection,
            api_version=protocol.VERSION,
            **queues.RETRIES,
            **_TRANSPORT,
        )
    return QueueServiceClient(
        settings.queue_service_uri,
        credential=_credential(settings),
        api_version=protocol.VERSION,
        **queues.RETRIES,
        **_TRANSPORT,
        **_trust(settings),
    )


def blob_container(settings: Settings, name: str) -> ContainerClient:
    """A container of the account's blobs."""
    from azure.storage.blob.aio import ContainerClient  # noqa: PLC0415 - needed by few calls

    if settings.storage_connection:
        return ContainerClient.from_connection_string(
            settings.storage_connection,
            name,
            api_version=protocol.VERSION,
            **ledgers.RETRIES,
            **_TRANSPORT,
        )
    uri = settings.blob_service_uri or settings.table_service_uri.replace(".table.", ".blob.", 1)
    return ContainerClient(
        uri,
        name,
        credential=_credential(settings),
        api_version=protocol.VERSION,
        **ledgers.RETRIES,
        **_TRANSPORT,
        **_trust(settings),
    )


def _trust(settings: Settings) -> dict[str, Any]:
    return {"connection_verify": str(settings.local_cloud_ca)} if settings.local_cloud_ca else {}


def _credential(settings: Settings) -> AsyncTokenCredential:
    # Imported here, because it is not needed with a connection string.
    from azure.identity.aio import ManagedIdentityCredential  # noqa: PLC0415

    return ManagedIdentityCredential(client_id=settings.identity_client_id or None, **_DIRECT)
