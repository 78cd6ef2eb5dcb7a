"""What a requester could make the service do or reveal, although the requester has no right to it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from onboarding.connections.app_users import AppUser
from onboarding.connections.cadence import ExpiryWarning
from onboarding.connections.warning_schedule import ScheduledWarning
from onboarding.notices.warning_texts import warning
from onboarding.storage import names
from tests.interleavings.cloud import InProcessCloud
from tests.interleavings.parties import Member
from tests.interleavings.world import World
from tests.support.precreated import precreated

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph

DAY = timedelta(days=1)
CHANNELS = {"notice_channels": ("team",), "notice_operator_channel": "chief"}


@pytest.fixture
async def told(simulated: InProcessCloud):
    """A deployment with one channel that connections select, and one for operators."""
    world = World(simulated, **CHANNELS)
    yield world
    await world.close()


def warnings(world: World, channel: str) -> list[int]:
    """The warnings that a channel gets, in days before the end, in chronological order."""
    requests = [
        json.loads(row.columns["request"])
        for row in world.tables._rows[names.NOTICES].values()
        if "request" in row.columns
    ]
    found = {each["notice"]["days"] for each in requests if each["channel"] == channel}
    return sorted((days for days in found if days is not None), reverse=True)


async def test_a_snooze_of_a_requester_is_none_of_operators(told):
    """Operators get each warning meanwhile; the selected channels get the last of them afterwards."""
    connection = await told.connected("Snoozed", caller="requester", notices={"channels": ["team"]})
    document = await told.must("get_connection", id=connection)
    end = datetime.fromisoformat(document["secret"]["endsAt"])

    async def at(days_before: float) -> tuple[list[int], list[int]]:
        told.clock.at = end - days_before * DAY
        await told.hosts[0].timers.expiry_sweep.run()
        return warnings(told, "chief"), warnings(told, "team")

    async def snooze(days: int, caller: str) -> str:
        wanted = {"days": days, "expiration": "secret"}
        answer = await told.must("snooze_connection", wanted, id=connection, caller=caller)
        return str(answer["expirations"]["secret"]["snoozedUntil"])

    assert await at(29) == ([30], [30])
    await snooze(24, "requester")
    assert await at(13.9) == ([30, 14], [30])
    assert await at(6.9) == ([30, 14, 7], [30])
    assert await at(4.9) == ([30, 14, 7], [30, 7])
    until = await snooze(3, "operator")
    assert await snooze(1, "requester") == until
    assert await at(0.9) == ([30, 14, 7, 1], [30, 7, 1])


async def test_a_removal_names_no_onboarding_of_others(world):
    """The requester learns only that an onboarding uses its client app; an operator learns which one."""
    mine = await world.connected("Imported by others", caller="requester", profile="2023-11")
    found = await world.must("get_connection", id=mine)
    member: Any = Member(world, str(world.cloud.info["tenant"]))
    apps = await precreated(member, consent=False, revision="2023-11")
    imports = {
        "profile": "2023-11",
        "serverApp": apps.request()["serverApp"],
        "clientApp": {"existing": {"clientId": found["clientApp"]["clientId"]}},
    }
    other = await world.onboard("Others", **imports)
    connections = world.parts.stores.connection_store
    record = await connections.get(mine)
    assert record is not None
    user = AppUser(onboarding=other, requester="operator-1")
    await world.parts.services.app_users.enter(record.tenant, record.client_app.app_id, user)
    answer = await world.must("remove_connection", id=mine, caller="requester")
    for _ in range(20):
        if (await world.must("get_operation", id=answer["id"]))["status"] == "Failed":
            break
        received = await world.take([names.OPERATIONS_QUEUE])
        assert received
        await world.handle(0, *received)
    seen = await world.must("get_operation", id=answer["id"], caller="requester")
    events = await world.must("list_operation_events", id=answer["id"], caller="requester")
    assert seen["error"]["code"] == "server-app-shared"
    assert "1 onboardings of other requesters" in seen["error"]["detail"]
    assert other not in json.dumps([seen, events])


async def test_a_renewal_drops_no_secret(world):
    """During a renewal, a request with another secret is refused; one with the same secret is accepted."""
    member: Any = Member(world, str(world.cloud.info["tenant"]))
    apps = await precreated(member)
    connection = await world.connected("Renewed", caller="requester", **apps.request())
    path = f"/v1.0/applications/{apps.server['id']}/addPassword"
    made = [
        (await member.look("graph", "POST", path, {"passwordCredential": {"displayName": name}})).json()
        for name in ("first", "second")
    ]
    first, second = ({"secret": each["secretText"]} for each in made)
    call = {"id": connection, "caller": "requester"}
    renewal = await world.must("renew_secret", first, **call)
    for body in (second, {"vaultSecret": "import-other"}):
        status, problem = await world.call("renew_secret", body, **call)
        assert (status, problem["code"]) == (409, "renewal-with-other-secret")
    assert (await world.must("renew_secret", first, **call))["id"] == renewal["id"]
    await world.settle(patience=timedelta(minutes=3))
    for body in (first, {}):
        assert (await world.must("renew_secret", body, **call))["id"] == renewal["id"]
    status, problem = await world.call("renew_secret", second, **call)
    assert (status, problem["code"]) == (409, "renewal-with-other-secret")
    await world.must("confirm_renewal", renewal=renewal["id"], **call)
    await world.settle(patience=timedelta(minutes=3))
    assert (await world.must("renew_secret", second, **call))["id"] != renewal["id"]


async def test_a_removal_names_to_a_requester_only_its_own_connections(tmp_path):
    """An operator sees what others still need; a requester sees only its own."""
    cloud = InProcessCloud(tmp_path)  # of its own: what is registered stays
    world = World(cloud)
    subscription = {"subscriptionId": world.cloud.info["subscription"]}
    callers = {"One": "requester", "Two": "requester", "Other's": "other", "Operator's": "operator"}
    ids = {
        name: await world.connected(name, caller=caller, **subscription) for name, caller in callers.items()
    }
    removal = await world.must("remove_connection", id=ids["One"], caller="requester")
    await world.settle()
    own, others = [ids["Two"]], sorted([ids["Two"], ids["Other's"], ids["Operator's"]])
    for caller, users in (("requester", own), ("operator", others)):
        operation = await world.must("get_operation", id=removal["id"], caller=caller)
        left = {each["kind"]: each["neededBy"] for each in operation["leftBehind"]}
        assert left == {"resourceProvider": users}, caller
    seen = await world.must("get_operation", id=removal["id"], caller="requester")
    events = await world.must("list_operation_events", id=removal["id"], caller="requester")
    assert not [each for each in others if each not in own and each in json.dumps([seen, events])]
    await world.close()
    cloud.close()


async def test_the_link_of_a_selected_channel_is_none_of_operators(simulated):
    """Requesters select that channel and may read it. The operators still get warnings and escalations."""
    settings = {**CHANNELS, "notice_mail_channel": "mail", "notice_escalation": "boss", "link_key": "link-x"}
    world = World(simulated, **settings)
    await world.look("keyVault", "PUT", "/secrets/link-x?api-version=7.6", {"value": "k" * 43})
    wanted = {"notices": {"channels": ["team"]}, "labels": {"quiet": "yes"}}
    identifier = await world.connected("Selected", caller="requester", **wanted)
    record = await world.parts.stores.connection_store.get(identifier)
    assert record is not None
    end, messaging = record.expirations["secret"], world.parts.messaging
    for days in (13.5, 6.5, 0.5, -0.5, -8):
        world.clock.at = end - days * DAY
        await world.hosts[0].timers.expiry_sweep.run()
        answers = ["acknowledge_connection", "snooze_connection"] if days == 13.5 else []
        for answer in answers:
            body = {"days": 13, "expiration": "secret"} if "snooze" in answer else {"expiration": "secret"}
            await world.must(answer, body, id=identifier, caller="requester")
    due = ExpiryWarning(days=7, due_at=end - 7 * DAY)
    scheduled = ScheduledWarning(
        connection=identifier, tenant=record.tenant, kind="secret", ends_at=end, warning=due
    )
    notice, readers = warning(scheduled, record, world.clock.now()), {}
    for channel in ("team", "chief", "boss", "mail:kim@contoso.com"):
        item = await messaging.delivery_services.item(notice, record, channel)
        token = str(item.links[0].url).partition("token=")[2]
        readers[channel] = (await messaging.links.read(token) or {})["for"]
    assert readers == {
        "team": "owner",
        "chief": "operators",
        "boss": "operators",
        "mail:kim@contoso.com": "owner",
    }
    assert warnings(world, "chief")[:4] == [14, 7, 1, 0]
    assert min(warnings(world, "chief")) < 0
    assert warnings(world, "team") == [14, 0]  # after the snooze; what is acknowledged is not repeated
    assert warnings(world, "boss") == warnings(world, "chief")
    await world.close()
