from __future__ import annotations

import csv
import io
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import azure.functions as func
import icalendar
import pytest

from onboarding.api.callers import Caller
from onboarding.api.endpoint import Call
from onboarding.api.expirations import ExpirationQuery, ExpirationsResource
from onboarding.clock import SystemClock
from onboarding.connections.cadence import SECRET, Acknowledgement, Snooze
from onboarding.storage.sealing import Seals
from onboarding.storage.tables import Tables
from onboarding.words.word import read
from tests.support.connections import CADENCE, connection, secret
from tests.support.portal import problem

PATH = "/api/expirations"


def day(number: float) -> datetime:
    """The moment in this many days and some hours, so that a test has time."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=number, hours=6)


@pytest.fixture
def tenant() -> str:
    """A tenant of the test's own."""
    return str(uuid.uuid4())


async def shown(site, *, caller="operator", **params) -> list[int]:
    """In how many days the listed expirations are due, over all pages."""
    return [each["daysLeft"] for each in await site.all(PATH, caller=caller, **params)]


async def test_what_ends_is_listed_the_soonest_first(site, fleet, tenant):
    """The list shows the expirations of each connection, the soonest first, with details, over all pages."""
    now = day(0)
    made = connection(
        day(40), tenant=tenant, app_made_at=day(-700), owners=["kim@contoso.com"], name="Contoso CMG"
    )
    await fleet.add(made, now)
    await fleet.add(connection(day(-3), tenant=tenant), now)
    await fleet.add(connection(day(300), tenant=tenant), now)
    assert await shown(site, tenantId=tenant, maxpagesize="1") == [-3, 40, 100, 300]
    found = (await site.all(PATH, caller="operator", tenantId=tenant))[1]
    assert found == {
        "connectionId": made.id,
        "connectionName": "Contoso CMG",
        "tenantId": tenant,
        "tenantName": "Contoso",
        "serverApp": {"name": "CMG-ServerApp", "clientId": made.server_app.app_id},
        "kind": "secret",
        "state": "Due",
        "daysLeft": 40,
        "renewBy": iso(made.secret.ends_at),
        "endsAt": iso(made.secret.ends_at),
        "nextWarning": {"daysBeforeEnd": 30, "dueAt": iso(made.secret.ends_at - timedelta(days=30))},
        "owners": [{"name": "", "email": "kim@contoso.com"}],
        "labels": {},
        "requestedBy": {"id": made.requester, "name": ""},
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"state": "Expired"}, [-3]),
        ({"state": "Due"}, [20, 89]),
        ({"state": "Ok"}, [91, 300]),
        ({"withinDays": "21"}, [-3, 20]),
        ({"withinDays": "0"}, [-3]),
        ({"withinDays": "30", "state": "Due"}, [20]),
        ({"withinDays": "100", "state": "Ok"}, [91]),
        ({"withinDays": "100", "state": "Expired"}, [-3]),
        ({"withinDays": "20", "state": "Ok"}, []),
    ],
    ids=str,
)
async def test_filters_can_be_combined(site, fleet, filters, expected):
    """Filters for state, days and owner work alone and together."""
    owner = f"{uuid.uuid4()}@contoso.com"
    for number in (91, 20, -3, 300, 89):
        await fleet.add(connection(day(number), owners=[owner, "other@contoso.com"]), day(0))
    assert await shown(site, owner=owner.upper(), **filters) == expected


async def test_a_requester_sees_its_own(site, fleet, tenant):
    """A requester never sees the expirations of other requesters' connections."""
    name = await site.caller("Onboarding.Request")
    mine = site.clients[name]["principalId"]
    owner = f"{tenant}@contoso.com"
    await fleet.add(connection(day(10), tenant=tenant, requester=mine, owners=[owner]), day(0))
    await fleet.add(connection(day(20), tenant=tenant, owners=[owner]), day(0))
    for filters in ({}, {"tenantId": tenant}, {"owner": owner}, {"tenantId": tenant, "owner": owner}):
        assert await shown(site, caller=name, **filters) == [10]
    assert await shown(site, tenantId=tenant) == [10, 20]


async def test_only_what_the_connection_still_says_is_listed(site, fleet, tenant):
    """After a renewal or a removal of the connection, the old expiration is not listed."""
    renewed, halfway, gone = (connection(day(number), tenant=tenant) for number in (5, 6, 7))
    for each in (renewed, halfway, gone):
        await fleet.add(each, day(0))
    await fleet.renew(renewed, day(370), day(0))
    # A crash in between: the connection has a new expiration that the calendar does not have yet.
    await fleet.store.change(halfway.id, lambda found: replace(found, secret=secret(day(380))))
    await site.tables.get_table_client("connections").delete_entity(tenant, gone.id.partition(".")[2])
    assert await shown(site, tenantId=tenant) == [370]


async def test_what_people_said_is_listed(site, fleet, tenant):
    """The list shows who acknowledged an expiration, and until when it is snoozed."""
    ends_at, until = day(-2), day(3)
    by, at = "kim@contoso.com", day(-1)
    await fleet.add(
        connection(
            ends_at,
            tenant=tenant,
            acknowledged={SECRET: Acknowledgement(ends_at=ends_at, by=by, at=at, operator=True)},
            snoozed={SECRET: Snooze(ends_at=ends_at, until=until, by=by, at=at)},
        ),
        day(0),
    )
    (found,) = await site.all(PATH, caller="operator", tenantId=tenant)
    assert found["acknowledged"] == {"by": by, "at": iso(at), "operator": True}
    assert found["snoozedUntil"] == iso(until)
    assert "nextWarning" not in found


