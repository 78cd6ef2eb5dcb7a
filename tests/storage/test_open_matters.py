"""An event closes each matter, whatever has ended it: no ticket stays open without reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from onboarding.connections.handover import Handover
from onboarding.connections.records import Connection, ConnectionState, Difference
from onboarding.errors import Actor, TransientError, channels
from onboarding.notices import changes, event_keys, handover_notices
from onboarding.notices.about import About
from onboarding.notices.channels.webhook import event
from onboarding.notices.difference_notices import DifferenceNotices
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.notices.receipts import Receipts
from onboarding.notices.renewal_reminders import Reminder, RenewalReminders
from onboarding.notices.subscribers import Subscriber
from onboarding.storage import names
from onboarding.storage.tables import Row, Write
from onboarding.words.word import Word
from onboarding.workflow.blocked_steps import BlockedStep
from tests.support import described
from tests.support.connections import onboarding_request, secret
from tests.support.world import World, run_id

FAR = timedelta(days=300)
Act = Callable[[World, Connection], Awaitable[Any]]


@pytest.fixture
async def world(tmp_path):
    """A deployment with a program that gets all events."""
    world = World(tmp_path / "clock")
    now = world.clock.now()
    await world.parts.messaging.subscribers.store(
        Subscriber(id=run_id("s"), name=Word("s"), host="h", created_at=now, changed_at=now, created_by="")
    )
    return world


async def told(world: World) -> list[Notice]:
    """The notices that are on their way to the program."""
    runs, found = world.parts.notice_runs, {}
    async for entry in runs.index.unfinished():
        run = await runs.load(entry.run)
        assert run
        request = runs.plan(run.head).request_of(run.head)
        if request.channel.startswith("subscriber-"):
            found[request.notice.id] = request.notice
    return [*found.values()]


async def changed(world: World, connection: Connection, **values: Any) -> Connection:
    """A connection about which something is recorded."""
    kept = await world.parts.stores.connection_store.change(connection.id, lambda each: each.evolve(**values))
    assert kept
    return kept


async def due(world: World, connection: Connection) -> None:
    await changed(world, connection, secret=secret(world.clock.now() + timedelta(days=20)))
    found = await world.parts.stores.connection_store.get(connection.id)
    assert found
    await world.parts.stores.warning_schedule.schedule(found, world.clock.now())
    await world.timers.expiry_sweep.run()


async def renewal(world: World, connection: Connection, name: str = "r") -> None:
    waiting = await changed(world, connection, pending=secret(world.clock.now() + FAR), renewal=run_id(name))
    reminders = RenewalReminders(world.parts.messaging.notices, Receipts(world.tables, world.clock))
    await reminders.renewal_waits(waiting, Reminder(at=world.clock.now(), limit=None))


async def site(world: World, connection: Connection) -> None:
    waiting = await changed(world, connection, handover=Handover(since=connection.created_at))
    reminder = handover_notices.waits(waiting, world.clock.now(), 1)
    await world.parts.messaging.notices.announce(reminder, waiting)


async def difference(world: World, connection: Connection) -> None:
    found = Difference(
        code="web-redirect", app="serverApp", since=world.clock.now(), detail="d", impact="i", remedy="r"
    )
    kept = await changed(world, connection, differences={found.key: found})
    stores, notices = world.parts.stores, world.parts.messaging.notices
    await stores.drift_index.enter(kept)
    announcing = DifferenceNotices(tables=world.tables, connections=stores.connection_store, notices=notices)
    await announcing.announce(kept, found, found.since)


async def failure(world: World, _connection: Connection) -> None:
    head = await world.onboard(onboarding_request(name="fails"), world.clock.now())
    await world.fail(world.parts.onboarding_runs, head)


async def wait(world: World, connection: Connection) -> None:
    runs, now = world.parts.onboarding_runs, world.clock.now()
    head = await world.onboard(onboarding_request(name="fails"), now)
    await runs.index.blocked.enter(
        BlockedStep(
            run=head.id,
            step="consent",
            lists=head.lists,
            actor=Actor.TENANT_ADMINISTRATOR,
            code="forbidden",
            title="t",
            detail="d",
            remedy="r",
            since=now,
        )
    )
    about = replace(About.of(connection), onboarding=head.id, app="")
    details = {"status": "Waiting", "step": "consent", "code": "forbidden"}
    notice = changes.of_run(
        NoticeKind.ONBOARDING_WAITS,
        about,
        run=head.id,
        path=f"/onboardings/{head.id}",
        at=now,
        message="m",
        details=details,
        actor=Actor.TENANT_ADMINISTRATOR,
    )
    await world.parts.messaging.notices.tell(notice, subscribers_only=True)


async def channel(world: World, _connection: Connection) -> None:
    now, name = world.clock.now(), "subscriber-other"
    other = Subscriber(
        id="other", name=Word("o"), host="h", created_at=now, changed_at=now, created_by="", kinds=("None",)
    )
    await world.parts.messaging.subscribers.store(other)
    with pytest.raises(TransientError):
        async with world.parts.messaging.channel_states.watched(name):
            raise channels.CHANNEL_GONE.error(channel=name)
    await world.parts.messaging.channel_watch.sweep()


async def moved(world: World, connection: Connection) -> None:
    await changed(world, connection, secret=secret(world.clock.now() + FAR))


async def cancelled(world: World, connection: Connection) -> None:
    await changed(world, connection, pending=None, renewal="")


async def removed(world: World, connection: Connection) -> None:
    found = await world.parts.stores.connection_store.get(connection.id)
    assert found
    await world.parts.stores.connection_store.remove(found)


async def discarded(world: World, connection: Connection) -> None:
    """An operator removes an unreadable row. Until then, nobody knows whether the matter has ended."""
    await world.damage(replace(connection.to_row(), table=names.CONNECTIONS, etag=""), "document", "{")
    assert await world.timers.matter_watch.sweep() == 0
    await world.parts.stores.connection_store.discard(connection.id)


async def replaced(world: World, connection: Connection) -> None:
    """Another connection has its name now."""
    await removed(world, connection)
    namesake = replace(connection, onboarding=run_id("another"), etag="")
    await world.parts.stores.connection_store.add(namesake)


async def leaving(world: World, connection: Connection) -> None:
    await changed(world, connection, state=ConnectionState.REMOVING)


async def corrected(world: World, connection: Connection) -> None:
    await changed(world, connection, differences={})


async def dismissed(world: World, connection: Connection) -> None:
    await world.call("dismiss_attention", path={"id": connection.id}, reason="accepted")


async def run_dismissed(world: World, _connection: Connection) -> None:
    await world.call("dismiss_attention", path={"id": run_id("fails")}, reason="accepted")


async def run_removed(world: World, _connection: Connection) -> None:
    for row in await world.tables.query(names.ONBOARDINGS, run_id("fails")):
        await world.tables.write(names.ONBOARDINGS, Row(partition=row.partition, key=row.key), Write.DELETE)


async def subscriber_removed(world: World, _connection: Connection) -> None:
    other = await world.parts.messaging.subscribers.get("other")
    assert other
    await world.tables.write(names.SERVICE, replace(other.to_row(), etag=""), Write.DELETE)
    await world.parts.messaging.channel_states.forget(other.channel)


async def works(world: World, _connection: Connection) -> None:
    """It works again before the others were notified again, because its state was lost in the meantime."""
    await world.parts.messaging.channel_states.forget("subscriber-other")
    async with world.parts.messaging.channel_states.watched("subscriber-other"):
        pass


WAYS: dict[str, tuple[Act, Act, NoticeKind, str]] = {
    "the date is moved": (due, moved, NoticeKind.SECRET_NEAR_EXPIRY, "Over"),
    "the connection is removed": (due, removed, NoticeKind.SECRET_NEAR_EXPIRY, "Removed"),
    "the row is removed": (due, discarded, NoticeKind.SECRET_NEAR_EXPIRY, "Removed"),
    "a namesake": (due, replaced, NoticeKind.SECRET_NEAR_EXPIRY, "Removed"),
    "the renewal is cancelled": (renewal, cancelled, NoticeKind.RENEWAL_WAITS, "Over"),
    "the connection leaves": (site, leaving, NoticeKind.HANDOVER_WAITS, "Over"),
    "the site's connection is removed": (site, removed, NoticeKind.HANDOVER_WAITS, "Removed"),
    "a difference is put right": (difference, corrected, NoticeKind.PROFILE_DRIFT, "Over"),
    "a difference is dismissed": (difference, dismissed, NoticeKind.PROFILE_DRIFT, "Dismissed"),
    "its connection is removed": (difference, removed, NoticeKind.PROFILE_DRIFT, "Removed"),
    "a failed run is dismissed": (failure, run_dismissed, NoticeKind.ONBOARDING_FAILED, "Dismissed"),
    "a failed run is removed": (failure, run_removed, NoticeKind.ONBOARDING_FAILED, "Removed"),
    "a wait is dismissed": (wait, run_dismissed, NoticeKind.ONBOARDING_WAITS, "Dismissed"),
    "a waiting run is removed": (wait, run_removed, NoticeKind.ONBOARDING_WAITS, "Removed"),
}


@pytest.mark.parametrize("way", WAYS)
async def test_whatever_ends_a_matter_closes_its_key(world, way):
    """The event has the key of the event that asked somebody to act, and is sent once."""
    begin, end, kind, reason = WAYS[way]
    connection = await world.connect("Contoso", world.clock.now() + FAR, drifts=False)
    await begin(world, connection)
    (opened,) = await told(world)
    assert opened.kind is kind
    key = event_keys.of_notice(opened, connection)
    assert await world.timers.matter_watch.sweep() == 0, "it is open"
    await end(world, connection)
    assert await world.timers.matter_watch.sweep() == 1
    (closed,) = [notice for notice in await told(world) if notice.id != opened.id]
    assert (closed.kind, closed.topic, closed.closes) == (NoticeKind.MATTER_CLOSED, key, (key,))
    assert closed.details == {"reason": reason, "opened": str(kind)}
    described.check_event(sent(closed))
    assert await world.timers.matter_watch.sweep() == 0, "it is told once"


@pytest.mark.parametrize(
    ("end", "kind"), [(subscriber_removed, NoticeKind.CHANNEL_REMOVED), (works, NoticeKind.CHANNEL_WORKS)]
)
async def test_whatever_ends_the_failure_of_a_channel_closes_its_key(world, end, kind):
    """Also if the record that others were notified of the failure is lost."""
    connection = await world.connect("Contoso", world.clock.now() + FAR, drifts=False)
    await channel(world, connection)
    (opened,) = await told(world)
    assert await world.timers.matter_watch.sweep() == 0
    await end(world, connection)
    assert await world.timers.matter_watch.sweep() == 1
    (closed,) = [notice for notice in await told(world) if notice.id != opened.id]
    assert (closed.kind, closed.closes) == (kind, (event_keys.of_notice(opened, None),))
    described.check_event(sent(closed))
    assert await world.timers.matter_watch.sweep() == 0


def sent(notice: Notice) -> dict[str, Any]:
    """The event of a notice, as JSON."""
    made = event(notice, None, "https://here.invalid")
    attributes = {name: value for name, value in made.get_attributes().items() if name != "time"}
    return {**attributes, "time": notice.at.isoformat(), "data": made.get_data()}


async def test_a_fact_is_open_while_one_connection_has_it(world):
    """What several connections share ends neither with the removal of one, nor with the dismissal of one."""
    store, now = world.parts.stores.connection_store, world.clock.now()
    first = await world.connect("first", now + FAR, drifts=False)
    second, third = [
        await world.connect(name, now + FAR, drifts=False, server_app=first.server_app)
        for name in ("second", "third")
    ]
    for each in (first, second, third):
        await difference(world, each)
    (opened,) = await told(world)
    known = await store.get(third.id)
    left = changes.removed(known, await store.others(known), run_id("o"), now)
    assert event_keys.of_notice(opened, first) not in left.closes
    for end, connection, closed in ((removed, third, 0), (dismissed, second, 0), (removed, first, 1)):
        await end(world, connection)
        assert await world.timers.matter_watch.sweep() == closed


async def test_a_renewal_that_replaces_another_one_keeps_the_key_open(world):
    """The site still waits for a secret, so the ticket of the first renewal is that of the second one."""
    connection = await world.connect("Contoso", world.clock.now() + FAR, drifts=False)
    await renewal(world, connection)
    await renewal(world, connection, "another")
    first, second = await told(world)
    assert first.id != second.id
    assert event_keys.of_notice(first, connection) == event_keys.of_notice(second, connection)
    assert await world.timers.matter_watch.sweep() == 0
    await cancelled(world, connection)
    assert await world.timers.matter_watch.sweep() == 1


async def test_a_matter_that_opens_again_meanwhile_stays(world):
    """If somebody is asked to act just when it ends, the next end is announced, too."""
    connection = await world.connect("Contoso", world.clock.now() + FAR, drifts=False)
    await due(world, connection)
    matters = world.parts.messaging.open_matters
    (stale,) = [matter async for matter in matters.all()]
    (opened,) = await told(world)
    await matters.open(opened, connection, subscribers_only=False)
    await matters.end(stale)
    assert [matter.key async for matter in matters.all()] == [stale.key]
