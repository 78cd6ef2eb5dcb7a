"""Inspections find what people change in a tenant: one notice for each difference, and corrected dates."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.connections import pointers
from onboarding.connections.cadence import SECRET
from onboarding.connections.records import Connection, ConnectionState, Difference
from onboarding.connections.warning_schedule import CODEC
from onboarding.drift.inspection_schedule import InspectionSchedule
from onboarding.storage import names
from onboarding.storage.tables import Tables, Write
from onboarding.words.word import Word
from tests.expiry.inspected_scene import INSPECTION, WEEK, Scene
from tests.expiry.site import Site, data
from tests.support.customers import FABRIKAM
from tests.support.portal import unique, until


@pytest.fixture(scope="module")
async def scene(shared_site):
    """Four inspections, on a site that has no other connections."""
    await shared_site.as_set()
    await shared_site.clear(names.CONNECTIONS)
    await shared_site.fire(INSPECTION)  # today's inspections
    scene = Scene(shared_site)
    await scene.play()
    scene.site = shared_site
    yield scene
    await shared_site.control("DELETE", "/inbox/notices")
    await shared_site.reset_clock()


@pytest.fixture
def inspections(scene):
    """The findings after each inspection."""
    return scene.inspections


def test_no_difference_no_notice(scene, inspections):
    """An inspection that finds nothing records its time and sends no notice."""
    assert "directory" not in scene.records["untouched"]
    times = [each.inspected_at("untouched") for each in inspections[:3]]
    assert times == sorted(set(times))
    for found in inspections:
        assert found.codes("untouched") == set()
        assert found.announced["untouched"] == []
        assert found.end("untouched") == inspections[0].end("untouched")


def test_a_difference_is_announced_once_and_again_when_it_comes_back(inspections):
    """Each difference is one notice. One that is fixed and comes back is a new notice."""
    assert [len(each.codes("drift")) for each in inspections] == [2, 0, 2, 2]
    assert inspections[0].codes("drift") == {"web-redirect", "public-client"}
    assert [len(each.announced["drift"]) for each in inspections] == [2, 2, 4, 4]
    assert set(inspections[3].announced["drift"]) == {"ProfileDrift"}


def test_what_is_put_right_closes_what_was_opened(inspections):
    """A program that follows the keys of events has open exactly what an inspection still finds."""
    for name in ("drift", "shifted", "deleted", "untouched"):
        assert [len(each.open[name]) for each in inspections] == [
            len(each.codes(name)) for each in inspections
        ]


async def test_a_notice_has_impact_and_remedy(scene):
    """A notice contains the error that an administrator sees, the remedy, and the app."""
    events = map(data, await scene.site.received(dict(scene.records["drift"])))
    redirect = next(each for each in events if each["difference"] == "web-redirect")
    assert "Your server Application needs to be updated" in redirect["impact"]
    assert redirect["remedy"]
    assert redirect["app"] == "serverApp"


def test_a_removed_secret_has_expired(inspections):
    """A removed secret is reported once, and counts as expired since the inspection that found it."""
    for found in inspections:
        assert found.codes("removed") == {"secret-removed"}
        assert found.announced["removed"] == ["SecretRemoved"]
        assert (
            found.end("removed").isoformat()
            == datetime.fromisoformat(inspections[0].inspected_at("removed")).isoformat()
        )


def test_a_secret_that_was_renewed_by_hand_is_found(scene, inspections):
    """A newer secret is reported; when the recorded one is gone, warnings are about the newer one."""
    assert inspections[0].codes("replaced") == {"secret-added"}
    assert inspections[0].end("replaced") == datetime.fromisoformat(
        scene.records["replaced"]["secret"]["endsAt"]
    )
    for found in inspections[1:]:
        assert found.codes("replaced") == {"secret-replaced"}
        assert found.end("replaced") == scene.newer
        assert found.announced["replaced"] == ["SecretAdded", "SecretReplaced"]


async def test_warnings_follow_a_changed_expiration(scene):
    """The next warning counts from the new date."""
    rows = await scene.site.rows(names.WARNINGS)
    identifier = scene.records["replaced"]["id"]
    scheduled = [CODEC.load(row["document"]) for row in rows]
    ends = {each.ends_at for each in scheduled if (each.connection, each.kind) == (identifier, SECRET)}
    assert scene.newer in ends


def test_a_wrong_expiration_is_corrected(scene, inspections):
    """The expiration in the directory is the one that counts, and the change is reported."""
    true_end = datetime.fromisoformat(scene.records["shifted"]["secret"]["endsAt"])
    assert [each.end("shifted") for each in inspections] == [true_end] * 4
    assert [each.codes("shifted") for each in inspections] == [{"secret-end-changed"}, *[set()] * 3]
    assert inspections[3].announced["shifted"] == ["SecretEndChanged"]


def test_an_application_that_was_deleted_may_come_back(scene, inspections):
    """A deleted app is one notice, not one for each property; once restored, its expiration counts again."""
    end = datetime.fromisoformat(scene.records["deleted"]["secret"]["endsAt"])
    assert inspections[0].codes("deleted") == {"application"}
    assert "restore it" in inspections[0].documents["deleted"]["directory"]["differences"][0]["remedy"]
    assert (
        inspections[0].end("deleted").isoformat()
        == datetime.fromisoformat(inspections[0].inspected_at("deleted")).isoformat()
    )
    assert inspections[0].announced["deleted"] == ["ApplicationDeleted"]
    assert "application" not in inspections[1].codes("deleted")
    assert inspections[1].end("deleted") == end


def test_what_blocks_sign_in_is_reported(inspections):
    """Withdrawn consent and a disabled service principal are reported although the secret is valid."""
    expected = ["ConsentWithdrawn", "ConsentWithdrawn", "SignInBlocked"]
    assert [each.announced["blocked"] for each in inspections] == [expected] * 4


def test_other_secrets_of_an_imported_app_are_ignored(inspections):
    """An imported app may have other secrets; only the removal of the recorded one is reported."""
    assert inspections[0].codes("imported") == set()
    assert inspections[1].codes("imported") == {"secret-removed"}


def test_device_tokens_of_an_imported_app_are_reported_once_the_site_had_set_them(inspections):
    """The manual article does not set them; once the site has set them, an app without them differs."""
    assert [found.codes("imported") - {"secret-removed"} for found in inspections] == [
        set(),
        set(),
        {"device-tokens"},
        {"device-tokens"},
    ]
    assert [each.announced["imported"].count("ProfileDrift") for each in inspections] == [0, 0, 1, 1]


def test_a_tenant_without_access_is_reported(inspections):
    """The owners learn that the service can no longer read the directory."""
    for found in inspections:
        assert found.codes("unreadable") == {"directory-unreadable"}
        assert found.announced["unreadable"] == ["DirectoryUnreadable"]


def test_a_connection_near_its_expiration_is_inspected_daily(scene, inspections):
    """Within 30 days of an expiration a connection is inspected daily, the others once a week."""
    again = {
        name
        for name in scene.records
        if inspections[3].inspected_at(name) > inspections[2].inspected_at(name)
    }
    assert {"near", "removed"} <= again
    assert len(again) < len(scene.records)


@pytest.mark.soak
async def test_a_hundred_connections_cost_seven_calls(scene):
    """One call inspects 15 connections of a tenant, once a day, however often the timer runs.

    A tenant that throttles is inspected later; nothing is lost, and nothing is wrongly reported. The service
    skips connections that are too new or being removed, and forgets those that are gone.
    """
    site, model = scene.site, scene.untouched
    await site.clear(names.CONNECTIONS)
    await site.clear(names.CALENDAR)
    await site.fire(INSPECTION)
    records = [replace(model, name=Word(unique("Contoso")), inspected_at=None) for _ in range(100)]
    now = (await site.http.get(f"{site.stack.api}/admin/host/clock")).json()
    young = datetime.fromisoformat(now["now"]) + WEEK - timedelta(minutes=30)
    others = [
        replace(model, name=Word(unique("young")), inspected_at=None, created_at=young),
        replace(model, name=Word(unique("leaving")), inspected_at=None, state=ConnectionState.REMOVING),
    ]
    await asyncio.gather(*(scene.fleet.store.add(record) for record in (*records, *others)))
    tables = Tables(site.tables)
    await tables.write(names.CONNECTIONS, pointers.inspection(f"{model.tenant}.{'0' * 20}"), Write.UPSERT)
    await site.advance(WEEK)
    await site.control("DELETE", "/calls")
    fault = {"service": "graph", "path": "batch", "kind": "throttle", "retryAfter": 1, "times": 2}
    async with site.fault(**fault):
        for _ in range(3):
            await site.fire(INSPECTION)
        await site.settled()
    calls = (await site.control("GET", "/calls?service=graph")).json()["value"]
    assert {call["path"] for call in calls} == {"/v1.0/$batch"}
    assert sorted(call["status"] for call in calls) == [200] * 7 + [429] * 2
    kept = [await scene.fleet.store.get(record.id) for record in (*records, *others)]
    assert all(each and each.inspected_at and not each.differences for each in kept[:100])
    assert [each and each.inspected_at for each in kept[100:]] == [None, None]
    assert await InspectionSchedule(tables, days=1).members((datetime.now(UTC).date(),)) == {
        record.id for record in (*records, *others)
    }


async def look(site: Site, record: Connection) -> Any:
    """Inspect a connection now."""
    answer = await site.call("POST", f"/api/connections/{record.id}/inspect", caller="operator")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def alone(scene: Scene, **changes: Any) -> Connection:
    """The unchanged connection, as the only one."""
    record = replace(scene.untouched, name=Word(unique("now")), inspected_at=None, **changes)
    await scene.site.clear(names.CONNECTIONS)
    await scene.fleet.store.add(record)
    return record


async def test_an_operator_inspects_now(scene):
    """A repaired difference is gone at once. Within a minute, the next call makes no call to the cloud."""
    site = scene.site
    found = Difference(
        code="web-redirect", app="serverApp", since=datetime.now(UTC), detail="d", impact="i", remedy="r"
    )
    record = await alone(scene, differences={found.key: found})
    await site.control("DELETE", "/calls")
    shown = await look(site, record)
    assert shown["directory"]["differences"] == []
    assert await look(site, record) == shown
    calls = (await site.control("GET", "/calls?service=graph")).json()["value"]
    assert len(calls) == 1


async def test_what_can_change_in_the_tenant_is_read_again(scene):
    """The name of the tenant, and the subscription's state and tenant, are updated."""
    site = scene.site
    record = await alone(scene, tenant_name="Before", tenant_domain="")
    await site.control("PUT", "/settings", {"subscription": {"state": "Disabled", "tenantId": FABRIKAM}})
    try:
        shown = await look(site, record)
        assert [each["code"] for each in shown["directory"]["differences"]] == [
            "subscription-in-other-tenant",
            "subscription-disabled",
        ]
        assert (shown["tenantName"], shown["tenantDomain"]) == ("Contoso", "contoso.onmicrosoft.com")
        daily = await InspectionSchedule(Tables(site.tables), days=28).members(())
        assert daily == {record.id}
    finally:
        await site.control("PUT", "/settings", {"subscription": {}})
    await site.advance(timedelta(minutes=2))
    assert (await look(site, record))["directory"]["differences"] == []
    assert await InspectionSchedule(Tables(site.tables), days=28).members(()) == set()


