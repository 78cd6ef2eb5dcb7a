"""A delivery or a digest is damaged: all other notices are sent, and none is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from onboarding.notices import digests
from onboarding.notices.subscribers import Subscriber
from onboarding.storage import names
from onboarding.storage.tables import Row, Write
from onboarding.words.word import Word
from onboarding.workflow.run import RunStatus
from tests.storage.facts import notice, subscribers
from tests.support.transports import KilledError
from tests.support.world import World, run_id


async def test_a_damaged_delivery_stops_no_other_channel_and_no_later_warning(tmp_path):
    """A host dies after it stored a first delivery, which is then damaged: the next sweep does the rest."""
    world = World(tmp_path / "clock")
    now = world.clock.now()
    subscriber = Subscriber(
        id=run_id("s"), name=Word("s"), host="x", created_at=now, changed_at=now, created_by="Op"
    )
    await subscribers(world).store(subscriber, address="https://contoso.com", key="key")
    made = await world.connect("ill", now + timedelta(days=20), drifts=False)
    snapshot = world.snapshot()
    assert (await world.timers.expiry_sweep.run()).done == 1
    begun = {row.partition: row for row in world.rows() if row.table == names.NOTICES and row.key == "head"}
    (first,) = [row for row in begun.values() if subscriber.channel not in str(row.columns)]
    world.restore(snapshot)
    await world.damage(first, "document", "banana")
    assert (await world.timers.expiry_sweep.run()).done == 1
    heads = {row.partition for row in world.rows() if row.table == names.NOTICES and row.key == "head"}
    assert heads == begun.keys(), "the other channel is notified"
    shown = (await world.call("list_unreadable"))["value"]
    assert [(each["table"], each["partition"]) for each in shown] == [(names.NOTICES, first.partition)]
    assert (await world.timers.expiry_sweep.run()).found == 0, "the schedule continues"
    world.advance(made.expirations["secret"] - now - timedelta(days=6))
    assert (await world.timers.expiry_sweep.run()).done == 1
    later = {row.partition for row in world.rows() if row.table == names.NOTICES and row.key == "head"}
    assert len(later - heads) == len(begun), "each channel gets the next warning"


@pytest.mark.parametrize(
    ("column", "value", "again"),
    [
        ("", None, False),
        ("document", "banana", True),
        ("document", '{"v":4711}', False),
        ("request", "{", True),
    ],
    ids=["removed", "garbage", "future version", "request"],
)
async def test_a_damaged_digest_loses_no_notice(tmp_path, column, value, again):
    """The head of the day's digest is rebuilt from what was collected, and the digest is sent."""
    world = World(tmp_path / "clock")
    now, messaging = world.clock.now(), world.parts.messaging
    made = await world.connect("well", now + timedelta(days=20), drifts=False)
    await digests.add(messaging.delivery_services, notice(made, now), "webhook", now)
    (head,) = [row for row in world.rows() if row.table == names.NOTICES and row.key == "head"]
    if column:
        await world.damage(head, column, value)
    else:  # also its steps
        for row in world.rows():
            if row.partition == head.partition and not row.key.startswith("entry:"):
                await world.tables.write(names.NOTICES, replace(row, etag=""), Write.DELETE)
    if again:
        other = replace(notice(made, now), key=("other",))
        await digests.add(messaging.delivery_services, other, "webhook", now)
    world.queues._messages[names.NOTICES_QUEUE] = []
    world.advance(timedelta(days=2))
    await world.parts.engines[names.NOTICES_QUEUE].sweep()
    (message,) = world.queues._messages[names.NOTICES_QUEUE]
    assert head.partition in message.body.decode()
    run = await world.parts.notice_runs.load(head.partition)
    assert run is not None
    assert run.head.request == head.columns["request"]
    assert world.parts.notice_runs.status(run) is RunStatus.NOT_STARTED
    assert (await world.call("list_unreadable"))["value"] == []


async def test_a_delivery_whose_host_dies_is_in_the_log(tmp_path, monkeypatch):
    """Wherever a host dies while it begins a delivery, the next attempt adds the delivery to the log."""
    world = World(tmp_path / "clock")
    now, queue = world.clock.now(), names.NOTICES_QUEUE
    made = await world.connect("well", now + timedelta(days=20), drifts=False)
    await world.parts.messaging.notices.announce(notice(made, now), made)
    (message,) = world.queues._messages[queue]
    write = world.tables.write

    async def dies(table: str, row: Row, how: Write) -> str:
        if table == names.NOTICE_INDEX and row.partition.startswith("log:"):
            raise KilledError
        return await write(table, row, how)

    with monkeypatch.context() as patch:
        patch.setattr(world.tables, "write", dies)
        with pytest.raises(BaseExceptionGroup):  # of KilledError
            await world.parts.engines[queue].handle(message.body, "1")
    listed = (await world.call("list_deliveries", path={"name": "webhook"}))["value"]
    assert listed == []
    world.advance(timedelta(hours=1))
    await world.parts.engines[queue].handle(message.body, "1")
    (listed,) = (await world.call("list_deliveries", path={"name": "webhook"}))["value"]
    assert (listed["connectionId"], listed["attempts"]) == (made.id, 2)
