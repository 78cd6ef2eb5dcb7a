"""Poison messages: an operator reads and re-drives them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueServiceClient

from onboarding.storage import names, protocol
from tests.support.portal import Portal, problem, unique, until


@pytest.fixture(scope="module")
async def queues(portal):
    """The queues behind the API."""
    account = portal.stack.account.connection_string
    async with QueueServiceClient.from_connection_string(account, api_version=protocol.VERSION) as service:
        yield service


async def send(queues: QueueServiceClient, queue: str, text: str) -> None:
    """Put a message on a queue."""
    client = queues.get_queue_client(queue, message_encode_policy=TextBase64EncodePolicy())
    await client.send_message(text)


async def given_up(portal: Portal, what: str) -> dict[str, Any]:
    """The message with this body or run."""

    async def found() -> dict[str, Any] | None:
        messages = await portal.all("/api/poison", caller="operator")
        return next(
            (each for each in messages if what in {each["body"].get("text"), each.get("runId")}), None
        )

    message: dict[str, Any] = await until(found, f"the message of {what}")
    return message


async def redrive(portal: Portal, message: dict[str, Any]) -> str:
    """Re-drive a message, and return what was done."""
    answer = await portal.call("POST", f"/api/poison/{message['id']}/redrive", caller="operator")
    assert answer.status_code == 202, answer.text
    assert answer.json()["id"] == message["id"]
    return str(answer.json()["outcome"])


@pytest.mark.parametrize("queue", [names.STEPS_QUEUE, names.OPERATIONS_QUEUE])
async def test_a_message_that_can_not_be_read_is_kept(portal, queues, queue):
    """A message of another program is kept and blocks nothing; a re-drive leaves it there, with its count."""
    text = unique("not a message")
    await send(queues, queue, text)
    message = await given_up(portal, text)
    assert (message["queue"], message["reason"], message.get("runId")) == (queue, "Invalid", None)
    assert (message["code"], message["count"]) == ("message-invalid", 1)
    assert await redrive(portal, message) == "Kept"
    again = await given_up(portal, text)
    assert again["id"] == message["id"]
    assert again["lastFailureAt"] > message["lastFailureAt"]
    assert (again["count"], again["since"]) == (2, message["lastFailureAt"])


async def test_the_message_of_a_run_that_is_not_there_is_kept(portal, queues):
    """A message whose run was deleted shows that, and which run it was."""
    run = unique("gone")
    await send(queues, names.NOTICES_QUEUE, json.dumps({"v": 1, "run": run}))
    message = await given_up(portal, run)
    assert (message["queue"], message["reason"]) == ("notices", "UnknownRun")
    assert "runStatus" not in message


async def test_an_onboarding_whose_worker_crashed_goes_on(portal, queues):
    """A crash leaves a poison message that names its onboarding; after a re-drive the onboarding succeeds."""
    hold = {"service": "graph", "method": "PATCH", "path": "applications", "kind": "hold", "when": "before"}
    async with portal.fault(**hold) as fault:
        onboarding = await portal.accepted()

        async def held() -> bool:
            return bool((await portal.control("GET", f"/faults/{fault}")).json()["held"])

        await until(held, "the call of the step server-app")
        account = portal.stack.account.connection_string
        async with TableServiceClient.from_connection_string(account) as tables:
            step = await tables.get_table_client(names.ONBOARDINGS).get_entity(onboarding, "step:server-app")
        key = json.loads(step["document"])["key"]
        message = {"v": 1, "run": onboarding, "step": "server-app", "attempt": 1, "key": key}
        await send(queues, names.STEPS_POISON_QUEUE, json.dumps(message))  # as the host does in the end
        message = await given_up(portal, onboarding)
    assert (message["reason"], message["runStatus"]) in {
        ("WorkerCrashed", "Failed"),
        ("WorkerCrashed", "Running"),  # the providers may still be at work
    }
    assert "server-app" in message["detail"]
    assert (await portal.finished(onboarding))["status"] == "Failed"
    assert await redrive(portal, message) == "Retried"

    async def succeeded() -> bool:
        found = await portal.get(f"/api/onboardings/{onboarding}", caller="operator")
        return bool(found["status"] == "Succeeded")

    await until(succeeded, "the success of what was re-driven")
    answer = await portal.call("POST", f"/api/poison/{message['id']}/redrive", caller="operator")
    problem(answer, 404, "not-found")
    events = await portal.all(f"/api/onboardings/{onboarding}/events", caller="operator")
    (retried,) = [event for event in events if event["kind"] == "retried"]
    assert retried["actor"] != "service"


async def test_what_lies_on_the_poison_queues_is_shown(portal):
    """The list shows each poison queue with its length, also when it is empty."""
    document = await portal.get("/api/poison", caller="operator", maxpagesize="1")
    assert [each["queue"] for each in document["queues"]] == list(names.POISON_QUEUES)
    assert all(each["count"] == len(each["messages"]) for each in document["queues"])
    assert len(document["value"]) == 1
    answer = await portal.call(
        "GET", "/api/poison", caller="operator", params={"continuationToken": "bm9uZQ"}
    )
    problem(answer, 400, "invalid-parameter")
