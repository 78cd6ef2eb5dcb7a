"""An auditor asks who did what, and whether the answer can be trusted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from azure.data.tables.aio import TableServiceClient

from onboarding.storage import names
from onboarding.storage.tables import Range, Row, Tables, Write
from tests.incidents import night
from tests.support.portal import Portal, problem, unique, until

INCIDENT: Final = "Somebody changed the audit trail"
FOREVER: Final = Range("2", "3")
"""The partitions of all months."""


@pytest.fixture
async def tables(stack) -> AsyncIterator[Tables]:
    """The tables, as somebody with access to the storage account sees them."""
    async with TableServiceClient.from_connection_string(stack.account.connection_string) as service:
        yield Tables(service)


async def trail(portal: Portal, **filters: str) -> list[dict[str, Any]]:
    """All events that a filter selects, page by page."""
    found: list[dict[str, Any]] = await portal.all("/api/audit", caller="operator", **filters)
    return found


async def seen(portal: Portal, kinds: set[str], **filters: str) -> list[dict[str, Any]]:
    """The events, once these kinds are among them."""

    async def complete() -> list[dict[str, Any]] | None:
        events = await trail(portal, **filters)
        return events if kinds <= {event["kind"] for event in events} else None

    found: list[dict[str, Any]] = await until(complete)
    return found


async def verified(portal: Portal) -> dict[str, Any]:
    found: dict[str, Any] = await portal.get("/api/audit/verify", caller="operator")
    return found


async def test_a_connection_has_one_story(portal):
    """From the dry run to the removal: who did what, with which request and which calls to the cloud."""
    began = datetime.now(UTC) - timedelta(seconds=5)
    body = portal.request(name=unique())
    dry = await portal.call("POST", "/api/onboardings?dryRun=true", json=body)
    connection = await portal.onboarded(**body)
    path = f"/api/connections/{connection['id']}"
    for what in ("conformance", "handover"):
        assert (await portal.call("GET", f"{path}/{what}", caller="operator")).is_success
    problem(await portal.call("POST", f"{path}/inspect", caller="operator"), 409, "too-early-to-inspect")
    too_early = await portal.call("POST", f"{path}/acknowledge", json={}, caller="operator")
    problem(too_early, 409, "no-warning-yet")
    removal = await portal.call("DELETE", path, caller="operator")
    assert removal.status_code == 202, removal.text

    wanted = {"remove_connection", "get_handover", "accepted", "succeeded"}
    await seen(portal, wanted, connectionId=connection["id"])
    removal_id = removal.json()["id"]

    async def removed() -> list[dict[str, Any]] | None:
        events = await trail(portal, connectionId=connection["id"])
        ended = any(
            event.get("runId") == removal_id and event["kind"] == "succeeded" and event["step"] == "inventory"
            for event in events
        )
        return events if ended else None

    story = await until(removed)
    moments = [event["at"][:23] for event in story]  # keys have milliseconds
    assert moments == sorted(moments)
    assert {event["tenantId"] for event in story} == {connection["tenantId"]}
    kinds = [event["kind"] for event in story if "requestId" in event]
    assert kinds.index("create_onboarding") < kinds.index("get_connection_conformance")
    assert {"inspect_connection", "get_handover", "acknowledge_connection", "remove_connection"} <= set(kinds)
    by_request = {
        event["requestId"]: event for event in story if event.get("requestId") and "status" in event
    }
    assert by_request[dry.headers["x-ms-request-id"]]["calls"], "a dry run calls the cloud"
    refused = by_request[too_early.headers["x-ms-request-id"]]
    assert (refused["status"], refused["error"]) == (409, "no-warning-yet")
    for event in story:
        assert ("actorId" in event) == (event["actor"] != "service"), event
        assert event["version"] == "local"
    calls = [call for event in story for call in event.get("calls", ()) if "Graph" in call["service"]]
    assert {call["method"] for call in calls} >= {"GET", "POST", "DELETE"}
    assert all(call["requestId"] for call in calls if call["status"])

    operator = refused["actorId"]
    mine = await trail(portal, actorId=operator, **{"from": began.isoformat()})
    assert {event["actorId"] for event in mine} == {operator}
    assert removal.headers["x-ms-request-id"] in {event.get("requestId") for event in mine}
    today = await trail(portal, tenantId=connection["tenantId"], **{"from": began.isoformat()})
    assert {event["id"] for event in story} <= {event["id"] for event in today}
    later = {"from": "2039-01-01T00:00:00Z", "to": "2040-01-01T00:00:00Z"}
    assert await trail(portal, **later) == []


async def test_only_operators_read_the_trail(portal):
    """The trail has what all callers did, so requesters cannot read it."""
    problem(await portal.call("GET", "/api/audit"), 403, "role-missing")
    problem(await portal.call("GET", "/api/audit/verify"), 403, "role-missing")
    wrong = await portal.call(
        "GET", "/api/audit?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", caller="operator"
    )
    problem(wrong, 400, "invalid-parameter")


@pytest.mark.soak
async def test_tampering_is_seen(portal, tables):
    """Changed, deleted and forged events are reported, and the page's calls restore the trail."""
    await portal.call("POST", "/api/onboardings?dryRun=true", json=portal.request())
    assert await verified_soon(portal) == {"intact": True}
    rows = [row async for row in tables.scan(names.AUDIT, FOREVER)]
    victim = next(row for row in rows if row.columns.get("actor") not in {None, "service"})
    told = victim.columns["document"]
    name = next(e["actor"] for e in await trail(portal) if f'"{e["id"]}"' in told)

    await put(tables, replace(victim, columns={**victim.columns, "document": told.replace(name, "eve")}))
    found = await night.act(portal, INCIDENT)
    assert (found["intact"], found["gap"]["reason"]) == (False, "changed")
    assert found["gap"]["written"]["actor"] == name
    assert (found["gap"]["chain"], found["gap"]["key"]) == (victim.partition, victim.key)
    await restored(portal, tables, victim)

    await tables.write(names.AUDIT, Row(partition=victim.partition, key=victim.key), Write.DELETE)
    found = await night.act(portal, INCIDENT)
    assert (found["gap"]["reason"], found["gap"]["key"]) == ("missing", victim.key)
    await restored(portal, tables, victim)

    forged = replace(victim, key=f"{victim.key.split(':')[0]}:00009000")
    await put(tables, forged)
    found = await night.act(portal, INCIDENT)
    assert (found["gap"]["reason"], found["gap"]["key"]) == ("not-in-copy", forged.key)
    await restored(portal, tables, victim)
    story = await trail(portal)
    assert [event["actor"] for event in story if event["kind"] == "remove_foreign_row"] == [name_of(story)]


def name_of(story: list[dict[str, Any]]) -> str:
    """The operator who restored the trail, as the trail names it."""
    (name,) = {event["actor"] for event in story if event["kind"] == "restore_audit"}
    return str(name)


async def restored(portal: Portal, tables: Tables, victim: Row) -> None:
    """See what differs, and restore it; afterwards the trail is as before."""
    plan = await night.act(portal, INCIDENT, 1)
    assert (await verified(portal))["intact"] is False
    done = await night.act(portal, INCIDENT, 2)
    assert plan["value"] == done["value"] != []
    assert (plan["dryRun"], done["dryRun"]) == (True, False)
    assert await verified_soon(portal) == {"intact": True}
    row = await tables.get(names.AUDIT, victim.partition, victim.key)
    assert row is not None
    assert row.columns["document"] == victim.columns["document"]


async def verified_soon(portal: Portal) -> dict[str, Any]:
    """Whether the trail is intact; the service may append to it at any time."""
    found = await verified(portal)
    assert found["chains"] > 0
    assert found["events"] > 0
    return {"intact": found["intact"], **({"gap": found["gap"]} if "gap" in found else {})}


async def put(tables: Tables, row: Row) -> None:
    await tables.write(names.AUDIT, row, Write.UPSERT)
