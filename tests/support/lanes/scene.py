"""A local cloud as a test sees it: its API, its directory, its tables and queues."""

from __future__ import annotations

from typing import Any

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from infra.local.stack import Stack
from onboarding.storage import names, protocol
from tests.support.portal import Portal


class Scene:
    """What a test sees of a running stack, without a proxy."""

    def __init__(self, stack: Stack) -> None:
        storage = stack.account.connection_string
        self.stack = stack
        self.portal = Portal(stack)
        self.tables = TableServiceClient.from_connection_string(storage)
        self.queues = QueueServiceClient.from_connection_string(storage, api_version=protocol.VERSION)

    @property
    def address(self) -> str:
        """The URL of the API."""
        return self.stack.api

    async def close(self) -> None:
        """Close the connections."""
        await self.portal.close()
        await self.tables.close()
        await self.queues.close()

    async def get(self, path: str) -> Any:
        """A document of the API, as an operator sees it."""
        return await self.portal.get(f"{self.address}{path}", caller="operator")

    async def all(self, path: str) -> list[Any]:
        """All entries of a list of the API, as an operator sees them."""
        return await self.portal.all(f"{self.address}{path}", caller="operator")

    async def rows(self, table: str, text: str = "") -> list[TableEntity]:
        """The rows of a table, all or those that match a filter."""
        client = self.tables.get_table_client(table)
        found = client.query_entities(text) if text else client.list_entities()
        return [row async for row in found]

    async def forget_channels(self) -> None:
        """Delete the states of the channels, as if none had delivered anything."""
        for row in await self.rows(names.SERVICE, "PartitionKey eq 'channels'"):
            await self.tables.get_table_client(names.SERVICE).delete_entity(row)

    async def waiting(self, queue: str) -> int:
        """How many messages are on a queue, visible or not."""
        properties = await self.queues.get_queue_client(queue).get_queue_properties()
        return int(properties.approximate_message_count or 0)
