"""Poison messages that need attention: retried, kept and dismissed."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from onboarding.storage import names
from onboarding.workflow.poison_messages import PoisonMessage, PoisonReason
from onboarding.workflow.step_message import MESSAGES, StepMessage
from tests.storage.attention_calls import codes, handled
from tests.support.connections import onboarding_request
from tests.support.world import World, run_id

REASON = "The customer has left."


@pytest.fixture
def world(tmp_path):
    """A new deployment."""
    return World(tmp_path / "clock")


async def test_poison_messages_are_retried_in_one_call_and_hopeless_ones_stay(world):
    """Messages whose run can continue are sent; the others are kept, with a count and a reason."""
    now = world.clock.now()
    head = await world.onboard(onboarding_request(name="lives"), now)
    world.queues._messages[names.STEPS_QUEUE] = []
    lost = {
        "not ours": ("message-invalid", "The message is not a JSON object."),
        json.dumps({"v": 1, "run": run_id("gone")}): (
            "message-run-unknown",
            f"There is no run {run_id('gone')}.",
        ),
        '{"v":9,"run":"x"}': ("message-version-unknown", "The message has the version 9."),
        '{"run":"x"}': ("message-version-unknown", "The message has the version none."),
        '{"v":1,"operation":"x"}': (
            "message-field-unknown",
            "Fields that this release does not know: operation.",
        ),
    }
    for text in lost:
        await world.parts.engines[names.STEPS_QUEUE].handle(text.encode(), "d")
    alive = json.dumps({"v": 1, "run": head.id, "step": "preflight", "attempt": 1})
    await world.parts.stores.poison_messages.keep(
        PoisonMessage(
            queue=names.STEPS_QUEUE, body=alive.encode(), reason=PoisonReason.UNKNOWN_RUN, detail="d", at=now
        )
    )
    world.advance(timedelta(hours=1))
    assert await handled(world, "retry_all_attention", code="poison-message") == (1, len(lost))
    assert [message.body.decode() for message in world.queues._messages[names.STEPS_QUEUE]] == [alive]
    shown = {each["body"]["text"]: each for each in (await world.call("list_poison"))["value"]}
    assert {text: (each["code"], each["count"]) for text, each in shown.items()} == {
        text: (code, 2) for text, (code, _) in lost.items()
    }
    assert all(shown[text]["detail"].startswith(detail) for text, (_, detail) in lost.items())
    assert all(each["since"] < each["lastFailureAt"] and each["remedy"] for each in shown.values())
    await world.parts.engines[names.STEPS_QUEUE].abandon(alive.encode())  # listed again, whatever the cause
    assert world.parts.onboarding_runs.status(await world.parts.onboarding_runs.load(head.id)) == "Failed"
    assert await handled(
        world, "dismiss_all_attention", code="poison-message", cause="message-field-unknown", reason=REASON
    ) == (
        1,
        0,
    )


async def test_a_message_that_comes_back_is_counted(world):
    """If a worker crashes again after each retry, one message remains, with the number of its crashes."""
    head = await world.onboard(onboarding_request(name="crashes"), world.clock.now())
    engine = world.parts.engines[names.STEPS_QUEUE]
    for number in range(1, 4):
        message = StepMessage(run=head.id, step="preflight", attempt=1)
        await engine.abandon(MESSAGES.dump(message).encode())
        (shown,) = (await world.call("list_poison"))["value"]
        assert (shown["count"], shown["code"]) == (number, "worker-crashed")
        assert await handled(world, "retry_all_attention", code="poison-message") == (1, 0)
        assert (await world.call("list_poison")).get("value") == []


async def test_a_message_that_the_host_cannot_read_is_kept_and_dismissed(world):
    """What is not in base64 on a poison queue never reaches a function: the sweep keeps it, shown raw."""
    world.queues.put_raw(names.OPERATIONS_POISON_QUEUE, "no base64!")
    await world.parts.stores.poison_messages.keep(
        PoisonMessage(
            queue=names.STEPS_QUEUE,
            body=b"\xff" * 3000,
            reason=PoisonReason.INVALID,
            detail="d",
            at=world.clock.now(),
        )
    )
    assert await codes(world) == ["poison-queue-not-empty", "poison-message"]
    await world.sweep()
    assert await codes(world) == ["poison-message"]
    shown = sorted((each["body"] for each in (await world.call("list_poison"))["value"]), key=len)
    assert shown[0] == {"text": "no base64!", "size": 10}
    assert (shown[1]["size"], shown[1]["cut"], len(base64.b64decode(shown[1]["base64"]))) == (
        3000,
        True,
        2000,
    )
    assert await handled(world, "dismiss_all_attention", code="poison-message", reason=REASON) == (2, 0)
    assert await codes(world) == []
