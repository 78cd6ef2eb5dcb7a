"""Changes, for programs: what one event opens, another one closes, without polling."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.expiry.site import Site
from tests.support import described
from tests.support.administrator import Administrator, waiting
from tests.support.portal import unique, until
from tests.support.receivers import WebServer

KEY = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


@pytest.fixture
async def programs(site):
    """Two programs that open and close tickets, each for a label of its own."""
    made = []
    async with WebServer() as server:
        for _ in range(2):
            team = unique("team")
            address = f"http://{server.host}/{team}"
            body = {"name": "Tickets", "address": address, "labels": {"team": team}, "secret": KEY}
            answer = await site.call("POST", "/api/subscribers", caller="operator", json=body)
            assert answer.status_code == 201, answer.text
            made.append((answer.json()["id"], Tickets(server, team)))
        yield [tickets for _, tickets in made]
        for subscriber, _ in made:
            await site.call("DELETE", f"/api/subscribers/{subscriber}", caller="operator")


class Tickets:
    """What a receiver knows, from events alone."""

    def __init__(self, server: WebServer, team: str) -> None:
        self._server = server
        self._path = f"/{team}"
        self.labels = {"team": team}

    async def event(self, kind: str, number: int = 1) -> dict[str, Any]:
        """The data of an event of a kind, as soon as it arrives; all events fit their description."""

        async def found() -> dict[str, Any] | None:
            events = self._events()
            for event in events:
                described.check_event(event)
                assert event["data"]["labels"] == self.labels
            of_kind = {each["id"]: each["data"] for each in events if each["type"].endswith(f".{kind}")}
            return next(itertools.islice(of_kind.values(), number - 1, None), None)

        data: dict[str, Any] = await until(found, kind)
        return data

    def open(self) -> set[str]:
        """The keys for which somebody must still do something."""
        tickets = set()
        for event in {event["id"]: event for event in self._events()}.values():
            data = event["data"]
            if data["actor"] != "Nobody":
                tickets.add(data["key"])
            tickets -= set(data["closes"])
        return tickets

    def _events(self) -> list[dict[str, Any]]:
        return [json.loads(post.body) for post in self._server.posts if post.path == self._path]


async def test_tickets_are_opened_and_closed_by_events(site, programs):
    """The events of a matter have one key, from the one that says who must act to the one that ends it.

    Two lives happen at once, which shortens the test.
    """
    whole, failed = programs
    await asyncio.gather(a_whole_life(site, whole), an_onboarding_that_fails(site, failed))


async def a_whole_life(site: Site, tickets: Tickets) -> None:
    """An onboarding waits for consent, its secret is about to expire, and its connection is removed."""
    end = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
    onboarding = await site.accepted(
        adminConsent="ByAdministrator",
        labels=tickets.labels,
        owners=[{"email": "kim@contoso.com"}],
        serverApp={"secretEndDate": end.isoformat()},
    )
    step = await waiting(site, onboarding)
    waits = await tickets.event("OnboardingWaits")
    assert (waits["actor"], waits["waitingCode"], waits["step"]) == (
        "TenantAdministrator",
        "admin-consent",
        "consent",
    )
    assert [each["url"] for each in waits["actions"]] == [each["url"] for each in step["actions"]]
    assert (waits["onboardingId"], waits["owners"]) == (onboarding, ["kim@contoso.com"])
    mine = (await site.get(f"/api/onboardings/{onboarding}"))["requestedBy"]
    assert waits["requestedBy"] == mine
    assert (await site.http.get(waits["url"])).status_code == 401  # absolute, and an address of the API
    assert tickets.open() == {waits["key"]}
    await Administrator(site, onboarding).consents_for_client()
    await site.call("POST", f"/api/onboardings/{onboarding}/resume")
    succeeded = await tickets.event("OnboardingSucceeded")
    assert (succeeded["actor"], succeeded["key"], succeeded["closes"]) == (
        "Nobody",
        waits["key"],
        [waits["key"]],
    )
    assert tickets.open() == set()
    path = f"/api/connections/{succeeded['connection']['id']}"
    await site.sweep()
    warning = await tickets.event("SecretNearExpiry")
    assert tickets.open() == {warning["key"]}
    headers = {"On-Behalf-Of": "name=Kim&reference=T-1"}
    for _ in range(2):
        await site.call("POST", f"{path}/acknowledge", json={}, headers=headers)
    await site.call("POST", f"{path}/snooze", json={"days": 3})
    acknowledged = await tickets.event("ExpirationAcknowledged")
    snoozed = await tickets.event("ExpirationSnoozed")
    assert {acknowledged["key"], snoozed["key"]} == {warning["key"]}
    assert acknowledged["endsAt"] == snoozed["endsAt"] == warning["endsAt"]
    assert acknowledged["onBehalfOf"] == {"name": "Kim", "reference": "T-1"}
    assert snoozed["until"] < snoozed["endsAt"]
    assert tickets.open() == {warning["key"]}
    await site.call("DELETE", path)
    removed = await tickets.event("ConnectionRemoved")
    assert warning["key"] in removed["closes"]
    assert removed["connection"]["id"] == succeeded["connection"]["id"]
    assert tickets.open() == set()


async def test_a_difference_that_needs_attention_again_opens_its_ticket_again(site, programs):
    """Each time that an operator takes up a dismissed difference again, programs get another event."""
    tickets, _ = programs
    connection = await site.connection(labels=tickets.labels)
    app = f"/v1.0/applications/{connection['serverApp']['objectId']}"
    await site.look("graph", "PATCH", app, {"web": {"redirectUris": []}})
    await site.advance(timedelta(hours=2))
    path = f"/api/connections/{connection['id']}"
    shown = (await site.call("POST", f"{path}/inspect", caller="operator")).json()
    assert len(shown["directory"]["differences"]) == 1
    opened = await tickets.event("ProfileDrift")
    entry = f"/api/attention/{connection['id']}"
    query = "?reason=known"
    for number in (1, 2):
        assert tickets.open() == {opened["key"]}
        assert (await site.call("POST", f"{entry}/dismiss{query}", caller="operator")).is_success
        await site.sweep()
        await tickets.event("MatterClosed", number)
        assert tickets.open() == set()
        await site.advance(timedelta(days=1))
        answer = await site.call("POST", f"{entry}/retry", caller="operator")
        assert answer.status_code == 200, answer.text
        again = await tickets.event("ProfileDrift", number + 1)
        assert (again["key"], again["difference"]) == (opened["key"], opened["difference"])
    assert tickets.open() == {opened["key"]}
    await site.call("DELETE", path)
    await tickets.event("ConnectionRemoved")
    assert tickets.open() == set()


async def an_onboarding_that_fails(site: Site, tickets: Tickets) -> None:
    """It is rolled back by the action in its event."""
    error = await site.refused(labels=tickets.labels, serverApp={"appIdUri": "https://unverified.example/x"})
    told = await tickets.event("OnboardingFailed")
    assert (told["step"], told["code"], told["args"]) == (error["step"], error["code"], error.get("args", {}))
    assert told["remedy"] == error["remedy"]
    assert [each["kind"] for each in told["actions"]][-2:] == ["Retry", "RollBack"]
    assert tickets.open() == {told["key"]}
    back = told["actions"][-1]
    answer = await site.call(back["method"], back["url"][back["url"].index("/api/") :])
    assert answer.status_code == 202
    undone = await tickets.event("OnboardingRolledBack")
    assert undone["closes"] == [told["key"]]
    assert tickets.open() == set()
