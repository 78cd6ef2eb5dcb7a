"""Whatever a message on a queue contains, the worker continues, and operators see the message."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from onboarding.storage import names
from onboarding.workflow.step_message import MESSAGES, StepMessage
from tests.support.connections import onboarding_request
from tests.support.world import World

GOOD: Final = MESSAGES.document(StepMessage(run="r", step="preflight", attempt=1, key="k"))
WRONG: Final[tuple[Any, ...]] = ("banana", None, 17, [], {}, True, -1, "\ud800\\", "x" * 40_000)


def bodies() -> list[bytes]:
    """A valid message with each member in turn missing or replaced, and bodies that are no message at all."""
    found = [{name: value for name, value in GOOD.items() if name != absent} for absent in GOOD]
    found += [{**GOOD, name: value} for name in GOOD for value in WRONG]
    found += [{**GOOD, "unknown": 1}, {**GOOD, "v": 4711}]
    whole: list[Any] = [None, 17, "text", [], [GOOD]]
    texts = [json.dumps(each).encode() for each in (*found, *whole)]
    return [*texts, b"", b"\xff\xfe\x00", b"{", b"[" * 100_000, texts[0][:-5]]


@pytest.mark.parametrize("queue", [name for name in names.QUEUES if not name.endswith("-poison")])
async def test_each_damage_of_a_message_stops_nothing(tmp_path, queue):
    """Both functions of a queue accept every body: it is processed, or kept with a declared error."""
    world = World(tmp_path / "clock")
    engine, texts = world.parts.engines[queue], bodies()
    for number, body in enumerate(texts):
        await engine.handle(body, f"{number}")
        await engine.abandon(body)
    head = await world.onboard(onboarding_request(name="well"), world.clock.now())
    assert await world.parts.onboarding_runs.load(head.id)
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"maxpagesize": 100}
    while "continuationToken" in query or not found:
        page = await world.call("list_poison", **query)
        found += page["value"]
        if "continuationToken" not in page:
            break
        query["continuationToken"] = page["continuationToken"]
    assert {each["code"] for each in found} >= {
        "message-invalid",
        "message-version-unknown",
        "message-run-unknown",
    }
    assert all(each["title"] and each["detail"] and each["remedy"] for each in found)
    assert not [each for each in found if "StepMessage" in each["detail"]]
    assert max(len(json.dumps(each)) for each in found) < 20_000, "bodies are truncated"
    assert (await world.call("dismiss_all_attention", code="poison-message", reason="not ours"))[
        "done"
    ] == len(found)
