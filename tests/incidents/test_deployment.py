"""A deployment replaces the hosts while ten onboardings run, and a deployment is rolled back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final

import pytest

from onboarding.connections import records
from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.workflow import received_message
from onboarding.workflow.run import RunStatus
from onboarding.workflow.step_message import StepMessage
from tests.incidents import night
from tests.support import runbook
from tests.support.connections import onboarding_request
from tests.support.portal import Portal

INCIDENT: Final = "A deployment in the middle of the work"
RUNS: Final = 10


@pytest.mark.soak
async def test_deployment(portal):
    """Each onboarding succeeds, with one secret, and nothing needs attention."""
    before, known = set(await night.attention(portal)), await poison(portal)
    onboardings = [await portal.accepted() for _ in range(RUNS)]
    for _ in range(2):
        await portal.restart_host()
    assert (await portal.get("/api/health"))["version"]
    for onboarding in onboardings:
        assert (await portal.finished(onboarding))["status"] == "Succeeded"
        assert await night.secrets_of(portal, onboarding) == 1
    after = set(await night.attention(portal))
    new = {each: run for each, run in (await poison(portal)).items() if each not in known}
    assert not {*new.values()} & {"", *onboardings}
    others = {"poison-message"} if new else set()  # a delayed message for a run that another test has removed
    assert after - others <= before


async def poison(portal: Portal) -> dict[str, str]:
    """The poison messages: their IDs, and their runs."""
    found = await portal.all("/api/poison", caller="operator")
    return {each["id"]: each.get("runId", "") for each in found}


async def test_what_a_newer_release_wrote_waits_for_it(world, monkeypatch):
    """After a rollback, its messages and rows are kept; the newer release processes them later."""
    now = world.clock.now()
    head = await world.onboard(onboarding_request(name="newer"), now)
    connection = await world.connect("newer", now + timedelta(days=300), drifts=False)
    (row,) = [row for row in world.rows() if connection.id == f"{row.partition}.{row.key}"]
    document = json.loads(row.columns["document"])
    await world.damage(row, "document", json.dumps({**document, "v": document["v"] + 1}))
    message = json.dumps({"v": 2, "run": head.id, "step": "preflight", "attempt": 1})
    await world.parts.engines[names.STEPS_QUEUE].handle(message.encode(), "d")
    assert (await world.call("list_connections"))["value"] == []
    assert set(await world.attention()) == {"poison-message", "row-unreadable"}

    messages, rows, failed = runbook.calls(
        INCIDENT, **{"from": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"}
    )
    assert (await world.http(*messages)) == {"done": 0, "kept": 1}, "this release cannot read it, either"
    newer_release(monkeypatch, document["v"])
    world.queues._messages[names.STEPS_QUEUE] = []
    assert (await world.http(*messages)) == {"done": 1, "kept": 0}
    assert (await world.http(*rows)) == {"done": 1, "kept": 0}
    assert [each["name"] for each in (await world.call("list_connections"))["value"]] == ["newer"]
    assert list(await world.attention()) == []
    (sent,) = world.queues._messages[names.STEPS_QUEUE]
    assert json.loads(sent.body)["run"] == head.id

    await world.fail(world.parts.onboarding_runs, head)
    until = f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    assert (await world.http(failed[0], f"{failed[1]}{until}"))["done"] == 1
    run = await world.parts.onboarding_runs.load(head.id)
    assert world.parts.onboarding_runs.status(run) is not RunStatus.FAILED


def newer_release(monkeypatch, present: int) -> None:
    """From now on, messages of version 2 and connections of the next version can be read."""

    def same(fields):
        return fields

    monkeypatch.setattr(received_message, "MESSAGES", Codec(StepMessage, upgrades={1: same}))
    monkeypatch.setattr(records, "CODEC", Codec(records.Connection, upgrades={present: same}))
