"""Messages arrive repeatedly, late, and twice at once, while two hosts listen; nothing is done twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from azure.storage.queue.aio import QueueServiceClient

from onboarding.storage import names
from tests.durability.labels import ADD_PASSWORD, DISCOVERY
from tests.durability.outcome import problems
from tests.support.lanes.exchanges import Exchange, Message
from tests.support.lanes.lane import Lane
from tests.support.lanes.proxy import Drop
from tests.support.portal import until

pytestmark = pytest.mark.soak


@contextlib.asynccontextmanager
async def two_hosts(lane: Lane) -> AsyncIterator[None]:
    """A second host beside the one of the lane."""
    second = lane.new_host("second")
    await second.start()
    try:
        yield
    finally:
        await second.kill()


async def again(queues: QueueServiceClient, texts: Iterable[str]) -> None:
    """Put each message twice at once."""
    queue = queues.get_queue_client(names.STEPS_QUEUE)
    await asyncio.gather(*(queue.send_message(text, time_to_live=-1) for text in texts for _ in range(2)))


async def emptied(lane: Lane) -> None:
    """Wait until no message is left; their locks last longer than a test."""

    async def empty() -> bool:
        return not any([await lane.waiting(queue) for queue in names.QUEUES])

    await until(empty, "the end of all messages", 40)


async def snapshot(lane: Lane, onboarding: str) -> dict[str, Any]:
    """All rows of an onboarding, and the requests to the cloud so far."""
    rows = await lane.rows(names.ONBOARDINGS, f"PartitionKey eq '{onboarding}'")
    calls = (await lane.portal.control("GET", "/calls")).json()["value"]
    writes = [call for call in calls if call["method"] != "GET" and "/oauth2/" not in call["path"]]
    return {"rows": json.loads(json.dumps(rows, default=str)), "writes": len(writes)}


async def test_messages_of_a_finished_onboarding_come_again(lane):
    """A message that is repeated after the end changes no row, and nothing in the cloud."""
    texts: list[str] = []
    lane.on_put = lambda message: texts.append(message.text)
    await lane.unregister_providers()
    onboarding = await lane.run()
    lane.on_put = _ignore
    assert await problems(lane, onboarding) == []
    assert len(texts) >= 5  # the first one, and one for each provider
    before = await snapshot(lane, onboarding.id)

    async with two_hosts(lane):
        await again(lane.queues, texts)
        await emptied(lane)
        assert await snapshot(lane, onboarding.id) == before
        assert await problems(lane, onboarding) == []


async def test_messages_come_twice_while_the_onboarding_runs(lanes):
    """Each message arrives three times at once, at two hosts, and each step runs once."""

    async def triple(lane: Lane, _: int) -> list[str]:
        chores: list[asyncio.Task[None]] = []

        def copy(message: Message) -> None:
            chores.append(asyncio.create_task(again(lane.queues, [message.text])))

        await lane.unregister_providers()
        async with two_hosts(lane):
            lane.on_put = copy
            onboarding = await lane.run(**DISCOVERY)
            await asyncio.gather(*chores)
            lane.on_put = _ignore
            await emptied(lane)
            started = [each for each in onboarding.exchanges if each.label.endswith("addPassword")]
            return await problems(lane, onboarding) + ["two secrets were made"] * (len(started) - 1)

    assert await lanes.share(range(4), triple) == []


async def test_a_portal_asks_twice_at_once(lanes):
    """Two requests with one key, to two hosts at the same moment, create one onboarding."""

    async def ask_twice(lane: Lane, _: int) -> list[str]:
        onboarding = await lane.begin()
        async with two_hosts(lane):
            other = await lane.begin()
            other.request, other.key = onboarding.request, onboarding.key
            await asyncio.gather(lane.ask(onboarding), lane.ask(other))
            assert onboarding.id == other.id
            await emptied(lane)
            return await problems(lane, onboarding)

    assert await lanes.share(range(3), ask_twice) == []


async def test_a_message_comes_again_while_its_host_still_works_on_it(lanes):
    """A host whose lock expired too early finishes its work before it handles the message again."""

    async def come_again(lane: Lane, label: str) -> list[str]:
        onboarding = await lane.begin()
        usual = lane.proxy.watcher
        held = False

        async def hold(exchange: Exchange, when: str):
            nonlocal held
            if exchange.label == label and when == "after" and not held:
                held = True
                await lane.expire_locks()
                await lane.proxy.until(lambda: _labels(lane).count("receive steps preflight") > 1)
            return await usual(exchange, when)

        lane.proxy.watcher = hold
        try:
            await lane.follow(onboarding)
        finally:
            lane.proxy.watcher = usual
        assert held
        made = [each for each in _labels(lane) if each.endswith("addPassword")]
        return await problems(lane, onboarding) + ["two secrets were made"] * (len(made) - 1)

    labels = [ADD_PASSWORD, "graph POST applications(server)", "keyVault PUT secrets/cmg"]
    assert await lanes.share(labels, come_again) == []


async def test_a_message_that_no_host_can_finish_with_comes_again_later(lane):
    """A host that cannot write its result leaves the message in the queue; later, it finishes the work."""
    onboarding = await lane.begin()
    usual = lane.proxy.watcher
    failing = 8

    async def break_off(exchange: Exchange, when: str):
        nonlocal failing
        if exchange.label.startswith("write onboardings") and when == "before" and failing:
            failing -= 1
            return Drop()
        return await usual(exchange, when)

    lane.proxy.watcher = break_off
    try:
        await lane.follow(onboarding)
    finally:
        lane.proxy.watcher = usual
    assert failing == 0
    assert await problems(lane, onboarding) == []


def _labels(lane: Lane) -> list[str]:
    return [each.label for each in lane.proxy.exchanges]


def _ignore(_: Message) -> None:
    """Do nothing."""
