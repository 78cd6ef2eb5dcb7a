"""A storage account for tests: what the app uses, and what the host does with its queues."""

from __future__ import annotations

import contextlib
import uuid
from datetime import timedelta
from typing import Final, Protocol

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import ContainerClient
from azure.storage.queue import BinaryBase64DecodePolicy
from azure.storage.queue.aio import QueueServiceClient

from onboarding.storage import ledgers, protocol, queues, tables
from onboarding.storage.ledgers import Ledgers
from onboarding.storage.queues import Queues
from onboarding.storage.tables import Tables
from tests.support.memory import MemoryTables
from tests.support.memory_ledgers import MemoryLedgers
from tests.support.memory_queues import MemoryQueues, Received
from tests.support.transports import Fuse, Wire

LOCK: Final = timedelta(hours=1)
"""How long a received message is hidden: longer than any test."""

both: Final = pytest.mark.parametrize("account", ["memory", "emulator"], indirect=True)
"""For tests of the contract that the account in memory and the emulator share."""


class Account(Protocol):
    """Tables and queues, and a fuse through which each call to them passes."""

    tables: Tables
    queues: Queues
    fuse: Fuse

    async def create_table(self, name: str) -> None:
        """Create a table, unless it exists."""

    async def create_queue(self, name: str) -> None:
        """Create a queue, unless it exists."""

    async def ledgers(self) -> Ledgers:
        """The ledgers of a new container."""

    async def receive(self, queue: str) -> Received | None:
        """Receive the next message, if there is one; it stays locked."""

    async def delete(self, queue: str, received: Received) -> None:
        """Delete a received message."""

    async def close(self) -> None:
        """Close the connections."""


class MemoryAccount:
    """An account that lasts as long as the test."""

    def __init__(self) -> None:
        self.fuse = Fuse()
        self._tables = MemoryTables(self.fuse.around)
        self._queues = MemoryQueues(self.fuse.around)
        self.tables: Tables = self._tables
        self.queues: Queues = self._queues

    async def create_table(self, name: str) -> None:
        """Create a table, unless it exists."""
        self._tables.create(name)

    async def create_queue(self, name: str) -> None:
        """Create a queue, unless it exists."""
        self._queues.create(name)

    async def ledgers(self) -> Ledgers:
        """The ledgers of a new container."""
        return MemoryLedgers()

    async def receive(self, queue: str) -> Received | None:
        """Receive the next message, if there is one; it stays locked."""
        return await self._queues.receive(queue, lock=LOCK)

    async def delete(self, queue: str, received: Received) -> None:
        """Delete a received message."""
        await self._queues.delete(queue, received)

    async def close(self) -> None:
        """Nothing is open."""


class EmulatedAccount:
    """The account of a running emulator."""

    def __init__(self, connection_string: str) -> None:
        self.fuse = Fuse()
        self._connection_string = connection_string
        self._containers: list[ContainerClient] = []
        wire = Wire(self.fuse)
        self._tables = TableServiceClient.from_connection_string(
            connection_string, transport=wire, **tables.RETRIES
        )
        self._queues = QueueServiceClient.from_connection_string(
            connection_string, transport=wire, api_version=protocol.VERSION, **queues.RETRIES
        )
        self.tables = Tables(self._tables)
        self.queues = Queues(self._queues)

    async def create_table(self, name: str) -> None:
        """Create a table, unless it exists."""
        await self._tables.create_table_if_not_exists(name)

    async def create_queue(self, name: str) -> None:
        """Create a queue, unless it exists."""
        with contextlib.suppress(ResourceExistsError):
            await self._queues.create_queue(name)

    async def ledgers(self) -> Ledgers:
        """The ledgers of a new container."""
        container = ContainerClient.from_connection_string(
            self._connection_string,
            f"c{uuid.uuid4().hex}",
            api_version=protocol.VERSION,
            **ledgers.RETRIES,
        )
        await container.create_container()
        self._containers.append(container)
        return Ledgers(lambda: container)

    async def receive(self, queue: str) -> Received | None:
        """Receive the next message, if there is one; it stays locked."""
        client = self._queues.get_queue_client(queue, message_decode_policy=BinaryBase64DecodePolicy())
        message = await client.receive_message(visibility_timeout=int(LOCK.total_seconds()))
        if message is None:
            return None
        return Received(id=message.id, receipt=str(message.pop_receipt), body=message.content)

    async def delete(self, queue: str, received: Received) -> None:
        """Delete a received message."""
        await self._queues.get_queue_client(queue).delete_message(received.id, received.receipt)

    async def close(self) -> None:
        """Close the connections."""
        await self._tables.close()
        await self._queues.close()
        for container in self._containers:
            await container.close()
