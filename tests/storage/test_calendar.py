from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from onboarding.connections.cadence import APPLICATION, SECRET
from onboarding.connections.calendar import Calendar, View
from onboarding.storage import names
from onboarding.storage.tables import Range
from tests.support.accounts import both
from tests.support.connections import connection, onboarding_request, secret
from tests.support.transports import KilledError

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def day(number: float) -> datetime:
    """The moment in this many days."""
    return NOW + timedelta(days=number)


@pytest.fixture
async def calendar(account, tables):
    await account.create_table(names.CALENDAR)
    return Calendar(tables)


@pytest.fixture
def tenant() -> str:
    """A tenant for one test."""
    return str(uuid.uuid4())


async def days(calendar: Calendar, view: View, size: int = 3, **limits: datetime | None) -> list[float]:
    """In how many days the expirations in a view are due, page by page."""
    found: list[float] = []
    continuation = ""
    bounds = {"since": None, "until": None, **limits}
    while True:
        entries, continuation = await calendar.page(view, size=size, continuation=continuation, **bounds)
        assert len(entries) <= size
        found += [(entry.ends_at - NOW) / timedelta(days=1) for entry in entries]
        if not continuation:
            return found


async def test_a_view_shows_its_clocks_the_soonest_first(calendar, tenant):
    """Over days and pages, each owner sees each expiration once, the soonest first."""
    people = [str(uuid.uuid4()) for _ in range(2)]
    for number in (5, 400, 0.5, -3, 0.25, 60):
        made = connection(
            day(number), tenant=tenant, requester=people[number > 1], owners=[f"{people[0]}@x.y"]
        )
        await calendar.enter(made)
    assert await days(calendar, View(tenant=tenant)) == [-3, 0.25, 0.5, 5, 60, 400]
    assert await days(calendar, View(requester=people[0])) == [-3, 0.25, 0.5]
    assert await days(calendar, View(requester=people[1])) == [5, 60, 400]
    assert await days(calendar, View(owner=f"{people[0].upper()}@X.Y")) == [-3, 0.25, 0.5, 5, 60, 400]
    assert await days(calendar, View(owner=f"{people[1]}@x.y")) == []
    everybody = await days(calendar, View(), size=100)
    assert everybody == sorted(everybody)
    assert {-3, 0.25, 0.5, 5, 60, 400} <= set(everybody)


async def test_a_part_of_the_calendar_has_its_borders(calendar, tenant):
    """An expiration at the first or last moment of a range belongs to it; a later one does not."""
    for number in (-1, 0, 0.25, 1, 1.5):
        await calendar.enter(connection(day(number), tenant=tenant))
    view = View(tenant=tenant)
    assert await days(calendar, view, since=day(0), until=day(1)) == [0, 0.25, 1]
    assert await days(calendar, view, until=day(0)) == [-1, 0]
    assert await days(calendar, view, since=day(1)) == [1, 1.5]


async def test_a_clock_that_is_moved_stands_on_its_new_day_only(calendar, tenant):
    """A renewal moves one expiration to its new day; the other one stays where it is."""
    made = connection(day(5), tenant=tenant, app_made_at=day(-790), owners=["kim@contoso.com"])
    await calendar.enter(made)
    assert await days(calendar, View(tenant=tenant)) == [5, 10]
    await calendar.enter(replace(made, secret=secret(day(370))))
    for view in (View(tenant=tenant), View(owner="kim@contoso.com")):
        entries, _ = await calendar.page(view, since=None, until=None, size=9, continuation="")
        assert [(each.kind, each.ends_at) for each in entries if each.connection == made.id] == [
            (APPLICATION, day(10)),
            (SECRET, day(370)),
        ]


async def test_who_is_no_owner_any_more_is_not_shown_it(calendar, tenant):
    """Each owner has a view as long as that person is an owner."""
    made = connection(day(5), tenant=tenant, owners=[f"a@{tenant}.com"])
    await calendar.enter(made)
    await calendar.enter(replace(made, request=onboarding_request(owners=[f"b@{tenant}.com"])))
    assert await days(calendar, View(owner=f"a@{tenant}.com")) == []
    assert await days(calendar, View(owner=f"b@{tenant}.com")) == [5]


async def test_a_connection_that_leaves_leaves_nothing(calendar, tenant, tables):
    """A removed connection leaves no row in any view; a second removal causes no error."""
    made = connection(day(5), tenant=tenant, app_made_at=day(-700), owners=["kim@contoso.com"])
    await calendar.enter(made)
    for _ in range(2):
        await calendar.leave(made.id)
    assert await days(calendar, View(tenant=tenant)) == []
    page = await tables.page(names.CALENDAR, Range("", "\x7f"), size=1000)
    assert page.continuation == ""
    assert [row for row in page.rows if made.id in row.partition + row.key] == []


@both
async def test_a_move_that_was_interrupted_is_finished_by_repeating_it(calendar, tenant, fuse):
    """Wherever a move is interrupted, the new day is in the calendar, and a retry removes the old one."""
    made = connection(day(5), tenant=tenant)
    await calendar.enter(made)
    for call in range(2, 9):
        moved = replace(made, secret=secret(day(call * 10)))
        fuse.kill(call, after=True)
        try:
            await calendar.enter(moved)
        except KilledError:
            fuse.kill(0, after=True)
            await calendar.enter(moved)
        assert await days(calendar, View(tenant=tenant)) == [call * 10]
    fuse.kill(0, after=True)


@both
async def test_entering_what_stands_there_already_costs_one_call(calendar, tenant, fuse):
    """A repeated step does not write everything again."""
    made = connection(day(5), tenant=tenant, app_made_at=day(-700))
    await calendar.enter(made)
    before = fuse.calls
    await calendar.enter(made)
    assert fuse.calls - before == 1


@both
async def test_a_page_costs_the_same_however_many_clocks_there_are(calendar, tenant, fuse):
    """A page of forty expirations takes as many calls as a page of four."""
    costs = []
    for number in range(40):
        await calendar.enter(connection(day(1000 - number), tenant=tenant))
        if number in {3, 39}:
            before = fuse.calls
            await calendar.page(View(tenant=tenant), since=NOW, until=None, size=3, continuation="")
            costs.append(fuse.calls - before)
    assert costs == [1, 1]
