from __future__ import annotations

import re
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest

from onboarding.words.word import Word
from tests.expiry.site import days, ends_at
from tests.support.connections import connection
from tests.support.portal import pointers, problem

DAY = timedelta(days=1)


@pytest.fixture(scope="module", autouse=True)
async def _channels(shared_site, people):
    """A deployment with links in its messages."""
    values = {
        "notice-people": f"json://{people.host}/people",
        "link-key": secrets.token_urlsafe(32),
    }
    for name, value in values.items():
        await shared_site.look("keyVault", "PUT", f"/secrets/{name}?api-version=7.5", {"value": value})
    settings = {"NOTICE_CHANNELS": "people", "LINK_KEY": "link-key"}
    async with shared_site.set(settings):
        yield


async def test_opening_a_link_changes_nothing_and_its_button_does(site, people):
    """A mail scanner may open links; only the button on the page acknowledges or snoozes."""
    connection = await site.connection(days=20)
    await site.sweep()
    acknowledge, snooze = links(people, connection)
    for link, word in ((acknowledge, "Acknowledge"), (snooze, "Remind me later")):
        for _ in range(2):
            page = await site.http.get(link)
            assert page.status_code == 200
            assert f"{word}: {connection['name']}" in page.text
            assert f"<button>{word}</button>" in page.text
            assert "form-action 'self'" in page.headers["Content-Security-Policy"]
            assert page.headers["Referrer-Policy"] == "no-referrer"
    expiration = (await expirations(site, connection))["secret"]
    assert not {"acknowledged", "snoozedUntil"} & set(expiration)
    for link in (acknowledge, snooze, acknowledge):
        assert (await site.http.post(link)).status_code == 200
    expiration = (await expirations(site, connection))["secret"]
    assert expiration["acknowledged"]["by"] == "signed link"
    until = datetime.fromisoformat(expiration["snoozedUntil"])
    assert abs(until - datetime.now(UTC) - 7 * DAY) < timedelta(minutes=5)
    trail = await site.all(f"/api/onboardings/{connection['onboardingId']}/events", caller="operator")
    done = [event for event in trail if event["actor"] == "signed link"]
    assert [event["kind"] for event in done] == ["acknowledged", "snoozed"]  # the same answer is one event
    assert all(f"{ends_at(connection):%Y-%m-%d}" in event["detail"] for event in done)


async def test_a_link_is_good_for_the_end_that_it_was_made_for(site, people):
    """A link that is forged, truncated, or used after a renewal or a month after the end shows an error."""
    connection = await site.connection(days=20)
    await site.sweep()
    link, _ = links(people, connection)
    for wrong in (link[:-1], link.replace("token=", "token=x"), link.partition("?")[0]):
        await refused(site, wrong)
    await site.at(ends_at(connection) + 29 * DAY)
    assert (await site.http.get(link)).status_code == 200
    await site.at(ends_at(connection) + 31 * DAY)
    await refused(site, link)
    await site.reset_clock()
    await site.renew(connection)
    await refused(site, link)


async def test_an_answer_can_be_given_by_api(site):
    """A requester can acknowledge and snooze for its own connections; its name is recorded."""
    connection = await site.connection(days=20)
    path = f"/api/connections/{connection['id']}"
    answer = await site.call("POST", f"{path}/acknowledge", json={})
    assert answer.status_code == 200
    assert answer.json()["expirations"]["secret"]["acknowledged"]["by"].startswith("app ")
    answer = await site.call(
        "POST", f"{path}/snooze", json={"days": 3, "expiration": "secret"}, caller="operator"
    )
    assert answer.status_code == 200
    until = datetime.fromisoformat((await expirations(site, connection))["secret"]["snoozedUntil"])
    assert abs(until - datetime.now(UTC) - 3 * DAY) < timedelta(minutes=5)
    stranger = await site.caller("Onboarding.Request")
    problem(await site.call("POST", f"{path}/acknowledge", json={}, caller=stranger), 404, "not-found")
    wrong = {
        "/until": ({"days": 3, "until": "2030-01-01T00:00:00Z"}, {}, {"until": "2001-01-01T00:00:00Z"}),
        "/days": ({"days": 0}, {"days": 21}, {"days": 31}),
        "/expiration": ({"days": 1, "expiration": "tower"},),
    }
    for pointer, bodies in wrong.items():
        for body in bodies:
            refusal = await site.call("POST", f"{path}/snooze", json=body)
            assert pointers(problem(refusal, 422, "invalid-request")) == {pointer}


