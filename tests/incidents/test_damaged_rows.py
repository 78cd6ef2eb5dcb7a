"""Somebody edits rows of one customer to nonsense. All others are served; the rows are named and removed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from azure.data.tables.aio import TableServiceClient

from onboarding.storage import names
from onboarding.storage.unreadable_rows import UnreadableRowError
from tests.support import runbook
from tests.support.connections import TENANT, onboarding_request
from tests.support.operations import ended
from tests.support.portal import problem
from tests.support.world import World


def warned(world: World) -> str:
    """What was announced, as text."""
    return "".join(str(row.columns.get("request")) for row in world.rows() if row.table == names.NOTICES)


async def test_damaged_rows(world):
    """Lists, warnings and recovery serve everybody else. Each row is seen as it is, and removed."""
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
    assert set((await world.attention())["unreadable"]["causes"]) == {
        names.WARNINGS,
        names.CONNECTIONS,
        names.ONBOARDINGS,
    }
    with pytest.raises(UnreadableRowError):
        await world.call("get_connection", path={"id": ill.id})

    look, _, _, _, again = runbook.calls("A row cannot be read")
    rows = (await world.http(*look))["value"]
    assert (names.CONNECTIONS, TENANT) in {(each["table"], each["partition"]) for each in rows}
    (head,) = [each for each in rows if each["table"] == names.ONBOARDINGS and each["key"] == "head"]
    assert (await world.http(*again_for(again, head["id"])))["done"] == 1
    await world.run_jobs()
    assert head["id"] in {each["id"] for each in (await world.http(*look))["value"]}, "it is still unreadable"
    for row in (await world.http(*look))["value"]:
        _, one, remove, *_ = runbook.calls("A row cannot be read", id=row["id"])
        assert (await world.http(*one))["columns"]["document"]["text"] == "banana {"
        await world.http(*remove)
    await world.run_jobs()
    assert "unreadable" not in await world.attention()


@pytest.mark.soak
async def test_a_connection_that_cannot_be_read_is_off_boarded(portal):
    """An operator removes all that exists of it, although its record is damaged; others get a 409."""
    made = await portal.onboarded()
    account = portal.stack.account.connection_string
    async with TableServiceClient.from_connection_string(account) as service:
        tables = service.get_table_client(names.CONNECTIONS)
        tenant, _, key = made["id"].partition(".")
        await tables.update_entity({**await tables.get_entity(tenant, key), "document": "banana {"})
    path = f"/api/connections/{made['id']}"
    problem(await portal.call("DELETE", path), 409, "row-unreadable")
    method, address = runbook.calls("A row cannot be read", id=made["id"])[3]
    answer = await portal.call(method, address, caller="operator")
    assert answer.status_code == 202, answer.text
    assert (await ended(portal, answer.json()))["status"] == "Succeeded"
    problem(await portal.call("GET", path, caller="operator"), 404, "not-found")
    problem(await portal.call("DELETE", path, caller="operator"), 404, "not-found")
    apps = (await portal.graph("/applications?$select=id"))["value"]
    own = {made["serverApp"]["objectId"], made["clientApp"]["objectId"]}
    assert not own & {each["id"] for each in apps}
    rows = await portal.all("/api/unreadable", caller="operator")
    assert key not in {each["key"] for each in rows}


def again_for(call: tuple[str, str], name: str) -> tuple[str, str]:
    """A call about one entry."""
    return call[0], call[1].format(id=name)