async def test_a_spreadsheet_opens_it(site, fleet, tenant):
    """The CSV has UTF-8 with a byte order mark, CRLF, and no cell that a spreadsheet runs as a formula."""
    names = ['Grün, "A" & Söhne', "=cmd|' /C calc'!A0", "@SUM(1)", "-1", "Plain"]
    for number, name in enumerate(names):
        owners = ["+a@contoso.com", "b@contoso.com"]
        await fleet.add(connection(day(number - 1), tenant=tenant, name=name, owners=owners), day(0))
    answers = [
        await site.call("GET", PATH, caller="operator", params={"tenantId": tenant, "format": "csv"}),
        await site.call(
            "GET", PATH, caller="operator", params={"tenantId": tenant}, headers={"Accept": "text/csv"}
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="expirations.csv"'
        assert answer.content.startswith(b"\xef\xbb\xbfconnectionId,")
        assert "Link" not in answer.headers
        text = answer.content.decode("utf-8-sig")
        assert text.count("\r\n") == text.count("\n") == 6
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert [row["connectionName"] for row in rows] == [
            names[0],
            f"'{names[1]}",
            f"'{names[2]}",
            f"'{names[3]}",
            names[4],
        ]
        assert [row["daysLeft"] for row in rows] == ["-1", "0", "1", "2", "3"]
        assert {row["owners"] for row in rows} == {"'+a@contoso.com; b@contoso.com"}
        assert {row["state"] for row in rows} == {"Expired", "Due"}


async def test_a_calendar_takes_it(site, fleet, tenant):
    """The calendar has an all-day event for each expiration, with reminders and a UID that never changes."""
    made = connection(
        day(200), tenant=tenant, app_made_at=day(-500), name="Contoso; a, very long " + "ä" * 60
    )
    await fleet.add(made, day(0))
    first = await feed(site, tenant)
    ends = {event["categories"].cats[1]: event for event in first.walk("VEVENT")}
    assert ends[SECRET].decoded("dtstart") == made.secret.ends_at.date()
    assert ends["application"].decoded("dtstart") == day(300).date()
    for event in ends.values():
        assert event.decoded("dtend") - event.decoded("dtstart") == timedelta(days=1)
        assert type(event.decoded("dtstart")) is date
        assert read(made.name) in event["summary"]
        assert "1. Request a new secret for the connection" in event["description"]
        triggers = [-alarm.decoded("trigger").days for alarm in event.walk("VALARM")]
        assert triggers == [90, 60, 30, 14, 7, 1]
    await fleet.renew(made, day(565), day(0))
    moved = {event["uid"]: event.decoded("dtstart") for event in (await feed(site, tenant)).walk("VEVENT")}
    assert moved == {ends[SECRET]["uid"]: day(565).date(), ends["application"]["uid"]: day(300).date()}


async def feed(site, tenant) -> Any:
    """The calendar of a tenant, with its lines checked."""
    answer = await site.call("GET", PATH, caller="operator", params={"tenantId": tenant, "format": "ics"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    assert b"\n" not in answer.content.replace(b"\r\n", b"")
    calendar = icalendar.Calendar.from_ical(answer.content)
    assert not calendar.errors
    return calendar


async def test_an_empty_calendar_is_a_calendar(site, tenant):
    """A calendar without events is valid for its subscribers."""
    assert (await feed(site, tenant)).walk("VEVENT") == []


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("tenantId", "contoso"),
        ("owner", "kim"),
        ("withinDays", "-1"),
        ("withinDays", "soon"),
        ("withinDays", "99999"),
        ("state", "expired"),
        ("format", "pdf"),
        ("continuationToken", "x"),
        ("colour", "red"),
    ],
)
async def test_a_wrong_parameter_is_told(site, parameter, value):
    """The error for a wrong parameter contains the possible values."""
    answer = await site.call("GET", PATH, caller="operator", params={parameter: value})
    assert parameter in problem(answer, 400, "invalid-parameter")["detail"]


async def test_a_large_sheet_says_where_it_goes_on(shared_site, fleet, tenant):
    """A file with more rows than its limit contains a link to the next rows."""
    for number in range(5):
        await fleet.add(connection(day(number), tenant=tenant), day(0))
    resource = ExpirationsResource(
        calendar=fleet.calendar, store=fleet.store, cadence=CADENCE, clock=SystemClock(), most=2
    )
    operator = Caller(id="o", name="o", roles=("Onboarding.Operate",))
    seals = Seals(Tables(shared_site.tables))
    base_url = "https://cmg.contoso.com/api"
    called_url = f"{base_url}/expirations"
    url, rows = f"{called_url}?tenantId={tenant}&format=csv", []
    while url:
        params = dict(each.split("=", 1) for each in url.partition("?")[2].split("&"))
        query = ExpirationQuery.read(func.HttpRequest("GET", url, params=params, body=b""))
        seal = await seals.of(query.listed(operator, PATH))
        call = Call(
            caller=operator,
            query=query.opened(seal),
            seal=seal,
            body=None,
            path={},
            base_url=base_url,
            called_url=called_url,
        )
        answer = (await resource.list(call)).response()
        text = answer.get_body().decode("utf-8-sig")
        rows += [row["daysLeft"] for row in csv.DictReader(io.StringIO(text))]
        url = answer.headers.get("Link", "").partition("<")[2].partition(">")[0]
    assert rows == ["0", "1", "2", "3", "4"]


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


async def test_without_a_key_there_is_no_feed(site):
    """A deployment without a signing key reports that, and returns no calendar URL."""
    problem(await site.call("POST", f"{PATH}/feed"), 409, "feeds-not-set-up")
    problem(await site.call("GET", f"{PATH}/feed?token=x.y", caller=None), 410, "feed-expired")
