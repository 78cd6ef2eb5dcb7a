"""What the service knows beside connections and runs is damaged: everybody else is served.

``test_unreadable.py`` does the same to connections, runs, messages and the audit trail.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from onboarding.api.feed_store import FeedStore
from onboarding.api.secret_budget import SecretBudget
from onboarding.audit.audit_event import AuditEvent, chain_of
from onboarding.audit.trail_gaps import Round
from onboarding.audit.verification import Gap, GapReason
from onboarding.connections.handover import Handover
from onboarding.connections.records import Connection, Difference
from onboarding.connections.site_waits import SiteWait, SiteWaits
from onboarding.drift.inspection_step import INSPECTION, InspectionRequest
from onboarding.errors import Actor, responses
from onboarding.lifecycle.name_reservations import NameReservations
from onboarding.notices import digests
from onboarding.notices.channel_states import Working
from onboarding.notices.difference_notices import DifferenceNotices
from onboarding.notices.mail_budget import MailBudget
from onboarding.notices.mail_domains import MailDomains
from onboarding.notices.notice import Kind, Notice
from onboarding.notices.subscribers import Subscriber, Subscribers
from onboarding.storage import names
from onboarding.storage.dismissals import Dismissals, Dismissed
from onboarding.storage.tables import Row, Write
from onboarding.storage.unreadable_rows import Dismissal, note
from onboarding.words.word import Word
from onboarding.workflow.blocked_steps import BlockedStep
from onboarding.workflow.run import SERVICE, RunStatus
from onboarding.workflow.sweep_place import Place, SweepPlace
from tests.storage.test_unreadable import damages
from tests.storage.test_unreadable import populate as populate_runs
from tests.support.codecs import CODECS, newest
from tests.support.world import World, requester, run_id

ILL: Final = ("ill", "8b1f6c70-2a3b-4c5d-8e9f-0a1b2c3d4e5f")
WELL: Final = ("well", "5d0c2f1e-7a4b-4c8d-9e6f-1a2b3c4d5e6f")
"""A name, and a tenant."""

ELSEWHERE: Final = {
    "patience": "the memo of a step: it is damaged with its column in test_unreadable.py",
    "reconciliation": "a sealed continuation: nobody can change it",
    "run-copy": "a secret of the vault: test_damaged_secrets.py",
}
"""Documents that are no rows."""


def subscribers(world: World) -> Subscribers:
    vault: Any = world.vault
    return Subscribers(world.tables, lambda: vault)


def reservations(world: World) -> NameReservations:
    return NameReservations(
        world.tables,
        onboardings=world.parts.onboarding_runs,
        connections=world.parts.stores.connection_store,
        clock=world.clock,
    )


def domains(world: World, *, readable: bool = True) -> MailDomains:
    async def verified(tenant: str) -> list[str]:
        if not readable:
            raise responses.VALUE_UNREADABLE.error(service="Microsoft Graph", fault="x")
        return [f"{tenant}.example"]

    return MailDomains(allowed=(), home=ILL[1], verified=verified, tables=world.tables, clock=world.clock)


def notice(connection: Connection, at: datetime) -> Notice:
    return Notice(
        kind=Kind.RENEWAL_WAITS,
        connection=connection.id,
        key=("k",),
        at=at,
        message="m",
        impact="i",
        remedy="r",
    )


def differences(world: World) -> DifferenceNotices:
    stores = world.parts.stores
    return DifferenceNotices(
        tables=world.tables, connections=stores.connection_store, notices=world.parts.messaging.notices
    )


async def populate(world: World, who: tuple[str, str]) -> Connection:
    """One of everything, of one party, and what all parties share."""
    (name, tenant), now, parts = who, world.clock.now(), world.parts
    stores, messaging = parts.stores, parts.messaging
    made = await world.connect(
        name, now + timedelta(days=300), drifts=False, tenant=tenant, handover=Handover(since=now)
    )
    await parts.epoch.advance()
    await messaging.channel_states.change(
        name, lambda state: replace(state, state=Working.FAILING, since=now)
    )
    dismissal = Dismissal(by="Op", at=now, reason=name)
    dismissed = Dismissed(
        code="given-up", id=run_id(name), cause="", detail=name, tenant=tenant, since=now, dismissal=dismissal
    )
    await Dismissals(world.tables).add(dismissed)
    happened = AuditEvent(
        id=run_id(f"{name} event"), at=now, kind="renew_secret", actor=name, tenant=tenant, connection=made.id
    )
    await stores.trail.add(happened)
    chain = chain_of(tenant, now)
    await world.damage(Row(table=names.AUDIT, partition=chain, key="~forged"), "document", "banana")
    gap = Gap(chain=chain, number=1, reason=GapReason.NOT_IN_COPY)
    await stores.trail_gaps.record(chain, gap, None)
    await stores.trail_gaps.keep(Round(began_at=now))
    for job in ("sweep_onboardings", "sweep_expirations", "sweep_directory"):
        await world.timers.jobs.run(job)
    await FeedStore(world.tables, world.clock).add(requester(name), {})
    await SecretBudget(world.tables, world.clock).take(requester(name))
    subscriber = Subscriber(
        id=run_id(f"{name} subscriber"),
        name=Word(name),
        host="x",
        created_at=now,
        changed_at=now,
        created_by="Op",
    )
    await subscribers(world).store(subscriber, address="https://contoso.com", key="key")
    index = parts.onboarding_runs.index
    await index.blocked.enter(
        BlockedStep(
            run=run_id(name),
            step="consent",
            lists={"tenant": tenant},
            actor=Actor.OPERATOR,
            code=name,
            title="t",
            detail="d",
            remedy="r",
            since=now,
        )
    )
    await note(world.tables, Row(table=names.CALENDAR, partition=name, key=name), name)
    await SweepPlace(world.tables, names.ONBOARDING_INDEX).put(Place(partition="new", key="x"))
    wait = SiteWait(connection=made.id, name=made.name, tenant=made.tenant, since=now, reminded=1)
    await SiteWaits(world.tables).put(wait)
    await reservations(world).reserve(tenant, Word(f"{name} reserved"), run_id(name), name)
    async with MailBudget(world.tables, world.clock, 100).used([name]):
        pass
    await messaging.receipts.keep(notice(made, now), "webhook")
    await domains(world).of(tenant)
    await differences(world).announce(made, _difference(now))
    await digests.add(messaging.delivery_services, notice(made, now), "webhook", now)
    request = InspectionRequest(connections=(made.id,))
    head = INSPECTION.head(run_id(f"{name} inspection"), request, author=SERVICE, created_at=now)
    await parts.inspection_runs.start(head)
    return made


def _difference(now: datetime) -> Difference:
    return Difference(
        code="web-redirect", app="serverApp", since=now, detail="It differs.", impact="i", remedy="r"
    )


Facts = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Both:
    """A deployment with one of everything of each of two parties."""

    world: World
    shared: set[tuple[str, str, str]]  # the rows of the damaged party, and those that both share
    made: tuple[Connection, Connection]

    def ill(self) -> list[Row]:
        """The rows to damage."""
        return [row for row in self.world.rows() if (row.table, row.partition, row.key) in self.shared]


async def served(both: Both) -> Facts:
    """What lists and calls do for those who are well. Fails if one of them fails."""
    (name, tenant), world = WELL, both.world
    found: dict[str, Any] = {}
    await world.run_jobs()
    for job in (
        world.parts.epoch.advance,
        world.timers.handover_reminders.run,
        world.parts.messaging.channel_watch.sweep,
        world.parts.stores.trail_watch.run,
    ):
        await job()
    overview = await world.call("get_overview")
    codes = {each["code"] for each in overview["attention"]}
    found["blocked"] = name in {each["code"] for each in overview["blocked"]}
    found["attention"] = codes >= {"own-trouble", "trail-gap", "waits-for-site"}
    entries = (await world.call("list_attention", maxpagesize=100))["value"]
    found["gap"] = {each["tenantId"] for each in entries if each["code"] == "trail-gap"}
    await world.call("list_unreadable")
    found["dismissed"] = {each["detail"] for each in (await world.call("list_dismissals"))["value"]}
    found["subscribers"] = {each["name"] for each in (await world.call("list_subscribers"))["value"]}
    found["feeds"] = {each["createdBy"]["name"] for each in (await world.call("list_feeds"))["value"]}
    messaging = world.parts.messaging
    found["channel"] = (await messaging.channel_states.get(name)).state
    found["receipt"] = (
        await messaging.receipts.first(notice(both.made[1], both.made[1].created_at).id) is not None
    )
    found["domains"] = await domains(world, readable=False).of(tenant)
    await SecretBudget(world.tables, world.clock).take(requester(name))
    found["reserved"] = await reservations(world).holder(tenant, Word(f"{name} reserved"))
    for party in (ILL, WELL):
        async with MailBudget(world.tables, world.clock, 100).used([party[0]]):
            pass
    await differences(world).announce(both.made[1], _difference(world.clock.now()))
    later = _difference(world.clock.now() + timedelta(seconds=1))  # another notice of the damaged fact
    await differences(world).announce(both.made[0], later)
    return found


def of_well(found: Facts) -> Facts:
    """What is about the party that is not damaged; of lists, whether it is in them."""
    return {
        what: bool({*WELL} & each) if isinstance(each, set | frozenset) else each
        for what, each in found.items()
    } | {"domains": f"{WELL[1]}.example" in found["domains"]}


@pytest.fixture
async def both(tmp_path) -> Both:
    """The deployment."""
    world = World(tmp_path / "clock")
    ill = await populate(world, ILL)
    shared = {(row.table, row.partition, row.key) for row in world.rows()}
    return Both(world=world, shared=shared, made=(ill, await populate(world, WELL)))


async def test_a_row_of_each_kind_is_damaged(both, tmp_path):
    """Each kind of stored document is in a row that this module or the other damages."""
    other = World(tmp_path / "other")
    await populate_runs(other)
    members = set()
    for row in (*both.ill(), *other.rows()):
        for text in row.columns.values():
            if isinstance(text, str) and text.startswith("{"):
                members.add(frozenset(json.loads(text)))
    assert {row.table for row in (*both.ill(), *other.rows())} == set(names.TABLES)
    missing = {
        kind
        for kind, codec in CODECS.items()
        if frozenset(codec.document(codec.load(newest(kind)))) not in members
    }
    assert missing == set(ELSEWHERE)


async def test_a_damaged_delivery_stops_no_other_channel_and_no_later_warning(tmp_path):
    """A host dies after the first delivery of a warning, which is damaged: the next sweep does the rest."""
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
    assert (await world.timers.expiry_sweep.run()).found == 0, "the schedule goes on"
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
    """The head of the day's digest is written again, from what was collected, and the digest is sent."""
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


@pytest.mark.parametrize("turn", [0, 2, 4])  # the long test has the others
async def test_damaged_facts_hide_nobody_else(both, turn):
    """Whatever is wrong with all rows of one party, timers, lists and calls serve the other."""
    world, snapshot = both.world, both.world.snapshot()
    healthy = of_well(await served(both))
    assert healthy["attention"]
    world.restore(snapshot)
    for row in both.ill():
        for column in row.columns:
            kinds = list(damages(row, column))
            await world.damage(row, column, kinds[turn % len(kinds)][1])
    assert of_well(await served(both)) == healthy


@pytest.mark.soak
async def test_each_damage_to_each_fact_hides_nobody_else(both):
    """The same for each damage to each column, one after the other."""
    world, snapshot = both.world, both.world.snapshot()
    healthy = of_well(await served(both))
    for row in both.ill():
        for column in row.columns:
            for kind, value in damages(row, column):
                world.restore(snapshot)
                await world.damage(row, column, value)
                case = f"{row.table} / {row.partition} / {row.key} / {column}: {kind}"
                try:
                    found = of_well(await served(both))
                except Exception as error:
                    raise AssertionError(case) from error
                assert found == healthy, case
