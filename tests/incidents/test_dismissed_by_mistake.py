"""At three in the morning, somebody dismisses everything."""

from __future__ import annotations

from datetime import timedelta

from onboarding.storage import names
from onboarding.workflow.run import RunStatus
from tests.support import runbook
from tests.support.connections import TENANT, onboarding_request

INCIDENT = "Too much was dismissed"
REASON = "I want to sleep."


async def test_dismissed_by_mistake(world):
    """The list of dismissals shows who, when and why; a retry of each takes it back."""
    head = await world.onboard(onboarding_request(name="failed"), world.clock.now())
    await world.fail(world.parts.onboarding_runs, head)
    drifts = await world.connect("drifts", world.clock.now() + timedelta(days=300))
    damaged = await world.connect("damaged", world.clock.now() + timedelta(days=300), drifts=False)
    (row,) = [row for row in world.rows() if damaged.id == f"{row.partition}.{row.key}"]
    await world.damage(row, "document", "{")
    await world.call("list_connections", tenantId=TENANT)
    record = await world.parts.stores.connection_store.get(drifts.id)
    (entry,) = [each for each in world.rows() if each.partition == "~drift"]
    codes = ("onboarding-failed", "connection-drifting", "row-unreadable")
    assert set(await world.attention()) == set(codes)
    assert record is not None
    assert entry.key == drifts.id
    for code in codes:
        assert (await world.call("dismiss_all_attention", code=code, reason=REASON))["done"] == 1
    assert await world.attention() == {}

    look, _ = runbook.calls(INCIDENT)
    dismissed = (await world.http(*look))["value"]
    assert {each["code"] for each in dismissed} == set(codes)
    assert {(each["dismissal"]["by"], each["dismissal"]["reason"]) for each in dismissed} == {("Op", REASON)}
    for each in dismissed:
        if each["code"] != "connection-drifting":  # its inspection needs the cloud
            _, again = runbook.calls(INCIDENT, id=each["id"])
            assert (await world.http(*again))["done"] == 1
    run = await world.parts.onboarding_runs.load(head.id)
    assert world.parts.onboarding_runs.status(run) is RunStatus.RUNNING
    await world.call("list_connections", tenantId=TENANT)
    assert set(await world.attention()) == {"row-unreadable"}
    assert row.table == names.CONNECTIONS
