"""Webhook subscribers: each gets what it asks for, signed with its own key, until it is deleted."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from onboarding.storage import names
from tests.support.connections import connection as connected
from tests.support.customers import FABRIKAM
from tests.support.portal import pointers, problem, unique, until
from tests.support.receivers import WebServer

KEY = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
TOKEN = secrets.token_urlsafe(24)


@pytest.fixture(scope="module")
async def receiver():
    async with WebServer() as server:
        yield server


async def created(site, address: str, **changes: Any) -> tuple[dict[str, Any], str]:
    """A new subscriber, and its ETag."""
    body = {"name": "Tickets", "address": address, "secret": KEY, **changes}
    answer = await site.call("POST", "/api/subscribers", caller="operator", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json(), answer.headers["ETag"]


async def added(site, fleet, team: str) -> str:
    """The ID of a connection of a team, whose secret expires soon."""
    now = datetime.now(UTC)
    record = connected(now + timedelta(days=20), owners=[], tenant=site.info["tenant"])
    record = record.evolve(request=record.request.model_copy(update={"labels": {"team": team}}))
    await fleet.add(record, now)
    return record.id


async def deleted(site, *subscribers: dict[str, Any]) -> None:
    """Delete subscribers."""
    for subscriber in subscribers:
        path = f"/api/subscribers/{subscriber['id']}"
        assert (await site.call("DELETE", path, caller="operator")).status_code == 200


async def test_a_subscriber_gets_what_it_asks_for(site, fleet, receiver):
    """Type, tenant and label are filters; the log shows each delivery, and one is sent again."""
    team = unique("team")
    wanted = {"kinds": ["SecretNearExpiry"], "tenants": [site.info["tenant"]], "labels": {"team": team}}
    host = f"http://{receiver.host}"
    mine, _ = await created(site, f"{host}/mine/{TOKEN}", **wanted)
    other, _ = await created(site, f"{host}/other/{TOKEN}", tenants=[FABRIKAM])
    assert TOKEN not in json.dumps(mine)
    assert mine["host"] == "127.0.0.1"
    stored = [str(row) for table in names.TABLES for row in await site.rows(table)]
    assert not [row for row in stored if TOKEN in row or KEY in row]

    labelled = await added(site, fleet, team)
    await added(site, fleet, "others")
    await site.sweep()
    (post,) = receiver.about("/mine", "connection")
    event = Webhook(KEY).verify(post.body, dict(post.headers))
    assert event["data"]["connection"]["id"] == labelled
    assert receiver.about("/other", "connection") == []

    tested = (await site.call("POST", f"/api/channels/{mine['channel']}/test", caller="operator")).json()
    assert tested["delivered"], tested
    (test,) = receiver.about("/mine", "ChannelTest")
    assert json.loads(test.body)["source"] == f"/channels/{mine['channel']}"

    path = f"/api/channels/{mine['channel']}/deliveries"
    (delivery,) = (await site.get(path, caller="operator"))["value"]
    assert (delivery["status"], delivery["outcome"]) == ("Succeeded", "delivered (202)")
    assert (delivery["eventId"], delivery["connectionId"]) == (event["id"], labelled)
    again = await site.call("POST", f"/api/deliveries/{delivery['id']}/redeliver", caller="operator")
    assert (again.status_code, again.json()["repeats"]) == (202, delivery["id"])
    await site.settled()
    ids = [post.headers["webhook-id"] for post in receiver.about("/mine", "SecretNearExpiry")]
    assert ids == [event["id"]] * 2
    await deleted(site, mine, other)


async def test_a_receiver_that_is_gone_ends_its_subscription(site, fleet, receiver):
    """After a 410 response it gets nothing, and the other channels are told; a new address starts again."""
    team = unique("team")
    host = f"http://{receiver.host}"
    mine, _ = await created(site, f"{host}/gone/{TOKEN}", labels={"team": team})
    receiver.gone.add(f"/gone/{TOKEN}")
    await added(site, fleet, team)
    await site.fire("sweep_expirations")

    async def has_ended() -> bool:
        channel = await site.get(f"/api/channels/{mine['channel']}", caller="operator")
        return (channel["state"], channel.get("fault")) == ("Ended", "gone")

    await until(has_ended, "the end of the subscription")
    await site.fire("sweep_onboardings")

    async def told() -> bool:
        found = (await site.control("GET", "/inbox/notices")).json()["value"]
        ended = [each["body"] for each in found if each["body"]["type"].endswith(".ChannelEnded")]
        return any(event["data"]["channel"] == mine["channel"] for event in ended)

    await until(told, "the news on the webhook")
    await added(site, fleet, team)
    await site.sweep()
    assert len(receiver.about("/gone", "connection")) == 1
    moved = {"address": f"{host}/moved/{TOKEN}"}
    path = f"/api/subscribers/{mine['id']}"
    assert (await site.call("PATCH", path, caller="operator", json=moved)).status_code == 200
    await added(site, fleet, team)
    await site.sweep()
    assert len(receiver.about("/moved", "SecretNearExpiry")) == 1
    await deleted(site, mine)


async def test_what_waits_for_a_subscriber_goes_to_its_new_address(site, fleet, receiver):
    """Nothing is lost while a receiver refuses; a new address gets it once, and the channel has recovered."""
    team, host = unique("team"), f"http://{receiver.host}"
    receiver.refuses.add(f"/down/{TOKEN}")
    mine, _ = await created(site, f"{host}/down/{TOKEN}", labels={"team": team})
    waiting = [await added(site, fleet, team) for _ in range(2)]
    await site.fire("sweep_expirations")
    path = f"/api/channels/{mine['channel']}"

    async def all_wait() -> bool:
        return bool((await site.get(path, caller="operator"))["waiting"] == len(waiting))

    async def news(kind: str) -> list[str]:
        found = (await site.control("GET", "/inbox/notices")).json()["value"]
        events = [each["body"] for each in found if each["body"]["type"].endswith(f".{kind}")]
        return [event["id"] for event in events if event["data"].get("channel") == mine["channel"]]

    await until(all_wait, "the deliveries to wait")
    await site.advance(timedelta(minutes=20))
    await site.fire("sweep_onboardings")
    await until(lambda: news("ChannelFailing"), "the news of the trouble")

    async def refused_again() -> bool:
        return len(receiver.about("/down", "SecretNearExpiry")) == 2 * len(waiting)

    await until(refused_again, "the next attempts")
    await until(all_wait, "the deliveries to wait again")
    await site.reset_clock()  # so the next attempts are due in twenty minutes

    moved = {"address": f"{host}/up/{TOKEN}"}
    answer = await site.call("PATCH", f"/api/subscribers/{mine['id']}", caller="operator", json=moved)
    assert answer.status_code == 200
    assert receiver.about("/up", "connection") == []
    for _ in range(2):
        await site.fire("sweep_onboardings")
        await site.settled()
    arrived = [json.loads(post.body) for post in receiver.about("/up", "SecretNearExpiry")]
    assert sorted(event["data"]["connection"]["id"] for event in arrived) == sorted(waiting)
    channel = await site.get(path, caller="operator")
    assert (channel["state"], channel["waiting"]) == ("Working", 0)
    await until(lambda: news("ChannelWorks"), "the end of the trouble")
    await deleted(site, mine)


async def test_operators_manage_subscribers(site, receiver):
    """A change that names an ETag needs the current one; a deleted subscriber leaves no secret behind."""
    made, etag = await created(site, f"http://{receiver.host}/x/{TOKEN}")
    path = f"/api/subscribers/{made['id']}"
    read = await site.call("GET", path, caller="operator")
    assert (read.headers["ETag"], read.json()) == (etag, made)
    for tag in (etag, f"W/{etag}", f'"x", {etag}'):
        known = await site.call("GET", path, caller="operator", headers={"If-None-Match": tag})
        assert (known.status_code, known.headers["ETag"]) == (304, etag)
    conditions = {"If-Match": etag, "If-None-Match": "*"}  # the second one is about reading
    changed = await site.call(
        "PATCH", path, caller="operator", headers=conditions, json={"kinds": ["SecretExpired"]}
    )
    assert (changed.status_code, changed.json()["kinds"]) == (200, ["SecretExpired"])
    late = await site.call("DELETE", path, caller="operator", headers={"If-Match": etag})
    assert changed.headers["ETag"] in problem(late, 412, "precondition-failed")["detail"]
    problem(await site.call("GET", "/api/subscribers", caller="requester"), 403, "role-missing")
    listed = await site.get("/api/subscribers", caller="operator")
    assert [each["kinds"] for each in listed["value"] if each["id"] == made["id"]] == [["SecretExpired"]]
    current = {"If-Match": changed.headers["ETag"]}
    assert (await site.call("DELETE", path, caller="operator", headers=current)).status_code == 200
    problem(await site.call("GET", path, caller="operator"), 404, "not-found")
    kept = (await site.look("keyVault", "GET", "/secrets?api-version=7.5")).json()["value"]
    assert not [secret for secret in kept if made["id"] in secret["id"]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", "http://tickets.contoso.com/hook"),
        ("address", "https://169.254.169.254/metadata"),
        ("address", "https://[::ffff:10.0.0.1]/hook"),
        ("address", "https://user:pass@tickets.contoso.com/"),
        ("address", "ftp://tickets.contoso.com/"),
        ("secret", "whsec_dG9vIHNob3J0"),
        ("kinds", ["Nothing"]),
        ("tenants", ["contoso"]),
    ],
)
async def test_what_no_subscriber_can_be_is_refused(site, field, value):
    """The error names the field, and repeats neither address nor secret."""
    body = {"name": "x", "address": "https://tickets.contoso.com/hook", "secret": KEY, field: value}
    answer = await site.call("POST", "/api/subscribers", caller="operator", json=body)
    found = pointers(problem(answer, 422, "invalid-request"))
    assert any(pointer.startswith(f"/{field}") for pointer in found)
    if isinstance(value, str):
        assert value not in answer.text
