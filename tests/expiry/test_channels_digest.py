from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from onboarding.storage import names
from onboarding.workflow.run_index import NEW
from tests.expiry.site import ends_at
from tests.support.portal import until

DAY = timedelta(days=1)


@pytest.fixture(scope="module", autouse=True)
async def _daily(shared_site, people):
    """A deployment that sends people one message a day and escalates after three days."""
    for name in ("people", "chief"):
        address = {"value": f"json://{people.host}/{name}"}
        await shared_site.look("keyVault", "PUT", f"/secrets/notice-{name}?api-version=7.5", address)
    settings = {"NOTICE_CHANNELS": "people", "NOTICE_DIGEST": "daily", "NOTICE_ESCALATION": "chief"}
    async with shared_site.set(settings):
        yield


@pytest.mark.soak
async def test_people_get_one_message_a_day_and_programs_each_event(site, people):
    """At the end of a day, people get one digest of its notices by date, without renewed secrets."""
    later, sooner, renewed = await asyncio.gather(*(site.connection(days=days) for days in (80, 50, 40)))
    await site.fire("sweep_expirations")
    await only_waiting(site, 1)
    for connection in (later, sooner, renewed):
        assert len(await site.received(connection)) == 1
    await site.renew(renewed)
    assert people.about("/people", later["name"]) == []
    people.refuses.add("/people")
    await pass_to(site, end_of_day())
    await until(lambda: waits(site), "the wait for another try")
    refused = len(people.about("/people", later["name"]))
    people.refuses.clear()
    await pass_to(site, end_of_day() + DAY)
    await until(lambda: nothing_collected(site), "the end of what was collected")
    posts = people.about("/people", later["name"])
    assert len(posts) == refused + 1
    assert len({post.headers["x-notice-id"] for post in posts}) == 1
    told = json.loads(posts[-1].body)
    assert told["title"] == "2 notices about 2 connections"
    text = told["message"]
    assert text.index(f"{ends_at(sooner):%Y-%m-%d}") < text.index(f"{ends_at(later):%Y-%m-%d}")
    assert text.count(f"== {later['tenantName']}") == 1
    assert sooner["name"] in text
    assert renewed["name"] not in text


@pytest.mark.soak
async def test_somebody_else_is_told_of_what_nobody_acknowledges(site, people):
    """If nobody acknowledges an urgent warning for three days, the escalation contact gets it once."""
    ignored, known, _far = await asyncio.gather(*(site.connection(days=days) for days in (5, 6, 80)))
    await site.fire("sweep_expirations")
    await only_waiting(site, 3)
    for connection, caller in ((known, "operator"), (ignored, "requester")):
        path = f"/api/connections/{connection['id']}/acknowledge"
        answer = await site.call("POST", path, json={}, caller=caller)
        assert answer.status_code == 200, "a requester's acknowledgement is not an operator's"
    await pass_to(site, datetime.now(UTC) + 3 * DAY - timedelta(hours=1))
    assert people.about("/chief", ignored["name"]) == []
    await pass_to(site, datetime.now(UTC) + 3 * DAY + timedelta(minutes=5))
    await site.settled()
    (post,) = people.about("/chief", ignored["name"])
    told = json.loads(post.body)
    assert told["message"].startswith("Nobody has acknowledged this for 3 days.")
    assert ignored["name"] in told["title"]


def end_of_day() -> datetime:
    """When today's digest is sent."""
    now = datetime.now(UTC)
    end = datetime.combine(now.date(), time(6, tzinfo=UTC)) + timedelta(minutes=11)
    return end if now < end - timedelta(minutes=11) else end + DAY


async def pass_to(site, moment) -> None:
    """Move the clock, and wake what waits for that time (which is overdue if a message was lost)."""
    await site.at(moment + timedelta(minutes=16))
    await site.fire("sweep_onboardings")


async def nothing_collected(site) -> bool:
    return not any(row["RowKey"].startswith("entry:") for row in await site.rows(names.NOTICES))


async def only_waiting(site, count: int) -> None:
    """Wait until all is delivered except this many digests and escalations, which wait for their time."""

    async def so_many() -> bool:
        return (
            len([row for row in await site.rows(names.NOTICE_INDEX) if row["PartitionKey"] == NEW]) == count
        )

    await until(so_many, "the delivery of what does not wait")


async def waits(site) -> Any:
    rows = await site.rows(names.NOTICES)
    return any(json.loads(row["document"])["error"] for row in rows if row["RowKey"] == "step:send-digest")
