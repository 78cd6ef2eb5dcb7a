"""The audit trail: hosts that append at the same time, hosts that end, and lists of events."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pytest
from azure.core.exceptions import HttpResponseError

from onboarding.audit.audit_event import EventSubject
from onboarding.audit.chain import part_of
from onboarding.audit.trail import TrailView
from onboarding.audit.verification import GapReason
from onboarding.calls import CloudCall
from tests.storage.trails import AT, CHAIN, OTHER, TENANT, Trails, event
from tests.support.memory_ledgers import MemoryLedgers


async def test_hosts_that_append_at_the_same_time_make_one_chain(trails):
    """Three hosts append to one tenant at once: each event is there once, and the chain has no gap."""
    hosts = [trails.host(), trails.host(), trails.host()]
    await asyncio.gather(
        *(
            hosts[number % 3].add(event(number), event(number, tenant=OTHER), event(number, tenant=""))
            for number in range(30)
        )
    )
    verdict = await trails.verified()
    assert (verdict.chains, verdict.events, verdict.gap) == (3, 90, None)
    assert [found.id for found in await trails.events(tenant=TENANT)] == [str(each) for each in range(30)]


async def test_a_host_that_ended_between_its_writes_leaves_no_gap(trails):
    """The event is in the copy but not in the table: the next host that appends adds the row."""
    host = trails.host()
    await host.add(event(1))
    with trails.broken(), pytest.raises(HttpResponseError):
        await host.add(event(2))
    assert await trails.gap() == (CHAIN, 2, GapReason.MISSING)
    await trails.host().add(event(3))
    assert await trails.gap() is None
    assert [found.id for found in await trails.events(connection=f"{TENANT}.c")] == ["1", "2", "3"]


async def test_a_lost_response_adds_no_event_twice(trails):
    """The append succeeded, its response was lost, and the client sent it again: there is one event."""

    class Lossy(MemoryLedgers):
        """The second of two equal appends is refused, as Blob Storage does."""

        async def append(self, name: str, data: bytes, *, at: int) -> None:
            await trails.ledgers.append(name, data, at=at)
            await trails.ledgers.append(name, data, at=at)

        read, sizes = trails.ledgers.read, trails.ledgers.sizes

    host = trails.host(ledgers=Lossy())
    await host.add(event(1), event(2))
    await host.add(event(3))
    assert await trails.gap() is None
    assert len(await trails.rows()) == 3


async def test_a_full_ledger_is_continued_in_another_one():
    """An append blob has at most 50,000 blocks; the chain continues in the next blob, for each host."""
    trails = Trails(most_blocks=2)
    for number in range(5):
        await trails.host().add(event(number))
    assert list(await trails.ledgers.sizes("")) == [part_of(CHAIN, number) for number in (1, 2, 3)]
    assert await trails.gap() is None


async def test_nothing_is_added_if_the_copy_does_not_answer(trails):
    """Without the append-only copy there is no event, so a call can be refused."""

    class Silent(MemoryLedgers):
        """It refuses everything."""

        async def append(self, *_args: object, **_more: object) -> None:
            raise HttpResponseError(message="503")

    with pytest.raises(HttpResponseError):
        await trails.host(ledgers=Silent()).add(event(1))
    assert await trails.rows() == []


async def test_a_list_goes_through_months_and_tenants(trails):
    """Each view has its events once and in order: of a tenant over months, of a connection, of a caller."""
    later = [event(60 * 60 * 24 * 30 * month + 1, id=f"m{month}") for month in range(3)]
    await trails.host().add(
        *later,
        event(2, tenant=OTHER, id="other"),
        event(3, id="else", connection=f"{TENANT}.d", actor_id="eve-id"),
        event(4, id="alone", tenant="", connection="", actor="service", actor_id=""),
    )
    ids = [[found.id for found in await trails.events(**view)] for view in VIEWS]
    assert ids == [
        ["m0", "else", "m1", "m2"],
        ["m0", "m1", "m2"],
        ["else"],
        ["alone"],
        ["m0", "else"],
    ]
    everything = await trails.events()
    assert {found.id for found in everything} == {"m0", "m1", "m2", "other", "else", "alone"}
    assert len(everything) == 6


VIEWS: Final = (
    {"tenant": TENANT},
    {"connection": f"{TENANT}.c"},
    {"actor": "eve-id"},
    {"actor": "service"},
    {"tenant": TENANT, "until": AT + timedelta(days=1)},
)


async def test_a_period_in_another_time_zone_has_its_events(trails):
    """The trail's months are in UTC: a period from December on in Berlin includes an event of November."""
    await trails.host().add(event(1, id="late", at=datetime(2026, 11, 30, 23, 30, tzinfo=UTC)))
    berlin = timezone(timedelta(hours=1))
    since, until = (datetime(2026, 12, 1, hour, tzinfo=berlin) for hour in (0, 1))
    shown = [found.id for found in await trails.events(tenant=TENANT, since=since, until=until)]
    assert shown == ["late"]


async def test_a_page_looks_into_a_limited_number_of_chains(trails):
    """A list over many years without events takes many short calls, not one that takes too long."""
    await trails.host().add(event(1, id="only"))
    since = AT.replace(year=1990)
    view = TrailView(since=since, until=AT + timedelta(days=9), tenant=TENANT)
    page, continuation = await trails.host().page(view, size=3)
    assert (list(page), bool(continuation)) == ([], True)
    assert [found.id for found in await trails.events(tenant=TENANT, since=since)] == ["only"]


async def test_a_long_event_keeps_its_newest_calls(trails):
    """However many calls a step made, its event fits into a row."""
    made = tuple(
        CloudCall(
            service="graph", method="GET", path=f"/v1.0/{'x' * 200}", status=200, request_id=str(number)
        )
        for number in range(500)
    )
    await trails.host().add(event(1, calls=made, detail="d" * 5000))
    (found,) = await trails.events(tenant=TENANT)
    assert found.calls[-1] == made[-1]
    assert len(found.detail) == 1000
    assert await trails.gap() is None


@pytest.mark.parametrize("text", ["", "x", "../../etc", f"{TENANT.upper()}.c", "3f0e8c52.c", "\u202e" * 3000])
async def test_a_tenant_that_is_none_gets_no_chain_of_its_own(trails, text):
    """A caller can send any text as the ID of a connection."""
    about = EventSubject.of_connection(text)
    assert about.tenant == ""
    await trails.host().add(event(1, tenant=about.tenant, connection=about.connection))
    assert len(await trails.rows("202611:service")) == 1


async def test_events_with_former_kinds_and_codes_verify(trails):
    """Events of an earlier version are not rewritten: the chain goes on after them, and has no gap."""
    kinds = ["handed-over", "rolledBack", "resumed", "removed_foreign_row"]
    for number, kind in enumerate(kinds):
        await trails.host().add(event(number, kind=kind, error="timed-out"))
    await trails.host().add(event(len(kinds), kind="handover-confirmed", error="wait-timed-out"))
    verdict = await trails.verified()
    assert (verdict.events, verdict.gap) == (5, None)
    found = await trails.events(tenant=TENANT)
    assert [each.kind for each in found] == [*kinds, "handover-confirmed"]
    assert [each.error for each in found] == ["timed-out"] * len(kinds) + ["wait-timed-out"]
