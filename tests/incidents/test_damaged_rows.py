"""Somebody edits one customer's rows to nonsense. All others are served; the rows are shown and removed."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, Final

import pytest
from azure.data.tables.aio import TableServiceClient

from onboarding.storage import names
from onboarding.storage.unreadable_rows import UnreadableRowError
from tests.incidents import night
from tests.support import runbook
from tests.support.connections import TENANT, onboarding_request
from tests.support.operations import ended
from tests.support.portal import Portal, problem
from tests.support.world import World

INCIDENT: Final = "A row cannot be read"


def warned(world: World) -> str:
    """What was announced, as text."""
    return "".join(str(row.columns.get("request")) for row in world.rows() if row.table == names.NOTICES)


async def test_damaged_rows(world):
    """Lists, warnings and recovery serve everybody else. Each damaged row is shown and removed."""
    now = world.clock.now()
    ill = await world.connect("ill", now + timedelta(days=20), drifts=False)
    well = await world.connect("well", now + timedelta(days=20), drifts=False)
    for name in ("ill run", "well run"):
        await world.onboard(onboarding_request(name=name), now - timedelta(hours=2))
    world.queues._messages[names.STEPS_QUEUE] = []
    for row in world.rows():
        text = str(row.columns.get("request", "")) + str(row.columns.get("document", ""))
        if row.table in {names.WARNINGS, names.CONNECTIONS, names.ONBOARDINGS} and (
            ill.id in f"{row.partition}.{row.key} {row.key}" or '"ill' in text
        ):
            await world.damage(row, "document", "banana {")

    await world.run_jobs()
    assert well.id in warned(world)
    assert ill.id not in warned(world)
    assert len(world.queues._messages[names.STEPS_QUEUE]) == 1
    assert [each["name"] for each in (await world.call("list_connections"))["value"]] == ["well"]
    assert [each["name"] for each in (await world.call("list_onboardings"))["value"]] == ["well run"]
    assert set((await world.attention())["row-unreadable"]["causes"]) == {
        names.WARNINGS,
        names.CONNECTIONS,
        names.ONBOARDINGS,
    }
    with pytest.raises(UnreadableRowError):
        await world.call("get_connection", path={"id": ill.id})

    look, _, _, _, again = runbook.calls(INCIDENT)
    rows = (await world.http(*look))["value"]
    assert (names.CONNECTIONS, TENANT) in {(each["table"], each["partition"]) for each in rows}
    (head,) = [each for each in rows if each["table"] == names.ONBOARDINGS and each["key"] == "head"]
    assert (await world.http(*again_for(again, head["id"])))["done"] == 1
    await world.run_jobs()
    assert head["id"] in {each["id"] for each in (await world.http(*look))["value"]}, "it is still unreadable"
    for row in (await world.http(*look))["value"]:
        _, one, remove, *_ = runbook.calls(INCIDENT, id=row["id"])
        assert (await world.http(*one))["columns"]["document"]["text"] == "banana {"
        await world.http(*remove)
    await world.run_jobs()
    assert "row-unreadable" not in await world.attention()


@pytest.mark.soak
async def test_damaged_rows_of_a_storage_account(portal, settled):
    """Everybody else is served. Lists, the overview and the log name the rows, and they are removed."""
    made = await portal.onboarded()
    waiting = await portal.accepted(subscriptionId=str(uuid.uuid4()))
    await portal.blocked(waiting)
    tenant, _, key = made["id"].partition(".")
    account = portal.stack.account.connection_string
    async with TableServiceClient.from_connection_string(account) as service:
        rows = [(names.CONNECTIONS, tenant, key), (names.ONBOARDINGS, waiting, "head")]
        for table in (names.CALENDAR, names.WARNINGS):
            found = service.get_table_client(table).list_entities()
            rows += [
                (table, each["PartitionKey"], each["RowKey"])
                async for each in found
                if made["id"] in each["RowKey"]
            ]
        assert {table for table, _, _ in rows} >= {names.CALENDAR, names.WARNINGS}
        for table, partition, row in rows:
            broken = {"PartitionKey": partition, "RowKey": row, "document": "banana {"}
            await service.get_table_client(table).update_entity(broken)  # it keeps the other columns
    for path in ("/api/connections", "/api/expirations", f"/api/expirations?tenantId={tenant}"):
        page = await portal.get(path, caller="operator")
        ids = {each.get("connectionId", each.get("id")) for each in page["value"]}
        assert settled["id"] in ids, path
        assert made["id"] not in ids, path
        assert page["unreadable"], path
    for form in ("csv", "ics"):
        answer = await portal.call("GET", f"/api/expirations?format={form}", caller="operator")
        assert answer.status_code == 200, answer.text
    assert settled["id"] in {each["id"] for each in (await portal.get("/api/connections"))["value"]}
    onboardings = await portal.get("/api/onboardings?status=Waiting", caller="operator")
    assert waiting not in {each["id"] for each in onboardings["value"]}
    for timer in ("sweep_expirations", "sweep_onboardings"):
        await portal.fire(timer)
    overview = await night.overview(portal)
    causes = next(each for each in overview["attention"] if each["code"] == "row-unreadable")["causes"]
    assert set(causes) >= {names.CONNECTIONS, names.ONBOARDINGS, names.CALENDAR}
    assert not {"job-late", "job-failed"} & {each["code"] for each in overview["attention"]}
    assert (await portal.http.get(f"{portal.stack.api}/api/health")).status_code == 200
    log = (portal.stack.folder / "host.log").read_text(encoding="utf-8")
    assert f"unreadable row: table {names.CONNECTIONS}, partition {tenant}, key {key}" in log
    assert f"unreadable row: table {names.ONBOARDINGS}, partition {waiting}, key head" in log
    for method, path in (
        ("GET", f"/api/connections/{made['id']}"),
        ("DELETE", f"/api/connections/{made['id']}"),
        ("POST", f"/api/onboardings/{waiting}/cancel"),
        ("POST", f"/api/onboardings/{waiting}/retry"),
        ("GET", f"/api/onboardings/{waiting}"),
    ):
        problem(await portal.call(method, path), 409, "row-unreadable")
    look, _, _, off_board, _ = runbook.calls(INCIDENT, id=made["id"])
    answer = await portal.call(*off_board, caller="operator")
    assert (await ended(portal, answer.json()))["status"] == "Succeeded"
    problem(await portal.call("GET", f"/api/connections/{made['id']}", caller="operator"), 404, "not-found")
    assert not await registered(portal, made)
    listed = await portal.all(look[1], caller="operator")
    mine = [each for each in listed if waiting in each["partition"] or made["id"] in each["key"]]
    assert waiting in {each["partition"] for each in mine}
    for each in mine:
        method, path = runbook.calls(INCIDENT, id=each["id"])[2]
        assert (await portal.call(method, path, caller="operator")).status_code == 200
    problem(await portal.call("GET", f"/api/onboardings/{waiting}", caller="operator"), 404, "not-found")
    await portal.call(
        "POST", f"/api/attention/dismiss?code=poison-message&reason={waiting}", caller="operator"
    )
    left = await portal.all(look[1], caller="operator")
    assert not [each for each in left if each["id"] in {row["id"] for row in mine}]


async def registered(portal: Portal, made: dict[str, Any]) -> set[str]:
    """The applications that a connection still has."""
    apps = (await portal.graph("/applications?$select=id"))["value"]
    own = {made["serverApp"]["objectId"], made["clientApp"]["objectId"]}
    return own & {each["id"] for each in apps}


def again_for(call: tuple[str, str], name: str) -> tuple[str, str]:
    """A call for one entry."""
    return call[0], call[1].format(id=name)
