from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from onboarding.storage import names
from tests.expiry.site import SWEEP, before, data, days, ends_at
from tests.support.portal import until

NEAR = "ConfigMgr.CloudManagement.SecretNearExpiry"
EXPIRED = "ConfigMgr.CloudManagement.SecretExpired"


async def test_a_warning_arrives_on_its_day_and_once(site):
    """No warning arrives early; on its day, one CloudEvent shows what expires when, and the remedy."""
    connection = await site.connection()
    await site.at(before(connection, 90, seconds=-60))
    await site.sweep()
    assert await site.received(connection) == []
    await site.at(before(connection, 90))
    for _ in range(3):
        await site.sweep()
    (event,) = await site.received(connection)
    assert event.get_type() == NEAR
    assert event.get_subject() == connection["serverApp"]["clientId"]
    assert event.get_time() == ends_at(connection) - timedelta(days=90)
    assert event.get_specversion() == "1.0"
    told = data(event)
    assert told["daysBeforeEnd"] == 90
    assert told["connection"] == {
        "id": connection["id"],
        "name": connection["name"],
        "tenantId": connection["tenantId"],
        "url": f"{site.stack.api}/api/connections/{connection['id']}",
    }
    assert told["serverApp"]["clientId"] == connection["serverApp"]["clientId"]
    assert f"{ends_at(connection):%Y-%m-%d}" in told["message"]
    assert "Renew Secret Key" in told["remedy"]
    assert told["impact"]
    assert told["documentation"].startswith("https://learn.microsoft.com/")


async def test_each_threshold_brings_one_warning_and_the_end_one_every_week(site):
    """90, 60, 30, 14, 7 and 1 days before the end, and at the end, one warning arrives; then one a week."""
    connection = await site.connection()
    thresholds = [90, 60, 30, 14, 7, 1, 0]
    for number, threshold in enumerate(thresholds, start=1):
        shown = (await site.get(f"/api/connections/{connection['id']}"))["nextWarning"]
        assert shown["daysBeforeEnd"] == threshold
        await site.at(before(connection, threshold))
        await site.sweep()
        assert days(await site.received(connection)) == thresholds[:number]
    for left in (-7, -30):
        await site.at(before(connection, left))
        await site.sweep()
    events = await site.received(connection)
    assert days(events) == [*thresholds, -7, -28]
    assert [event.get_type() for event in events] == [NEAR] * 6 + [EXPIRED] * 3
    assert len({event.get_id() for event in events}) == len(events)
    shown = (await site.get(f"/api/connections/{connection['id']}"))["nextWarning"]
    assert shown == {"expiration": "secret", "daysBeforeEnd": -35, "dueAt": iso(before(connection, -35, 0))}


async def test_after_silence_one_warning_is_sent(site):
    """After the timer was down for months, one warning arrives: the most urgent, with the remaining days."""
    connection = await site.connection()
    await site.at(before(connection, 10))
    for _ in range(2):
        await site.sweep()
    (event,) = await site.received(connection)
    assert (data(event)["daysBeforeEnd"], data(event)["daysLeft"]) == (14, 10)
    assert "(in 10 days)" in data(event)["message"]
    trail = await site.all(f"/api/onboardings/{connection['onboardingId']}/events")
    (passed,) = [entry for entry in trail if entry["kind"] == "thresholds-passed"]
    assert "the warnings 90, 60, 30 days before it were late" in passed["detail"]


async def test_a_warning_of_before_the_end_that_is_sent_after_it_is_of_an_end(site):
    """The type of an event fits the moment when it is sent, however late a channel accepts it."""
    connection = await site.connection()
    await site.control("PUT", "/inbox/notices/answer", {"status": 500, "times": 1})
    await site.at(before(connection, 1))
    await site.fire(SWEEP)
    await until(lambda: site.waits(connection), "the wait for the second try")
    await site.at(before(connection, 0, seconds=-60))
    await site.fire("sweep_onboardings")
    await site.settled()
    *_, late = await site.received(connection)
    assert (late.get_type(), data(late)["daysLeft"]) == (NEAR, 1)
    await site.control("PUT", "/inbox/notices/answer", {"status": 500, "times": 1})
    await site.at(before(connection, 0))
    await site.fire(SWEEP)
    await until(lambda: site.waits(connection), "the wait for the second try")
    await site.at(before(connection, -2))
    await site.fire("sweep_onboardings")
    await site.settled()
    *_, late = await site.received(connection)
    assert (late.get_type(), data(late)["daysLeft"]) == (EXPIRED, -2)


async def test_a_graver_warning_replaces_one_that_a_channel_did_not_accept(site):
    """When a channel works again after days, it gets the current warning and none of the earlier ones."""
    connection = await site.connection()
    await site.control("PUT", "/inbox/notices/answer", {"status": 500, "times": 1})
    await site.at(before(connection, 14))
    await site.fire(SWEEP)
    await until(lambda: site.waits(connection), "the wait for the second try")
    await site.at(before(connection, 7))
    await site.fire("sweep_onboardings")
    await site.sweep()
    assert days(await site.received(connection)) == [14, 7], "the first one was refused"


