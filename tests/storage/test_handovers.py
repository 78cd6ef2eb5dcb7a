"""Connections that wait for their site: who is reminded when, and what a confirmation changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.behalf import Behalf
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.handover import ConfirmationWay, Handover, HandoverState
from onboarding.connections.records import Connection, ConnectionState
from onboarding.connections.site_waits import SiteWaits
from onboarding.expiry.handovers import HandoverReminders, Handovers
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.storage import names
from onboarding.storage.tables import Write
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.words.word import Word, read
from onboarding.workflow.run import Author
from onboarding.workflow.run_store import RunStore
from tests.support.accounts import MemoryAccount
from tests.support.connections import connection

START = datetime(2027, 3, 1, 12, tzinfo=UTC)
DAYS = (3, 10, 30)
KIM = Author(name="app p", id="p", on_behalf_of=Behalf(Word("Kim"), Word("T-1")))


class World:
    """A deployment: its storage, its clock, and its notices in order."""

    def __init__(self) -> None:
        account = MemoryAccount()
        self.account, self.moment, self.fails = account, START, False
        self.notices: list[Notice] = []
        self.store, self.waits = ConnectionStore(account.tables), SiteWaits(account.tables)
        self.audit = RunStore(account.tables, names.ONBOARDINGS)
        shared: dict[str, Any] = {"connections": self.store, "notices": self, "clock": self}
        self.handovers = Handovers(audit=self.audit, **shared)
        self.reminders = HandoverReminders(waits=self.waits, days=DAYS, **shared)

    def now(self) -> datetime:
        """The time."""
        return self.moment

    async def announce(self, notice: Notice, _connection: Connection) -> None:
        """Accept a notice; the same one once."""
        if self.fails:
            raise ConnectionError
        if notice.id not in {each.id for each in self.notices}:
            self.notices.append(notice)

    async def add(self, **changes: Any) -> Connection:
        """A connection that was just onboarded."""
        made = connection(
            START + timedelta(days=365),
            created_at=self.moment,
            **{"handover": Handover(since=self.moment), **changes},
        )
        return await self.store.add(made)

    async def reminded(self, days: float) -> list[int]:
        """The reminders that have been sent this many days after the start."""
        self.moment, before = START + timedelta(days=days), len(self.notices)
        await self.reminders.run()
        return [notice.details["reminder"] for notice in self.notices[before:]]


@pytest.fixture
async def world():
    """An empty deployment."""
    world = World()
    for table in names.TABLES:
        await world.account.create_table(table)
    return world


async def test_people_are_reminded_a_few_times(world):
    """Each reminder is sent once, and there is a last one."""
    await world.add()
    found = [await world.reminded(days) for days in (0, 2.9, 3, 4, 9, 10.5, 29, 30, 31, 400)]
    assert found == [[], [], [1], [], [], [2], [], [3], [], []]
    assert [notice.details["lastReminder"] for notice in world.notices] == [False, False, True]
    assert [notice.at for notice in world.notices] == [START + timedelta(days=days) for days in DAYS]


async def test_after_silence_there_is_one_reminder(world):
    """A timer that did not run for a month sends only the last reminder."""
    await world.add()
    assert await world.reminded(45) == [3]
    assert await world.reminded(46) == []


async def test_a_confirmation_ends_the_reminders(world):
    """The first confirmation counts; it is announced once, and the trail names its author."""
    found = await world.add()
    assert await world.reminded(3) == [1]
    (waits,) = world.notices
    assert waits.is_current(found)
    confirmed = await world.handovers.confirm(found, KIM, ConfirmationWay.API)
    assert confirmed.handover_state is HandoverState.CONFIRMED
    assert not waits.is_current(confirmed)
    world.moment += timedelta(days=1)
    again = await world.handovers.confirm(found, Author(name="somebody"), ConfirmationWay.LINK)
    assert again.handover == confirmed.handover
    assert await world.reminded(40) == []
    assert [notice.kind for notice in world.notices[1:]] == [NoticeKind.HANDOVER_CONFIRMED]
    assert (await world.waits.page(size=10))[0] == []
    events, _ = await world.audit.events(found.onboarding, size=10)
    ((kind, at, behalf),) = [(event.kind, event.at, event.on_behalf_of) for event in events]
    assert (kind, at, behalf) == ("handover-confirmed", START + timedelta(days=3), KIM.on_behalf_of)


async def test_a_confirmation_that_failed_halfway_is_repeated(world):
    """A repeated call sends the missing notice, with the data of the first confirmation."""
    found = await world.add()
    world.fails = True
    with pytest.raises(ConnectionError):
        await world.handovers.confirm(found, KIM, ConfirmationWay.API)
    world.fails, world.moment = False, START + timedelta(hours=1)
    await world.handovers.confirm(found, KIM, ConfirmationWay.API)
    (notice,) = world.notices
    assert notice.at == START


async def test_a_reminder_that_failed_stays_due_and_stops_no_other(world):
    """If one connection cannot be read, the others are reminded, and the job reports the failure."""
    broken, whole = await world.add(), await world.add()
    row = replace(broken.to_row(), columns={"document": "{"})
    await world.account.tables.write(names.CONNECTIONS, row, Write.UPSERT)
    with pytest.raises(UnreadableRowError):
        await world.reminded(3)
    assert [notice.connection for notice in world.notices] == [whole.id]
    await world.account.tables.write(names.CONNECTIONS, broken.to_row(), Write.UPSERT)
    assert await world.reminded(4) == [1]


async def test_what_an_earlier_release_recorded_is_not_chased(world):
    """Nobody knows whether its site is connected, but it can still be confirmed."""
    old = await world.add(handover=None)
    assert old.handover_state is HandoverState.UNKNOWN
    assert await world.reminded(100) == []
    assert (
        await world.handovers.confirm(old, KIM, ConfirmationWay.API)
    ).handover_state is HandoverState.CONFIRMED


async def test_a_connection_that_is_removed_waits_no_longer(world):
    """It leaves the list when its removal starts; no call can confirm it, or another one with its name."""
    found = await world.add()
    removing = await world.store.change(found.id, lambda each: each.evolve(state=ConnectionState.REMOVING))
    assert (await world.waits.page(size=10))[0] == []
    assert await world.handovers.confirm(removing, KIM, ConfirmationWay.API) is None
    await world.store.remove(removing)
    assert await world.handovers.confirm(found, KIM, ConfirmationWay.API) is None
    world.moment = START + timedelta(days=5)
    namesake = await world.add(name=read(found.name))
    assert await world.handovers.confirm(found, KIM, ConfirmationWay.API) is None
    assert [wait.since for wait in (await world.waits.page(size=10))[0]] == [world.moment]
    assert await world.reminded(7.9) == []
    assert await world.reminded(8) == [1]
    assert world.notices[-1].details["onboardingId"] == namesake.onboarding
