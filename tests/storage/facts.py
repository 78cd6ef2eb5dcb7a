"""What the service stores in addition to connections and runs: one of everything, for one party."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

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
from onboarding.notices.channel_states import ChannelState
from onboarding.notices.difference_notices import DifferenceNotices
from onboarding.notices.mail_budget import MailBudget
from onboarding.notices.mail_domains import MailDomains
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.notices.subscribers import Subscriber, Subscribers
from onboarding.storage import names
from onboarding.storage.dismissals import Dismissals, Dismissed
from onboarding.storage.tables import Row
from onboarding.storage.unreadable_rows import Dismissal, note
from onboarding.texts import reasons
from onboarding.words.word import Word
from onboarding.workflow.blocked_steps import BlockedStep
from onboarding.workflow.run import SERVICE
from onboarding.workflow.sweep_place import Place, SweepPlace
from tests.support.world import World, requester, run_id

ILL: Final = ("ill", "8b1f6c70-2a3b-4c5d-8e9f-0a1b2c3d4e5f")
WELL: Final = ("well", "5d0c2f1e-7a4b-4c8d-9e6f-1a2b3c4d5e6f")
"""A name and a tenant."""


def subscribers(world: World) -> Subscribers:
    """The subscribers of a deployment."""
    vault: Any = world.vault
    return Subscribers(world.tables, lambda: vault)


def reservations(world: World) -> NameReservations:
    """The reserved names of a deployment."""
    return NameReservations(
        world.tables,
        onboardings=world.parts.onboarding_runs,
        connections=world.parts.stores.connection_store,
        clock=world.clock,
    )


def domains(world: World, *, readable: bool = True) -> MailDomains:
    """The verified domains, with a directory that is readable or not."""

    async def verified(tenant: str) -> list[str]:
        if not readable:
            raise responses.VALUE_UNREADABLE.error(service="Microsoft Graph", fault="x")
        return [f"{tenant}.example"]

    return MailDomains(allowed=(), home=ILL[1], verified=verified, tables=world.tables, clock=world.clock)


def notice(connection: Connection, at: datetime) -> Notice:
    """A notice about a connection."""
    return Notice(
        kind=NoticeKind.RENEWAL_WAITS,
        connection=connection.id,
        key=("k",),
        at=at,
        message="m",
        impact="i",
        remedy="r",
    )


def differences(world: World) -> DifferenceNotices:
    """Announces differences."""
    stores = world.parts.stores
    return DifferenceNotices(
        tables=world.tables, connections=stores.connection_store, notices=world.parts.messaging.notices
    )


async def populate(world: World, who: tuple[str, str]) -> Connection:
    """One of everything, for one party, and what all parties share."""
    (name, tenant), now, parts = who, world.clock.now(), world.parts
    stores, messaging = parts.stores, parts.messaging
    made = await world.connect(
        name, now + timedelta(days=300), drifts=False, tenant=tenant, handover=Handover(since=now)
    )
    await parts.epoch.advance()
    await messaging.channel_states.change(
        name, lambda state: replace(state, state=ChannelState.FAILING, since=now)
    )
    dismissal = Dismissal(by="Op", at=now, reason=name)
    dismissed = Dismissed(
        code="poison-message",
        id=run_id(name),
        cause="",
        detail=name,
        tenant=tenant,
        since=now,
        dismissal=dismissal,
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
    await note(world.tables, Row(table=names.CALENDAR, partition=name, key=name), reasons.ROW_NO_JSON.of())
    await SweepPlace(world.tables, names.ONBOARDING_INDEX).put(Place(partition="new", key="x"))
    wait = SiteWait(connection=made.id, name=made.name, tenant=made.tenant, since=now, reminded=1)
    await SiteWaits(world.tables).put(wait)
    await reservations(world).reserve(tenant, Word(f"{name} reserved"), run_id(name), name)
    async with MailBudget(world.tables, world.clock, 100).used([name]):
        pass
    await messaging.receipts.keep(notice(made, now), "webhook")
    await domains(world).of(tenant)
    await differences(world).announce(made, difference(now), now)
    await digests.add(messaging.delivery_services, notice(made, now), "webhook", now)
    request = InspectionRequest(connections=(made.id,))
    head = INSPECTION.head(run_id(f"{name} inspection"), request, author=SERVICE, created_at=now)
    await parts.inspection_runs.start(head)
    return made


def difference(now: datetime) -> Difference:
    """A difference that was found now."""
    return Difference(
        code="web-redirect", app="serverApp", since=now, detail="It differs.", impact="i", remedy="r"
    )
