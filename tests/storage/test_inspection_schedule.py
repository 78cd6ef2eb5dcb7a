from __future__ import annotations

from datetime import date, timedelta

import pytest

from onboarding.connections import pointers
from onboarding.drift.inspection_schedule import InspectionSchedule
from onboarding.storage import names
from onboarding.storage.tables import Write
from tests.support.portal import unique

TODAY = date(2028, 2, 29)


@pytest.fixture
async def ids(account, tables):
    """Connections that wait for their inspection."""
    await account.create_table(names.CONNECTIONS)
    found = {unique("c") for _ in range(300)}
    for identifier in found:
        await tables.write(names.CONNECTIONS, pointers.inspection(identifier), Write.UPSERT)
    return found


@pytest.mark.parametrize("days", [1, 5, 7, 28])
async def test_every_connection_has_its_turn_once(tables, ids, days):
    """In one cycle, each connection is inspected on one day, and the connections are spread over the days."""
    schedule = InspectionSchedule(tables, days=days)
    each_day = [await schedule.members((TODAY + timedelta(days=number),)) for number in range(days)]
    assert sum(map(len, each_day)) == len(ids)
    assert set.union(*each_day) == ids
    assert max(map(len, each_day)) < 3 * len(ids) / days


async def test_days_that_were_missed_are_made_up_for(tables, ids):
    """After days without a timer each connection that was due is inspected once; a day is not repeated."""
    schedule = InspectionSchedule(tables, days=7)
    assert await schedule.due(TODAY) == (TODAY,)
    await schedule.complete(TODAY)
    assert await schedule.due(TODAY) == ()
    before = TODAY - timedelta(days=1)
    assert await schedule.due(before) == (before,)  # the clock was ahead, which stops no inspection
    later = TODAY + timedelta(days=3)
    assert set(await schedule.due(later)) == {later, later - timedelta(days=1), later - timedelta(days=2)}
    year = await schedule.due(TODAY + timedelta(days=365))
    assert len(year) == 7
    assert await schedule.members(year) == ids


async def test_who_has_left_has_no_turn(tables, ids):
    """A removed connection is not inspected; a second removal causes no error."""
    schedule, gone = InspectionSchedule(tables, days=1), min(ids)
    for _ in range(2):
        await schedule.leave(gone)
    assert await schedule.members((TODAY,)) == ids - {gone}
