"""What an operator sees in the overview of a deployment."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from onboarding.connections.records import Difference
from onboarding.drift.drift_index import DriftIndex
from onboarding.storage import keys, names
from onboarding.storage.tables import Tables, Write
from onboarding.words.word import read
from onboarding.workflow.index_entry import Entry
from tests.support.connections import Fleet, connection
from tests.support.portal import REFUSED, Portal, problem


@pytest.fixture(scope="module")
async def service(portal):
    """The tables behind the API."""
    account = portal.stack.account.connection_string
    async with TableServiceClient.from_connection_string(account) as service:
        yield service


async def overview(portal: Portal, **params: str) -> dict[str, Any]:
    """The overview."""
    found: dict[str, Any] = await portal.get("/api/overview", caller="operator", **params)
    return found


def attention(document: dict[str, Any]) -> list[str]:
    """The codes of what needs attention, in their order."""
    return [each["code"] for each in document["attention"]]


def causes(document: dict[str, Any], code: str) -> list[dict[str, Any]]:
    """What runs wait for, with a code."""
    return [each for each in document["blocked"] if each["code"] == code]


async def test_what_is_open_and_what_failed_is_counted(portal):
    """The overview counts onboardings by status, names the oldest open one, and lists failures."""
    before = (await overview(portal))["onboardings"]
    hold = {"service": "graph", "method": "PATCH", "path": "applications", "kind": "hold", "when": "before"}
    async with portal.fault(**hold):
        onboarding = await portal.accepted()
        await portal.refused(**REFUSED)
        during = await overview(portal)
        runs = during["onboardings"]
        counts = {name: each["count"] for name, each in runs["byStatus"].items()}
        assert counts["Failed"] == before["byStatus"]["Failed"]["count"] + 1
        assert counts["Open"] + counts["NotStarted"] >= 1
        assert runs["oldestOpen"]["since"] <= during["checkedAt"]
        assert runs["failedWithinAWeek"]["count"] >= 1
        assert "onboarding-failed" in attention(during)
        mine = next(each for each in during["tenants"] if each["tenantId"] == portal.info["tenant"])
        assert mine["open"] >= 1
        assert mine["failedWithinAWeek"] >= 1
    await portal.finished(onboarding)
    assert set(runs["byStatus"]) >= {"NotStarted", "Open", "Succeeded", "Failed", "Cancelled", "RolledBack"}


async def test_what_ends_and_what_deviates_comes_first(portal, service):
    """What stops a gateway is listed first, with a link; once acknowledged, it is no longer listed."""
    now, fleet, tenant = datetime.now(UTC), Fleet(service), str(uuid.uuid4())
    ended, soon, later = [
        await fleet.add(connection(now + timedelta(days=days), tenant=tenant), now) for days in (-1, 5, 20)
    ]
    difference = Difference(code="scope", app="serverApp", since=now, detail="d", impact="b", remedy="r")
    await DriftIndex(Tables(service)).enter(replace(soon, differences={difference.key: difference}))
    document, others = (
        await overview(portal, tenantId=tenant),
        await overview(portal, tenantId=str(uuid.uuid4())),
    )
    for each in (ended, soon, later):
        await fleet.store.remove(each)
    assert (await overview(portal, tenantId=tenant))["differences"] == [], "a connection that is gone"
    codes = attention(document)
    assert (
        codes.index("expiration-passed") < codes.index("expiration-near") < codes.index("connection-drifting")
    )
    assert [each["connectionId"] for each in document["expirations"]] == [ended.id, soon.id, later.id]
    assert document["differences"] == [
        {
            "connectionId": soon.id,
            "connectionName": read(soon.name),
            "tenantId": tenant,
            "codes": ["scope"],
            "since": document["differences"][0]["since"],
        }
    ]
    (one,) = document["tenants"]
    assert (one["tenantId"], one["expiring"], one["drifting"], one["open"]) == (tenant, 3, 1, 0)
    first = document["attention"][codes.index("expiration-passed")]
    assert (first["count"], first["more"]) == (1, False)
    assert first["url"] == f"{portal.stack.api}/api/expirations?state=Expired"
    assert others["differences"] == others["expirations"] == others["tenants"] == []


async def test_each_queue_is_measured(portal):
    """The overview shows the number of waiting messages for each queue of the deployment."""
    assert [each["queue"] for each in (await overview(portal))["queues"]] == list(names.QUEUES)


async def test_a_long_past_costs_no_more(portal, service):
    """With thousands of onboardings the overview reads one page, and shows that there are more."""
    now = datetime.now(UTC)
    month, _ = keys.newest_first(now)
    tables, partition = Tables(service), f"status:Succeeded:{month}"
    lists, old = {"requester": "r", "tenant": "t"}, now - timedelta(days=1)
    entries = (
        Entry(run=f"{number:05d}", lists=lists, announced_at=old, partition=partition)
        for number in range(1100)
    )
    rows = [entry.to_row() for entry in entries]
    for start in range(0, len(rows), 100):
        await tables.transact(
            names.ONBOARDING_INDEX, [(Write.UPSERT, row) for row in rows[start : start + 100]]
        )
    try:
        document = await overview(portal)
    finally:
        for start in range(0, len(rows), 100):
            await tables.transact(
                names.ONBOARDING_INDEX, [(Write.DELETE, row) for row in rows[start : start + 100]]
            )
    assert document["onboardings"]["byStatus"]["Succeeded"] == {"count": 1000, "more": True}


async def test_wrong_parameters_are_named(portal):
    """An invalid tenant ID and an unknown parameter are refused."""
    for params in ({"tenantId": "x"}, {"colour": "red"}):
        answer = await portal.call("GET", "/api/overview", caller="operator", params=params)
        assert problem(answer, 400, "invalid-parameter")["detail"].startswith(next(iter(params)))


async def test_what_a_customer_must_do_is_listed_apart(portal):
    """A subscription without a role waits for its owner, and is no trouble of the service."""
    hidden = str(uuid.uuid4())
    onboarding = await portal.accepted(subscriptionId=hidden)
    waiting = await portal.blocked(onboarding)
    urls = [url for step in waiting["steps"] for url in step.get("actionUrls", ())]
    assert [url.partition("#")[2] for url in urls] == [
        f"@{portal.info['tenant']}/resource/subscriptions/{hidden}/users"
    ]
    document = await overview(portal)
    (cause,) = [each for each in causes(document, "subscription-not-found") if hidden in each["detail"]]
    assert (cause["actor"], cause["count"]) == ("SubscriptionOwner", 1)
    assert "run-waits-for-customer" in attention(document)
    assert "run-waits-for-operator" not in attention(document)
    answer = await portal.call("POST", f"/api/onboardings/{onboarding}/retry", caller="operator")
    assert answer.status_code == 202, answer.text
    await portal.blocked(onboarding)
    await portal.call("POST", f"/api/onboardings/{onboarding}/cancel", caller="operator")
    await portal.finished(onboarding)
    assert not [
        each for each in causes(await overview(portal), "subscription-not-found") if hidden in each["detail"]
    ]


async def test_a_failure_is_one_line_of_the_log(portal):
    """A query of the log finds each final failure with its run, tenant and code."""
    onboarding = await portal.accepted(**REFUSED)
    await portal.finished(onboarding)
    log = (portal.stack.folder / "host.log").read_text(encoding="utf-8")
    (line,) = [line for line in log.splitlines() if "run failed" in line and onboarding in line]
    assert "WARNING" in line
    assert f"tenant={portal.info['tenant']} step=preflight code=preflight-refused actor=Requester" in line
