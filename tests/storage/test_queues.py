from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError

from tests.support.accounts import both
from tests.support.portal import until

pytestmark = both


@pytest.fixture
def queues(account):
    return account.queues


@pytest.fixture
async def queue(account):
    """The name of a queue for one test."""
    name = f"q{uuid.uuid4().hex}"
    await account.create_queue(name)
    return name


async def test_a_message_arrives_as_it_was_sent(account, queues, queue):
    """JSON in any script, and bytes that are not text, arrive unchanged."""
    await queues.send(queue, {"text": "\u65e5\u672c", "number": 7})
    await queues.put(queue, b"\xff\x00<&>")
    first, second = await account.receive(queue), await account.receive(queue)
    assert json.loads(first.body) == {"text": "\u65e5\u672c", "number": 7}
    assert second.body == b"\xff\x00<&>"
    assert first.id != second.id


async def test_a_missing_queue_is_an_error(account, queues):
    """A missing queue is an error, and does not look like an empty one."""
    for call in (queues.ping, queues.length, queues.peek, account.receive):
        with pytest.raises(HttpResponseError):
            await call("missing")
    with pytest.raises(HttpResponseError):
        await queues.put("missing", b"x")


async def test_a_message_that_was_received_is_hidden(account, queues, queue):
    """A received message is hidden from others; it counts until it is deleted."""
    await queues.ping(queue)
    await queues.put(queue, b"x")
    received = await account.receive(queue)
    assert await account.receive(queue) is None
    assert (await queues.length(queue), await queues.peek(queue)) == (1, [])
    await account.delete(queue, received)
    assert await queues.length(queue) == 0
    with pytest.raises(HttpResponseError):
        await account.delete(queue, received)


async def test_two_workers_do_not_get_the_same_message(account, queues, queue):
    """However many receive at the same time, each message goes to one of them."""
    for number in range(3):
        await queues.put(queue, str(number).encode())
    received = await asyncio.gather(*(account.receive(queue) for _ in range(5)))
    assert sorted(each.body for each in received if each) == [b"0", b"1", b"2"]


async def test_a_delayed_message_is_not_there_yet(account, queues, queue):
    """A delayed message is only counted until it is due; a fraction of a second is rounded up."""
    await queues.put(queue, b"later", delay=timedelta(days=30))
    await queues.put(queue, b"soon", delay=timedelta(milliseconds=200))
    assert await account.receive(queue) is None
    assert (await queues.length(queue), await queues.peek(queue)) == (2, [])
    received = await until(lambda: account.receive(queue), "the delayed message")
    assert received.body == b"soon"


async def test_a_look_changes_nothing(account, queues, queue):
    """A peek shows the first 32 messages in order with their times, and changes nothing."""
    for number in range(33):
        await queues.put(queue, str(number).encode())
    for _ in range(2):
        seen = await queues.peek(queue)
        assert [each.body for each in seen] == [str(number).encode() for number in range(32)]
        assert {each.deliveries for each in seen} == {0}
        assert all(abs(datetime.now(UTC) - each.inserted_at) < timedelta(minutes=1) for each in seen)
    assert (await account.receive(queue)).body == b"0"


async def test_each_call_goes_through_the_fuse(queues, queue, fuse):
    """A test can count calls to storage, and end a worker before or after one."""
    before = fuse.calls
    await queues.put(queue, b"x")
    await queues.length(queue)
    assert fuse.calls - before == 2


async def test_a_message_that_is_too_large_is_refused(queues, queue):
    """A message can have 64 KiB in base64, which is 48 KiB of content."""
    await queues.put(queue, b"x" * (48 * 1024))
    with pytest.raises(HttpResponseError):
        await queues.put(queue, b"x" * (48 * 1024 + 1))