async def test_a_connection_that_is_made_late_is_warned_of_once(site):
    """A secret that is valid for 45 days has passed two thresholds from the start, and causes one warning."""
    connection = await site.connection(days=45)
    await site.sweep()
    assert days(await site.received(connection)) == [60]
    await site.at(before(connection, 30))
    await site.sweep()
    assert days(await site.received(connection)) == [60, 30]


async def test_two_timers_at_once_send_one_warning(site):
    """Timers that overlap, on one instance or on two, send each warning once."""
    connection = await site.connection()
    await site.at(before(connection, 60))
    await asyncio.gather(*(site.fire(SWEEP) for _ in range(5)))
    await site.settled()
    assert days(await site.received(connection)) == [60]


async def test_a_clock_that_is_set_back_sends_nothing_twice(site):
    """A clock that is set back sends no warning again."""
    connection = await site.connection()
    for _ in range(2):
        for threshold in (90, 60):
            await site.at(before(connection, threshold))
            await site.sweep()
        await site.reset_clock()
        await site.sweep()
    assert days(await site.received(connection)) == [90, 60]


async def test_connections_do_not_get_in_each_others_way(site):
    """Each day, only the connections that are due cause warnings."""
    soon, later = await asyncio.gather(site.connection(200), site.connection(300))
    await site.at(before(soon, 90))
    await site.sweep()
    assert days(await site.received(soon)) == [90]
    assert await site.received(later) == []


async def test_a_connection_that_can_not_be_read_is_no_others_trouble(site):
    """The warning of an unreadable connection waits until its row is repaired; all others arrive."""
    broken, other = await asyncio.gather(site.connection(), site.connection())
    row = await site.connection_row(broken)
    table = site.tables.get_table_client(names.CONNECTIONS)
    await table.update_entity({**row, "document": "{"})
    await site.at(before(other, 90))
    await site.sweep()
    assert days(await site.received(other)) == [90]
    await table.update_entity(row)
    await site.sweep()
    assert days(await site.received(broken)) == [90]
    assert days(await site.received(other)) == [90]


async def test_a_webhook_that_fails_gets_the_warning_later(site):
    """The warning is repeated with the same ID until the webhook accepts it, and not again."""
    connection = await site.connection()
    await site.control("PUT", "/inbox/notices/answer", {"status": 500, "times": 2})
    await site.at(before(connection, 90))
    await site.fire(SWEEP)

    async def came(times: int) -> bool:
        return len(await site.received(connection)) == times

    await until(lambda: came(2), "the repeated warning")
    await until(lambda: site.waits(connection), "the wait for the third try")
    await site.advance(timedelta(hours=1))  # its next retry would be in ten seconds
    await site.fire("sweep_onboardings")
    await site.settled()
    events = await site.received(connection)
    assert days(events) == [90, 90, 90]
    assert len({event.get_id() for event in events}) == 1
    await site.fire("sweep_onboardings")
    await site.sweep()
    assert await came(3)


async def test_any_success_is_taken_as_delivered(site):
    """A receiver can answer with any 2xx status, such as 202."""
    connection = await site.connection()
    await site.control("PUT", "/inbox/notices/answer", {"status": 202, "times": 1})
    await site.at(before(connection, 90))
    await site.sweep()
    assert days(await site.received(connection)) == [90]


async def test_what_is_gone_is_not_warned_of(site):
    """A removed connection causes no further warning."""
    connection = await site.connection()
    row = await site.connection_row(connection)
    await site.tables.get_table_client(names.CONNECTIONS).delete_entity(row)
    await site.at(before(connection, -900))
    await site.sweep()
    assert await site.received(connection) == []
    assert await site.rows(names.WARNINGS) == []


async def test_a_renewed_secret_is_not_warned_of(site):
    """Warnings about a replaced secret are dropped."""
    connection = await site.connection()
    await site.renew(connection)
    await site.at(before(connection, 10))
    await site.sweep()
    assert await site.received(connection) == []


async def test_a_warning_on_its_way_is_dropped_when_it_is_out_of_date(site):
    """A warning that could not be delivered in time is not delivered after the renewal."""
    connection = await site.connection()
    await site.control("PUT", "/inbox/notices/answer", {"status": 500, "times": 1})
    await site.at(before(connection, 90))
    await site.fire(SWEEP)
    await until(lambda: site.waits(connection), "the wait for the second try")
    await site.renew(connection)
    await site.advance(timedelta(hours=1))
    await site.fire("sweep_onboardings")
    await site.settled()
    assert days(await site.received(connection)) == [90], "only the one that was refused"


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
