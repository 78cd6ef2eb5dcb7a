"""The tables are restored from a backup, while the tenants and the vault have changed.

``tests/interleavings/test_restores.py`` plays the same without processes, in seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from azure.data.tables.aio import TableServiceClient

from onboarding.storage import names
from tests.incidents import night
from tests.support.portal import Portal, problem, until
from tests.support.stacks import local_cloud

INCIDENT: Final = "Storage was restored from a backup"
_AT_ONCE: Final = 30

Backup = Mapping[str, list[Any]]


@pytest.fixture
async def portal(tmp_path) -> AsyncIterator[Portal]:
    """Callers of a local cloud of its own, because all of its tables are restored."""
    async with local_cloud(tmp_path) as stack:
        portal = Portal(stack)
        await portal.control("PUT", "/settings", {"providerSeconds": 0})
        yield portal
        await portal.close()


async def backup(tables: TableServiceClient) -> Backup:
    """All rows of all tables."""
    return {
        table: [row async for row in tables.get_table_client(table).list_entities()] for table in names.TABLES
    }


async def restore(tables: TableServiceClient, before: Backup) -> None:
    """Restore all rows, and remove those that are newer."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def put(table: str, row: Any, *, kept: bool) -> None:
        async with slots:
            client = tables.get_table_client(table)
            await (client.upsert_entity(row) if kept else client.delete_entity(row))

    for table, now in (await backup(tables)).items():
        keys = {(row["PartitionKey"], row["RowKey"]) for row in before[table]}
        newer = [row for row in now if (row["PartitionKey"], row["RowKey"]) not in keys]
        await asyncio.gather(*(put(table, row, kept=False) for row in newer))
        await asyncio.gather(*(put(table, row, kept=True) for row in before[table]))


async def operated(portal: Portal, method: str, path: str, status: str, **more: Any) -> str:
    """Wait until an operation has a status; return its ID."""
    answer = await portal.call(method, path, caller="operator", **more)
    assert answer.status_code == 202, answer.text
    operation = str(answer.json()["id"])

    async def reached() -> bool:
        document = await portal.get(f"/api/operations/{operation}", caller="operator")
        assert document["status"] != "Failed", document
        return bool(document["status"] == status)

    await until(reached, f"{status} of {operation}")
    return operation


async def notices(portal: Portal) -> list[str]:
    """The connections that the webhook got events about."""
    found = (await portal.control("GET", "/inbox/notices")).json()["value"]
    return [str(each["body"]["source"]) for each in found]


async def health(portal: Portal) -> Mapping[str, str]:
    """The checks of health."""
    checks: Mapping[str, str] = (await portal.call("GET", "/api/health", caller=None)).json()["checks"]
    return checks


@pytest.mark.soak
async def test_restored_storage(portal):
    """It is noticed at once, customers get no false notice, and afterwards everything is known again."""
    soon = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0).isoformat()
    renewed, left = await asyncio.gather(
        portal.onboarded(serverApp={"secretEndDate": soon}), portal.onboarded()
    )
    path = f"/api/connections/{renewed['id']}"
    account = portal.stack.account.connection_string
    async with TableServiceClient.from_connection_string(account) as tables:
        await portal.fire("sweep_onboardings")
        before = await backup(tables)
        renewal = await operated(portal, "POST", f"{path}/renewals", "Waiting", json={})
        await operated(portal, "POST", f"{path}/renewals/{renewal}/confirm", "Succeeded")
        await operated(portal, "DELETE", f"/api/connections/{left['id']}", "Succeeded")
        new = await portal.onboarded()
        true = await portal.get(path, caller="operator")
        await portal.fire("sweep_onboardings")
        await portal.control("DELETE", "/inbox/notices")
        await restore(tables, before)
    gravest = (await night.overview(portal))["attention"][0]
    assert gravest["code"] == "storage-restored"
    assert "POST /api/reconcile" in gravest["title"]

    async def fails() -> bool:
        return (await health(portal))["records"] == "failing"

    await until(fails, "health to fail")
    assert (await portal.get(path, caller="operator"))["secret"]["endsAt"] == renewed["secret"]["endsAt"]
    for job in ("sweep_onboardings", "sweep_expirations", "sweep_directory"):
        await portal.fire(job)
    document = await night.act(portal, INCIDENT, 0)
    assert (document["dryRun"], document["paused"]) == (True, True)
    expected = {
        ("secret-taken-up", renewed["id"]),
        ("connection-removed", left["id"]),
        ("connection-taken-up", new["id"]),
    }
    assert {(each["code"], each["connectionId"]) for each in document["value"]} == expected
    assert await notices(portal) == []
    assert (await portal.get(path, caller="operator"))["secret"] == renewed["secret"]
    document = await night.act(portal, INCIDENT, 1)
    assert {(each["code"], each["connectionId"]) for each in document["value"]} == expected
    assert not document["paused"]
    assert "storage-restored" not in await night.attention(portal)
    assert (await night.act(portal, INCIDENT, 0))["value"] == []
    now = await portal.get(path, caller="operator")
    assert (now["secret"], now["expirations"]) == (true["secret"], true["expirations"])
    again = await portal.get(f"/api/connections/{new['id']}", caller="operator")
    assert (again["secret"], again["expirations"]) == (new["secret"], new["expirations"])
    gone = await portal.call("GET", f"/api/connections/{left['id']}", caller="operator")
    problem(gone, 404, "not-found")
    found = await portal.get(f"/api/onboardings/{new['onboardingId']}", caller="operator")
    assert found["status"] == "Succeeded"
    await portal.fire("sweep_expirations")
    assert f"/connections/{renewed['id']}" not in await notices(portal)
    trail = await portal.all("/api/audit", caller="operator")
    assert len({event["requestId"] for event in trail if event["kind"] == "reconcile"}) == 3
    assert len([event for event in trail if event["kind"] == "reconciled"]) >= 2