async def test_a_connection_that_is_too_new_is_not_inspected(scene):
    """The response says when it can be inspected; a connection that is being removed is refused, too."""
    site = scene.site
    now = datetime.fromisoformat((await site.http.get(f"{site.stack.api}/admin/host/clock")).json()["now"])
    record = await alone(scene, created_at=now)
    answer = await site.call("POST", f"/api/connections/{record.id}/inspect", caller="operator")
    assert (answer.status_code, answer.json()["code"]) == (409, "too-early-to-inspect")
    assert f"{now + timedelta(hours=1):%Y-%m-%d %H:%M}" in answer.json()["remedy"]
    record = await alone(scene, state=ConnectionState.REMOVING)
    answer = await site.call("POST", f"/api/connections/{record.id}/inspect", caller="operator")
    assert (answer.status_code, answer.json()["code"]) == (409, "connection-removing")


async def test_a_directory_that_does_not_answer_for_a_day_is_reported(scene):
    """The owners learn that there were no inspections."""
    site, model = scene.site, scene.untouched
    await site.clear(names.CONNECTIONS)
    await site.fire(INSPECTION)
    await scene.fleet.store.add(model)
    async with site.fault(service="graph", path="batch", kind="status", status=503, times=None):
        await site.advance(WEEK)
        await site.fire(INSPECTION)
        # The day begins when the error is recorded, which is after the call was answered.
        await until(lambda: site.waits({"id": model.id}, names.INSPECTIONS), "the record of the first error")
        await site.advance(timedelta(hours=25))
        await site.fire("sweep_onboardings")
        await site.settled()
    document = await site.get(f"/api/connections/{model.id}", caller="operator")
    assert [each["code"] for each in document["directory"]["differences"]] == ["directory-unreadable"]
