"""Each kind of event says whose it is and what to do: a program can route and link it without a call."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from onboarding.behalf import Behalf
from onboarding.cmg.renewal_request import RenewalRequest
from onboarding.connections.cadence import APPLICATION, SECRET, Acknowledgement, ExpiryWarning, Snooze
from onboarding.connections.handover import Confirmation, ConfirmationWay, Handover
from onboarding.connections.records import Connection, Difference
from onboarding.connections.warning_schedule import ScheduledWarning
from onboarding.errors import channels
from onboarding.lifecycle.awaited import WaitingCode
from onboarding.lifecycle.plans import plan_of
from onboarding.lifecycle.removal_steps import REMOVE
from onboarding.lifecycle.renewal_steps import RENEW
from onboarding.lifecycle.requests import Asker, Removal, Renewal
from onboarding.notices import changes, channel_notices, handover_notices
from onboarding.notices.channel_states import ChannelRecord, ChannelState
from onboarding.notices.channels.channel_faults import ChannelFault
from onboarding.notices.channels.webhook import event
from onboarding.notices.difference_notices import DifferenceNotices
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.notices.open_matters import ClosingReason, Matter
from onboarding.notices.renewal_reminders import Reminder, RenewalReminders
from onboarding.notices.warning_texts import warning
from onboarding.words.word import Word
from onboarding.workflow.outcomes import Failure
from onboarding.workflow.run import SERVICE, Author, Run, RunStatus, StepStatus
from tests.support import described
from tests.support.connections import onboarding_request, secret
from tests.support.world import World, run_id

ORIGIN: Final = "https://here.invalid"
KIM: Final = Behalf(name=Word("Kim"), reference=Word("T-1"))
DAY: Final = timedelta(days=1)
DIFFERENCES: Final = (
    "application",
    "sign-in-enabled",
    "consent-User.Read",
    "secret-added",
    "own-credentials",
    "secret-replaced",
    "secret-removed",
    "secret-end-changed",
    "web-redirect",
    "directory-unreadable",
    "subscription-disabled",
    "providers-pending",
)
"""One for each kind."""

ENDS: Final = (
    NoticeKind.ONBOARDING_SUCCEEDED,
    NoticeKind.ONBOARDING_CANCELLED,
    NoticeKind.ONBOARDING_ROLLED_BACK,
    NoticeKind.OPERATION_CANCELLED,
)
"""What ends a run closes what its events have opened."""

Told = tuple[Notice, Connection | None]


class Taken:
    """Accepts what is announced."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    async def announce(self, notice: Notice, connection: Connection) -> None:
        """Accept a notice."""
        self.told.append((notice, connection))

    async def tell(self, notice: Notice, **_: bool) -> None:
        """Accept a change."""
        self.told.append((notice, None))


@pytest.fixture
async def scene(tmp_path):
    """A deployment with a connection that somebody requested for Kim."""
    world = World(tmp_path / "clock")
    made = await world.connect("Contoso", world.clock.now() + 20 * DAY, drifts=False, **_whose())
    return world, made


def _whose() -> dict[str, Any]:
    wanted = onboarding_request(name="Contoso", owners=["kim@contoso.com"], version="2509")
    labelled = wanted.model_copy(update={"labels": {"team": Word("endpoint")}})
    return {"requester": "portal", "requester_name": "Portal", "on_behalf_of": KIM, "request": labelled}


async def of_connections(world: World, connection: Connection) -> AsyncIterator[Told]:
    """The notices about a connection."""
    now, taken = world.clock.now(), Taken()
    old = connection.server_app
    aged = replace(connection, server_app=replace(old, created_at=now - 790 * DAY))
    for kind, ends in (
        (SECRET, now + DAY),
        (SECRET, now - DAY),
        (APPLICATION, now + DAY),
        (APPLICATION, now),
    ):
        due = ScheduledWarning(
            connection=connection.id,
            tenant=connection.tenant,
            kind=kind,
            ends_at=ends,
            warning=ExpiryWarning(days=1, due_at=now),
        )
        yield warning(due, aged, now), aged
    pending = connection.evolve(pending=secret(now + 300 * DAY), renewal=run_id("r"))
    notices: Any = taken
    reminders = RenewalReminders(notices, world.parts.messaging.receipts)
    await reminders.renewal_waits(pending, Reminder(at=now, limit=None))
    for by_time in (True, False):
        await reminders.secret_replaced(connection, sharing=[], renewal=run_id("r"), at=now, by_time=by_time)
    announcing = DifferenceNotices(
        tables=world.tables, connections=world.parts.stores.connection_store, notices=notices
    )
    for code in DIFFERENCES:
        app = "" if code in DIFFERENCES[-3:] else "serverApp"
        found = Difference(code=code, app=app, since=now, detail="d", impact="i", remedy="r")
        await announcing.announce(connection, found, now)
    await announcing.resolved(connection, found, now)
    await reminders.connection_removed(connection, others=[], operation=run_id("o"), at=now)
    for told in taken.told:
        yield told
    waiting = connection.evolve(handover=Handover(since=now))
    yield handover_notices.waits(waiting, now, 1), waiting
    done = Confirmation(at=now, by="Kim", way=ConfirmationWay.API)
    connected = connection.evolve(handover=Handover(since=now, confirmation=done))
    yield handover_notices.confirmed(connected), connected
    answer: dict[str, Any] = {"ends_at": now, "by": "Kim", "at": now, "on_behalf_of": KIM}
    yield changes.acknowledged(connection, SECRET, Acknowledgement(**answer)), None
    yield changes.snoozed(connection, SECRET, Snooze(**answer, until=now)), None
    opened = Matter.of(taken.told[0][0], pending, subscribers_only=False)
    assert opened.about
    yield changes.closed(opened.about, opened, ClosingReason.OVER, now), None


