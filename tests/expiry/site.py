"""A deployment whose clock can be moved, and the mailbox behind its webhook."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.data.tables.aio import TableServiceClient
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from infra.local.stack import Stack
from onboarding.storage import names
from onboarding.workflow.run_index import NEW
from tests.support import described
from tests.support.portal import Portal, until

SWEEP = "sweep_expirations"


class Site(Portal):
    """Callers of one stack."""

    def __init__(self, stack: Stack, tables: TableServiceClient) -> None:
        super().__init__(stack)
        self.tables = tables
        self._settings = dict(stack.environment)  # those of the running host

    async def connection(self, days: float = 365, **changes: Any) -> dict[str, Any]:
        """A new connection whose secret expires in so many days."""
        end = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
        return await self.onboarded(serverApp={"secretEndDate": end.isoformat()}, **changes)

    @contextlib.asynccontextmanager
    async def set(self, settings: Mapping[str, str]) -> AsyncIterator[None]:
        """Use other settings for a while; the next test starts with a host of its own."""
        before = dict(self.stack.environment)
        self.stack.environment.update(settings)
        yield
        self.stack.environment.clear()
        self.stack.environment.update(before)

    async def as_set(self) -> None:
        """Restart the host if its settings differ from those of the test."""
        if self._settings != self.stack.environment:
            self._settings = dict(self.stack.environment)
            await self.restart_host()

    async def at(self, moment: datetime) -> None:
        """Set the clock."""
        answer = await self.http.put(f"{self.stack.api}/admin/host/clock", json={"now": moment.isoformat()})
        assert answer.status_code == 200, answer.text

    async def advance(self, by: timedelta) -> None:
        """Move the clock forward."""
        answer = await self.http.put(
            f"{self.stack.api}/admin/host/clock", json={"advance": by.total_seconds()}
        )
        assert answer.status_code == 200, answer.text

    async def reset_clock(self) -> None:
        """Go back to the real time."""
        await self.http.delete(f"{self.stack.api}/admin/host/clock")

    async def sweep(self) -> None:
        """Fire the expiry timer, and wait until all notices are delivered."""
        await self.fire(SWEEP)
        await self.settled()

    async def settled(self) -> None:
        """Wait until no inspection is in progress, and no notice is waiting for delivery."""

        async def nothing() -> bool:
            rows = [  # in this order: inspections announce notices
                row
                for index in (names.INSPECTION_INDEX, names.NOTICE_INDEX)
                for row in await self.rows(index)
            ]
            return not [row for row in rows if row["PartitionKey"] == NEW]

        await until(nothing, "the delivery of all notices")

    async def waits(self, connection: dict[str, Any], table: str = names.NOTICES) -> bool:
        """Whether a notice about a connection, or its inspection, waits for a retry."""
        rows = await self.rows(table)
        runs = {row["PartitionKey"] for row in rows if connection["id"] in row.get("request", "")}
        return any(
            json.loads(row["document"]).get("status") == "Waiting"
            for row in rows
            if row["PartitionKey"] in runs
        )

    async def rows(self, table: str) -> list[Any]:
        """All rows of a table."""
        return [row async for row in self.tables.get_table_client(table).list_entities()]

    async def clear(self, table: str) -> None:
        """Remove all rows of a table."""
        for row in await self.rows(table):
            await self.tables.get_table_client(table).delete_entity(row)

    async def connection_row(self, connection: dict[str, Any]) -> Any:
        """The row that stores a connection."""
        tenant, _, key = connection["id"].partition(".")
        return await self.tables.get_table_client(names.CONNECTIONS).get_entity(tenant, key)

    async def renew(self, connection: dict[str, Any]) -> None:
        """Give a connection's secret another expiration, as a renewal does."""
        row = await self.connection_row(connection)
        document = json.loads(row["document"])
        document["secret"]["ends_at"] = (ends_at(connection) + timedelta(days=365)).isoformat()
        row["document"] = json.dumps(document)
        await self.tables.get_table_client(names.CONNECTIONS).update_entity(row)

    async def received(self, connection: dict[str, Any]) -> list[BaseCloudEvent]:
        """What the webhook received about a connection, read with the CloudEvents library."""
        found = (await self.control("GET", "/inbox/notices")).json()["value"]
        for each in found:
            described.check_event(each["body"])
        events = [
            from_http_event(HTTPMessage(each["headers"], json.dumps(each["body"]).encode())) for each in found
        ]
        return [event for event in events if event.get_source() == f"/connections/{connection['id']}"]


def ends_at(connection: dict[str, Any]) -> datetime:
    """When a connection's secret expires."""
    return datetime.fromisoformat(connection["secret"]["endsAt"])


def before(connection: dict[str, Any], days: float, seconds: float = 1) -> datetime:
    """A second (or so many seconds) before the given number of days before the expiration."""
    return ends_at(connection) - timedelta(days=days) + timedelta(seconds=seconds)


def days(events: list[BaseCloudEvent]) -> list[int]:
    """The thresholds of the warnings among some events."""
    return [found["daysBeforeEnd"] for found in map(data, events) if "daysBeforeEnd" in found]


def data(event: BaseCloudEvent) -> dict[str, Any]:
    """The data of an event."""
    found: Any = event.get_data()
    assert isinstance(found, dict)
    return found