async def test_who_snoozes_hears_nothing_until_then(site):
    """After an operator's snooze, no warning arrives until it ends; then one does."""
    connection = await site.connection(days=20)
    await site.sweep()
    body = {"until": (ends_at(connection) - 10 * DAY).isoformat()}
    path = f"/api/connections/{connection['id']}/snooze"
    answer = await site.call("POST", path, json=body, caller="operator")
    assert answer.status_code == 200
    await site.at(ends_at(connection) - 13 * DAY)
    await site.sweep()
    assert days(await site.received(connection)) == [30]
    await site.at(ends_at(connection) - 9 * DAY)
    await site.sweep()
    assert days(await site.received(connection)) == [30, 14]


async def refused(site, link) -> None:
    """Assert that a link neither shows nor does anything."""
    for method in ("GET", "POST"):
        answer = await site.http.request(method, link)
        assert answer.status_code == 410
        assert "<button>" not in answer.text


async def expirations(site, connection) -> Any:
    return (await site.get(f"/api/connections/{connection['id']}", caller="operator"))["expirations"]


def links(people, connection) -> list[str]:
    """The two links of the newest message about a connection."""
    post = people.about("/people", connection["name"])[-1]
    return re.findall(r"http://[^\s\"\\]+/api/links\?token=[\w.-]+", post.body)


async def test_a_calendar_program_subscribes_without_a_token(site, fleet):
    """A calendar URL shows what its creator sees, with its filters, for a year; no other token works."""
    name = await site.caller("Onboarding.Request")
    mine = site.clients[name]["principalId"]
    end = datetime.now(UTC) + 20 * DAY
    owners = [f"{mine}@contoso.com"]
    await fleet.add(connection(end, name="Mine", requester=mine, owners=owners), end - DAY)
    await fleet.add(connection(end, name="Other", owners=owners), end - DAY)
    for caller, shown in ((name, {"Mine"}), ("operator", {"Mine", "Other"})):
        made = await site.call("POST", f"/api/expirations/feed?owner={owners[0]}", caller=caller)
        assert made.status_code == 201, made.text
        address = made.json()["url"]
        answer = await site.http.get(address)
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
        events = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
        assert {re.findall(r"\((\w+),", str(event["summary"]))[0] for event in events} == shown
    for wrong in (address[:-1], address.partition("?")[0]):
        problem(await site.http.get(wrong), 410, "feed-expired")
    await refused(site, address.replace("expirations/feed", "links"))
    problem(await site.call("POST", "/api/expirations/feed?state=x"), 400, "invalid-parameter")
    await site.at(datetime.fromisoformat(made.json()["expiresAt"]))
    problem(await site.http.get(address), 410, "feed-expired")


async def test_a_subscribed_calendar_has_the_filters_of_the_list(site, fleet):
    """Labels, the connection and the requester narrow a calendar as they narrow the list of expirations."""
    name = await site.caller("Onboarding.Request")
    mine, end = site.clients[name]["principalId"], datetime.now(UTC) + 20 * DAY
    labels = {"team": "süd/west", "cost centre": 'a=1, b & "c"'}
    words = {label: Word(value) for label, value in labels.items()}
    request = connection(end).request.model_copy(update={"labels": words})
    made = connection(end, name="Labelled", requester=mine, request=request)
    for each in (made, connection(end, name="Plain", requester=mine), connection(end, name="Other")):
        await fleet.add(each, end - DAY)
    wanted = {f"label.{label}": value for label, value in labels.items()}
    for filters, shown in (
        (wanted, {"Labelled"}),
        (wanted | {"label.team": "x"}, set()),
        ({"connectionId": made.id}, {"Labelled"}),
        ({"requestedBy": "me"}, {"Labelled", "Plain"}),
        ({"requestedBy": str(uuid.uuid4())}, set()),
    ):
        answer = await site.call("POST", "/api/expirations/feed", caller=name, params=filters)
        events = icalendar.Calendar.from_ical((await site.http.get(answer.json()["url"])).content)
        assert {re.findall(r"\((\w+),", str(event["summary"]))[0] for event in events.walk("VEVENT")} == shown
    listed = await site.all("/api/expirations/feeds", caller=name)
    assert wanted in [feed["filters"] for feed in listed]


async def subscribed(site, caller: str) -> Any:
    """A new calendar subscription of a caller."""
    made = await site.call("POST", "/api/expirations/feed", caller=caller)
    assert made.status_code == 201, made.text
    assert (await site.http.get(made.json()["url"])).status_code == 200
    return made.json()


