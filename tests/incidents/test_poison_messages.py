"""An unknown release writes to the queues, and workers crash: 160 messages cannot be processed."""

from __future__ import annotations

import json
from typing import Any, Final

from onboarding.storage import names
from onboarding.workflow.run import RunStatus
from onboarding.workflow.step_message import MESSAGES, StepMessage
from tests.support import runbook
from tests.support.connections import onboarding_request
from tests.support.world import World, run_id

CRASHED: Final = 20
HOPELESS: Final = {
    "message-invalid": [f"message {number} of another program" for number in range(40)],
    "message-version-unknown": [json.dumps({"v": 9, "run": run_id(str(number))}) for number in range(30)],
    "message-field-unknown": [json.dumps({"v": 1, "operation": number}) for number in range(10)],
    "message-run-unknown": [json.dumps({"v": 1, "run": run_id(str(number))}) for number in range(40)],
}
UNDECODABLE: Final = 20


async def arrive(world: World) -> list[str]:
    """The messages arrive; return the runs whose workers crashed."""
    engine, runs = world.parts.engines[names.STEPS_QUEUE], list[str]()
    for number in range(CRASHED):
        head = await world.onboard(onboarding_request(name=f"crashed {number}"), world.clock.now())
        await engine.abandon(MESSAGES.dump(StepMessage(run=head.id, step="preflight", attempt=1)).encode())
        runs.append(head.id)
    for texts in HOPELESS.values():
        for text in texts:
            await engine.handle(text.encode(), text)
    for number in range(UNDECODABLE):
        world.queues.put_raw(names.OPERATIONS_POISON_QUEUE, f"not base64: {number}!")
    await world.run_jobs()
    return runs


async def statuses(world: World, runs: list[str]) -> set[str]:
    """The statuses of runs."""
    return {(await world.call("get_onboarding", path={"id": run}))["status"] for run in runs}


async def test_poison_messages(world):
    """They are shown by cause at once; three calls end them: what can continue does, and none returns."""
    runs = await arrive(world)
    assert await statuses(world, runs) == {RunStatus.FAILED}
    again, look, dismiss = runbook.calls("Poison messages")
    attention = await world.attention()
    assert "poison-queue-not-empty" not in attention
    seen = await overall(world)
    hopeless = {code: len(texts) for code, texts in HOPELESS.items()}
    hopeless["message-invalid"] += UNDECODABLE
    assert seen == {**hopeless, "worker-crashed": CRASHED}
    assert set(attention["poison-message"]["causes"]) <= set(seen)

    world.queues._messages[names.STEPS_QUEUE] = []
    answer = await world.http(*again)
    assert (answer["done"], answer["kept"]) == (CRASHED, sum(hopeless.values()))
    assert await statuses(world, runs) == {RunStatus.NOT_STARTED}
    assert len(world.queues._messages[names.STEPS_QUEUE]) == CRASHED, "a hopeless message was sent"
    shown = (await world.http(look[0], f"{look[1]}?maxpagesize=100"))["value"]
    assert {each["count"] for each in shown} == {2}
    assert all(each["remedy"] and each["body"]["text"] for each in shown)

    assert (await world.http(*dismiss))["done"] == sum(hopeless.values())
    assert "poison-message" not in await world.attention()


async def overall(world: World) -> dict[str, int]:
    """The number of poison messages by cause, over all pages of the list."""
    found: dict[str, int] = {}
    query: dict[str, Any] = {"code": "poison-message", "maxpagesize": 100}
    while True:
        page = await world.call("list_attention", **query)
        for each in page["value"]:
            found[each["cause"]] = found.get(each["cause"], 0) + 1
        if "continuationToken" not in page:
            return found
        query["continuationToken"] = page["continuationToken"]