async def of_runs(world: World, connection: Connection) -> AsyncIterator[Told]:
    """The notices about its onboarding, its renewal and its removal."""
    now, parts, taken = world.clock.now(), world.parts, Taken()
    asker = Asker(id="portal", name="Portal", on_behalf_of=KIM)
    author = Author(name="Portal", id="portal", on_behalf_of=KIM)
    request = connection.request
    lists = asker.lists_of(connection.tenant, owner="portal", onboarding=connection.onboarding)
    onboarding = plan_of(request).head(
        connection.onboarding, request, author=author, created_at=now, lists=asker.lists(connection.tenant)
    )
    renewal = RENEW.head(
        run_id("r"),
        Renewal.of(connection, RenewalRequest(), time_limit_days=0),
        author=SERVICE,
        created_at=now,
        lists=lists,
    )
    removal = REMOVE.head(
        run_id("o"),
        Removal(onboarding=connection.onboarding, request=request),
        author=SERVICE,
        created_at=now,
        lists=lists,
    )
    for runs, heads in ((parts.onboarding_runs, [onboarding]), (parts.operation_runs, [renewal, removal])):
        watch: Any = runs.watch
        watch._notices = taken
        for head in heads:
            await runs.start(head)
            run = await runs.load(head.id)
            assert run
            await _tell(watch, run)
    for told in taken.told:
        yield told


async def _tell(watch: Any, run: Run) -> None:
    """Everything that can happen to a run."""
    (first, *_) = run.steps
    error = Failure.of(channels.CHANNELS_NOT_SET_UP.error())
    failed = run.steps[first].evolve(status=StepStatus.FAILED, error=error)
    waits = failed.evolve(
        status=StepStatus.WAITING, error=None, waiting_for="w", waiting_code=WaitingCode.ADMIN_CONSENT
    )
    for status in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.ROLLED_BACK):
        await watch.ended(run.having([failed]), status)
    await watch.waits(run, waits)


def of_channels(world: World) -> Iterator[Told]:
    """The notices about a channel."""
    now = world.clock.now()
    refused = Failure.of(channels.WEBHOOK_REFUSED.error(status=500))
    state = functools.partial(
        ChannelRecord, name="subscriber-x", since=now, fault=ChannelFault.REFUSED, error=refused
    )
    yield channel_notices.failure(state(state=ChannelState.FAILING)), None
    yield channel_notices.failure(state(state=ChannelState.ENDED)), None
    for gone in (False, True):
        yield channel_notices.works(state(state=ChannelState.WORKING), now, gone=gone), None


def check(told: Told) -> None:
    """An event is as described, has only absolute URLs, and names who must act and what to do."""
    notice, connection = told
    made = event(notice, connection, ORIGIN)
    data: Any = made.get_data()
    attributes = {**made.get_attributes(), "time": notice.at.isoformat()}
    described.check_event({**attributes, "data": data})
    assert data["url"].startswith(f"{ORIGIN}/api/"), notice.kind
    assert all(action["url"].startswith("https://") for action in data["actions"]), notice.kind
    assert data["message"], notice.kind
    if data["actions"]:
        assert data["actions"][0]["actor"] == data["actor"] != "Nobody", notice.kind
    elif data["actor"] == "Nobody":
        assert not data["remedy"], notice.kind


async def test_each_kind_of_event_says_whose_it_is_and_what_to_do(scene):
    """Labels, owners, requester, the person behind it, and links: in the events of all kinds."""
    world, connection = scene
    told = [each async for each in of_connections(world, connection)]
    told += [each async for each in of_runs(world, connection)]
    for each in told:
        check(each)
        data: Any = event(*each, ORIGIN).get_data()
        whose = {
            "labels": {"team": "endpoint"},
            "owners": ["kim@contoso.com"],
            "requestedBy": {"id": "portal", "name": "Portal"},
            "onBehalfOf": {"name": "Kim", "reference": "T-1"},
            "onboardingId": connection.onboarding,
        }
        assert {name: data.get(name) for name in whose} == whose, each[0].kind
        assert data["connection"]["id"] == connection.id
        if each[0].kind in ENDS:
            assert data["closes"] == [data["key"]], each[0].kind
    kinds = {notice.kind for notice, _ in told}
    for each in of_channels(world):
        check(each)
        kinds.add(each[0].kind)
    assert kinds == {*NoticeKind} - {NoticeKind.CHANNEL_TEST}, "a test is sent to the channel itself"


async def test_a_run_without_its_connection_says_whose_it_is(scene):
    """A removal is announced even if the record is gone or never existed: its onboarding has the data."""
    world, connection = scene
    await world.parts.stores.connection_store.remove(connection)
    told = [each async for each in of_runs(world, connection)]
    assert len(told) == 11
    for notice, _ in told:
        assert notice.about
        assert (notice.about.owners, notice.about.requester_name) == (("kim@contoso.com",), "Portal")
        assert notice.about.on_behalf_of == KIM