async def test_a_calendar_subscription_is_revoked_by_its_creator_or_an_operator(site):
    """Both see the subscriptions that they can revoke; a revoked URL stops working, and others do not."""
    first, second = [await site.caller("Onboarding.Request") for _ in range(2)]
    feeds = [await subscribed(site, caller) for caller in (first, first, second, "operator")]
    shown = {caller: await site.all("/api/expirations/feeds", caller=caller) for caller in (first, second)}
    assert [{each["id"] for each in shown[caller]} for caller in (first, second)] == [
        {feeds[0]["id"], feeds[1]["id"]},
        {feeds[2]["id"]},
    ]
    assert [each["showsAll"] for each in shown[second]] == [False]
    everything = await site.all("/api/expirations/feeds?maxpagesize=2", caller="operator")
    assert {feed["id"] for feed in feeds} <= {each["id"] for each in everything}
    assert "token" not in str(everything)
    path = "/api/expirations/feeds"
    for caller, feed in ((second, feeds[0]), (first, feeds[3]), (second, {"id": "x"})):
        problem(await site.call("DELETE", f"{path}/{feed['id']}", caller=caller), 404, "not-found")
    for caller, feed in ((first, feeds[0]), ("operator", feeds[2])):
        answer = await site.call("DELETE", f"{path}/{feed['id']}", caller=caller)
        assert answer.status_code == 200, answer.text
        problem(await site.http.get(feed["url"]), 410, "feed-expired")
    for feed in (feeds[1], feeds[3]):
        assert (await site.http.get(feed["url"])).status_code == 200


async def test_a_calendar_ends_when_its_creator_stays_away(site):
    """The service cannot check whether a creator has the role: a month after the last call, the URL expires.

    The calendar announces that a week before, because a program keeps showing what it got last. Each call
    starts the month again.
    """
    leaves, stays = [await site.caller("Onboarding.Request") for _ in range(2)]
    feeds = {caller: await subscribed(site, caller) for caller in (leaves, stays)}
    now = datetime.now(UTC)
    await site.at(now + 25 * DAY)
    await site.get("/api/connections", caller=stays)
    ends = {}
    for caller, feed in feeds.items():
        content = (await site.http.get(feed["url"])).content
        events = icalendar.Calendar.from_ical(content).walk("VEVENT")
        ends[caller] = [str(each["summary"]) for each in events]
    assert ends == {leaves: ["This calendar is no longer updated"], stays: []}
    await site.at(now + 31 * DAY)
    problem(await site.http.get(feeds[leaves]["url"]), 410, "feed-expired")
    assert (await site.http.get(feeds[stays]["url"])).status_code == 200
    (listed,) = await site.all("/api/expirations/feeds", caller=leaves)
    assert datetime.fromisoformat(listed["lapsesAt"]) > now + 60 * DAY  # this call counts
    assert (await site.http.get(feeds[leaves]["url"])).status_code == 200


async def test_links_in_messages_are_revoked(site, people):
    """The owner of a connection or an operator revokes what was sent; another requester cannot."""
    connection = await site.connection(days=20)
    await site.sweep()
    link, _ = links(people, connection)
    path = f"/api/connections/{connection['id']}/links/revoke"
    stranger = await site.caller("Onboarding.Request")
    problem(await site.call("POST", path, caller=stranger), 404, "not-found")
    assert (await site.http.get(link)).status_code == 200
    answer = await site.call("POST", path)
    assert answer.json()["linksRevokedAt"]
    await refused(site, link)
    trail = await site.all(f"/api/onboardings/{connection['onboardingId']}/events", caller="operator")
    assert [event["actor"][:4] for event in trail if event["kind"] == "links-revoked"] == ["app "]
    await site.at(ends_at(connection) - 13 * DAY)
    await site.sweep()
    newer, _ = links(people, connection)
    assert (await site.http.get(newer)).status_code == 200


async def test_a_link_is_for_the_connection_that_it_was_sent_about(site, people, fleet):
    """The links of a removed connection do not work for a new one with the same name and date."""
    end = datetime.now(UTC) + 20 * DAY
    made = await fleet.add(connection(end, name="Namesake"), end - 91 * DAY)
    await site.sweep()
    link, _ = links(people, {"name": "Namesake"})
    assert (await site.http.get(link)).status_code == 200
    await fleet.store.change(made.id, lambda found: found.evolve(onboarding=str(uuid.uuid4())))
    await refused(site, link)
    await fleet.store.change(made.id, lambda found: found.evolve(onboarding=made.onboarding))
    assert (await site.http.get(link)).status_code == 200
