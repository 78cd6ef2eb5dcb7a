from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from infra.local import process
from infra.local.host.queues import Backoff, decode
from infra.local.storage import Storage
from onboarding.storage.protocol import VERSION
from tests.local_host.hosts import Sample, until


@pytest.fixture(scope="module")
async def shared(tmp_path_factory, account):
    """A host for the tests that do not change it, and its queue."""
    client = QueueClient.from_connection_string(
        account, "shared-work", message_encode_policy=TextBase64EncodePolicy(), api_version=VERSION
    )
    async with client:
        await client.create_queue()
        sample = Sample(tmp_path_factory.mktemp("queues"), account, client.queue_name)
        await sample.start()
        yield sample, client
        await sample.close()


async def _send(queue: QueueClient, **order: str) -> None:
    await queue.send_message(json.dumps(order))


async def _count(queue: QueueClient) -> int:
    return int((await queue.get_queue_properties()).approximate_message_count or 0)


async def _empty(queue: QueueClient) -> None:
    async def nothing_left() -> bool:
        return await _count(queue) == 0

    await until(nothing_left)


async def test_message_as_the_function_sees_it(shared):
    """A base64 message reaches the function as text, with its count and times, and is then deleted."""
    sample, queue = shared
    await queue.send_message("häus")
    call = await until(lambda: sample.calls(function="work", event="end", id="häus"))
    assert call
    (start,) = sample.calls(id="häus", event="start")
    assert (start["attempt"], start["inserted"]) == (1, True)
    await _empty(queue)


async def test_plain_encoding(sample, account, queue):
    """With messageEncoding none the text on the wire is the text in the function."""
    sample.host_json["extensions"]["queues"]["messageEncoding"] = "none"
    await sample.start()
    async with QueueClient.from_connection_string(account, queue.queue_name, api_version=VERSION) as plain:
        await plain.send_message("not base64!")
    await until(lambda: sample.calls(function="work", event="end", id="not base64!"))


async def test_failure_and_poison(shared):
    """A message that fails maxDequeueCount times moves to the poison queue unchanged."""
    sample, queue = shared
    await _send(queue, id="bad", do="fail")
    await until(lambda: len(sample.calls(function="bury")) == 1)
    assert [call["attempt"] for call in sample.calls(id="bad", event="start")] == [1, 2, 3]
    assert json.loads(sample.calls(function="bury")[0]["body"]) == {"id": "bad", "do": "fail"}
    await _empty(queue)


async def test_undecodable_message(sample, account, queue):
    """A message that is not base64 moves to the poison queue at once, unchanged; no function sees it."""
    async with (
        QueueClient.from_connection_string(account, queue.queue_name, api_version=VERSION) as plain,
        QueueClient.from_connection_string(
            account, f"{queue.queue_name}-poison", api_version=VERSION
        ) as poison,
    ):
        await plain.send_message("not base64!")
        await sample.start()
        await until(lambda: f"moved to {poison.queue_name}" in sample.log())
        await _empty(queue)
        await sample.close()

        # The poison queue has no poison queue of its own: the message stays there for a person.
        async def visible() -> Any:
            return await poison.receive_message()

        message = await until(visible)
    assert message.content == "not base64!"
    assert sample.calls() == []


async def test_hidden_after_failure(sample, queue):
    """After a failure the message stays hidden for visibilityTimeout."""
    sample.host_json["extensions"]["queues"]["visibilityTimeout"] = "00:00:30"
    await sample.start()
    await _send(queue, id="once", do="fail")
    await until(lambda: "Failed" in sample.log())
    await _send(queue, id="later")
    await until(lambda: sample.calls(id="later", event="end"))

    async def one_is_left() -> bool:
        return await _count(queue) == 1

    await until(one_is_left)  # the host deletes a message after the function has ended
    assert len(sample.calls(id="once", event="start")) == 1


async def test_long_work_is_not_taken_twice(shared):
    """A function that takes longer than the lock keeps its message, and runs once."""
    sample, queue = shared
    await _send(queue, id="long", do="hold")
    await until(lambda: sample.calls(id="long"))
    loop = asyncio.get_running_loop()
    started = loop.time()
    # Twice the lock of one second: by then a message that is not renewed is visible again.
    await until(lambda: loop.time() - started > 2.2)
    sample.release("long")
    await until(lambda: sample.calls(id="long", event="end"))
    await _empty(queue)
    assert len(sample.calls(id="long", event="start")) == 1


async def test_deleted_under_way(shared):
    """A message that somebody deletes during its function causes no error."""
    sample, queue = shared
    await _send(queue, id="gone", do="hold")
    await until(lambda: sample.calls(id="gone"))
    await queue.clear_messages()
    sample.release("gone")
    await until(lambda: sample.calls(id="gone", event="end"))
    await _send(queue, id="next")
    await until(lambda: sample.calls(id="next", event="end"))
    (call,) = sample.calls(id="gone", event="start")
    assert call["message"] not in sample.log()


async def test_killed_in_the_middle(sample, queue):
    """A host that is killed during a function loses nothing: the next one gets the message with count 2."""
    first, _ = await sample.start()
    await _send(queue, id="cut", do="hold")
    await until(lambda: sample.calls(id="cut"))
    await process.kill(first)
    await sample.start()
    await until(lambda: len(sample.calls(id="cut", event="start")) == 2)
    sample.release("cut")
    await until(lambda: sample.calls(id="cut", event="end"))
    assert [call["attempt"] for call in sample.calls(id="cut", event="start")] == [1, 2]


async def test_batch_size(sample, queue):
    """At most batchSize + newBatchThreshold messages are handled at the same time."""
    for number in range(12):
        await _send(queue, id=f"m{number}", do="hold")
    await sample.start()
    # Four; then, once only two of them are still running, four more.
    await until(lambda: len(sample.calls(event="start")) == 4)
    taken = [call["id"] for call in sample.calls(event="start")]
    sample.release(taken[0])
    await until(lambda: len(sample.calls(event="end")) == 1)
    assert len(sample.calls(event="start")) == 4
    sample.release(taken[1])
    await until(lambda: len(sample.calls(event="start")) == 8)
    sample.release(taken[2])
    await until(lambda: len(sample.calls(event="end")) == 3)
    assert len(sample.calls(event="start")) == 8
    for number in range(12):
        sample.release(f"m{number}")
    await until(lambda: len(sample.calls(event="end")) == 12)
    assert len(sample.calls(event="start")) == 12


async def test_several_hosts(sample, queue):
    """Hosts on one storage account share the messages, and no message is handled twice."""
    for number in range(40):
        await _send(queue, id=f"m{number}")
    await asyncio.gather(*(sample.start(f"host-{number}") for number in range(3)))
    for number in range(40, 60):
        await _send(queue, id=f"m{number}")
    await until(lambda: len(sample.calls(event="end")) >= 60)
    await _empty(queue)
    assert sorted(call["id"] for call in sample.calls(event="end")) == sorted(
        f"m{number}" for number in range(60)
    )


async def test_storage_outage(tmp_path):
    """During a storage outage the host keeps running and logs it once; afterwards it continues."""
    storage = Storage(tmp_path)
    emulator = await storage.start()
    sample = Sample(tmp_path, storage.account.connection_string, "steps")
    try:
        await sample.start()
        async with QueueClient.from_connection_string(
            storage.account.connection_string, "steps", api_version=VERSION
        ) as queue:
            await process.kill(emulator)
            await until(lambda: "queue steps cannot be read" in sample.log())
            await storage.start()
            await queue.send_message("YWZ0ZXI=")
            await until(lambda: sample.calls(id="after", event="end"))
        assert sample.log().count("queue steps cannot be read") == 1
        assert sample.log().count("queue steps answers again") == 1
    finally:
        await sample.close()
        await storage.stop()


@pytest.mark.soak
async def test_killed_storage_keeps_what_it_confirmed(tmp_path):
    """Azurite still has all confirmed writes after it was killed and restarted."""
    storage = Storage(tmp_path)
    emulator = await storage.start()
    try:
        async with QueueClient.from_connection_string(
            storage.account.connection_string, "steps", api_version=VERSION
        ) as queue:
            sent = [(await queue.send_message(f"m{number}")) for number in range(5)]
            await queue.delete_message(sent[0])
            await queue.update_message(sent[1], content="changed", visibility_timeout=0)
            await process.kill(emulator)
            emulator = await storage.start()
            await process.kill(emulator)
            await storage.start()
            kept = [message.content for message in await queue.peek_messages(max_messages=10)]
        assert sorted(kept) == ["changed", "m2", "m3", "m4"]
    finally:
        await storage.stop()


def test_backoff():
    """Empty polls become less frequent up to the limit, and a message resets that."""
    backoff = Backoff(longest=2.0)
    waits = [backoff.next(found=False) for _ in range(12)]
    assert all(0.1 < wait <= 2.0 for wait in waits)
    assert waits == sorted(waits)
    assert waits[-1] == 2.0
    assert backoff.next(found=True) == 0.1
    assert backoff.next(found=False) < 0.3
    assert Backoff(longest=0.05).next(found=True) == 0.05


@pytest.mark.parametrize(
    ("text", "body"), [("aMOkdXM=", "häus"), (" aGk=\n", "hi"), ("/w==", b"\xff"), ("", "")]
)
def test_decoding(text, body):
    """A body is text if its bytes are UTF-8, and otherwise bytes."""
    assert decode(text, base64_encoded=True) == body


async def test_missing_queue(account):
    """A queue that does not exist causes a 404, which the host treats as an empty queue."""
    async with QueueClient.from_connection_string(account, "no-such-queue", api_version=VERSION) as queue:
        with pytest.raises(ResourceNotFoundError):
            await queue.get_queue_properties()
