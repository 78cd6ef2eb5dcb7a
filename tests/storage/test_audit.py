"""The audit trail: hosts that append at the same time, hosts that end, and what was tampered with."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pytest
from azure.core.exceptions import HttpResponseError

from onboarding.audit.audit_event import AuditEvent, Subject, hash_of, row_of
from onboarding.audit.chain import part_of
from onboarding.audit.selection import Selection
from onboarding.audit.trail import Trail, TrailView
from onboarding.audit.verification import GapReason, Verdict, Verification
from onboarding.calls import Call
from onboarding.storage import names
from onboarding.storage.ledgers import Ledgers
from onboarding.storage.tables import Row, Write
from tests.support import memory
from tests.support.memory import MemoryTables
from tests.support.memory_ledgers import MemoryLedgers

TENANT: Final = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
OTHER: Final = "8b1f6c70-58d3-4f0e-8e21-7b5d3c9f0a46"
AT: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)
CHAIN: Final = f"202611:{TENANT}"


def event(number: int, *, tenant: str = TENANT, **more) -> AuditEvent:
    fields = {
        "id": f"{number}",
        "at": AT + timedelta(seconds=number),
        "kind": "renew_secret",
        "actor": "Kim",
        "actor_id": "kim-id",
        "connection": f"{tenant}.c",
        **more,
    }
    return AuditEvent(tenant=tenant, **fields)


class Trails:
    """Hosts that share a table and its copy."""

    def __init__(self, *, most_blocks: int = 50_000) -> None:
        self._breaks = False
        self.tables = MemoryTables(self._around)
        self.tables.create(names.AUDIT)
        self.tables.create(names.SERVICE)
        self.ledgers = MemoryLedgers(most_blocks=most_blocks)
        self.verification = Verification(tables=self.tables, ledgers=self.ledgers)

    @contextlib.asynccontextmanager
    async def _around(self, call: memory.Call) -> AsyncIterator[None]:
        if self._breaks and call.writes:
            raise HttpResponseError(message="503")
        yield

    @contextlib.contextmanager
    def broken(self) -> Iterator[None]:
        """The table takes nothing."""
        self._breaks = True
        yield
        self._breaks = False

    def host(self, ledgers: Ledgers | None = None) -> Trail:
        return Trail(tables=self.tables, ledgers=ledgers or self.ledgers)

    async def rows(self, chain: str = CHAIN) -> list[Row]:
        return await self.tables.query(names.AUDIT, chain)

    async def events(self, trail: Trail | None = None, **view) -> list[AuditEvent]:
        """All events of a view, page by page."""
        found: list[AuditEvent] = []
        continuation, begun = "", False
        wanted = TrailView(**{"since": AT, "until": AT + timedelta(days=99), **view})
        while continuation or not begun:
            begun = True
            page, continuation = await (trail or self.host()).page(wanted, size=3, continuation=continuation)
            found += page
        return found

    async def verified(self, until: datetime = AT, **more) -> Verdict:
        selection = Selection(since=AT, until=until, **more)
        return await self.verification.run(selection, seconds=60)

    async def gap(self) -> tuple[str, int, GapReason] | None:
        verdict = await self.verified(AT + timedelta(days=60))
        return (verdict.gap.chain, verdict.gap.number, verdict.gap.reason) if verdict.gap else None


@pytest.fixture
def trails(monkeypatch):
    monkeypatch.setattr("onboarding.audit.verification._PAUSES", (0, 0))
    return Trails()


async def test_hosts_that_append_at_the_same_time_make_one_chain(trails):
    """Two hosts append to one tenant at once: each event is there once, and the chain has no gap."""
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
    """The event is in the copy and not in the table: the next host that appends adds the row."""
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
        """The second of two equal appends is refused, as the service does it."""

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
    """An append blob has at most 50,000 blocks: the chain goes on in the next one, also for another host."""
    trails = Trails(most_blocks=2)
    for number in range(5):
        await trails.host().add(event(number))
    assert list(await trails.ledgers.sizes("")) == [part_of(CHAIN, number) for number in (1, 2, 3)]
    assert await trails.gap() is None


async def test_nothing_is_added_if_the_copy_does_not_answer(trails):
    """Without the append-only copy there is no event, so that a call can be refused."""

    class Silent(MemoryLedgers):
        """It refuses everything."""

        async def append(self, *_args: object, **_more: object) -> None:
            raise HttpResponseError(message="503")

    with pytest.raises(HttpResponseError):
        await trails.host(ledgers=Silent()).add(event(1))
    assert await trails.rows() == []


async def changed(trails: Trails, rows: list[Row]) -> None:
    await put(trails, replace(rows[1], columns={**rows[1].columns, "document": forged(rows[1], actor="Eve")}))


async def changed_actor_column(trails: Trails, rows: list[Row]) -> None:
    await put(trails, replace(rows[1], columns={**rows[1].columns, "actor": "eve-id"}))


async def deleted(trails: Trails, rows: list[Row]) -> None:
    await trails.tables.write(names.AUDIT, rows[1], Write.DELETE)


async def cut_tail(trails: Trails, rows: list[Row]) -> None:
    for row in rows[1:]:
        await trails.tables.write(names.AUDIT, row, Write.DELETE)


async def reordered(trails: Trails, rows: list[Row]) -> None:
    await put(trails, replace(rows[1], columns=rows[2].columns))
    await put(trails, replace(rows[2], columns=rows[1].columns))


async def moved(trails: Trails, rows: list[Row]) -> None:
    await put(trails, replace(rows[1], key=f"{rows[0].key.split(':')[0]}:00000002"))


async def rewritten(trails: Trails, rows: list[Row]) -> None:
    """An event is deleted, and all later ones get new numbers and hashes: the table alone looks whole."""
    previous = hash_of(rows[0].columns["document"])
    for row in rows[1:]:
        await trails.tables.write(names.AUDIT, row, Write.DELETE)
    for number, row in enumerate(rows[2:], 2):
        kept = AuditEvent.of_line(row.columns["document"]).linked(number, previous)
        previous = hash_of(kept.line)
        await put(trails, row_of(kept.line))


async def from_another_chain(trails: Trails, rows: list[Row]) -> None:
    await trails.host().add(event(1, tenant=OTHER), event(2, tenant=OTHER))
    other = await trails.rows(f"202611:{OTHER}")
    await put(trails, replace(rows[1], columns=other[1].columns))


TAMPERING: Final = {
    changed: GapReason.CHANGED,
    changed_actor_column: GapReason.CHANGED,
    deleted: GapReason.MISSING,
    cut_tail: GapReason.MISSING,
    reordered: GapReason.CHANGED,
    moved: GapReason.MISPLACED,
    rewritten: GapReason.MISPLACED,
    from_another_chain: GapReason.CHANGED,
}


@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda tamper: tamper.__name__)
async def test_what_was_tampered_with_is_named(trails, tamper):
    """The first event with which something is wrong is named, and how the service wrote it."""
    await trails.host().add(*(event(number) for number in range(1, 5)))
    assert await trails.gap() is None
    await tamper(trails, await trails.rows())
    verdict = await trails.verified()
    assert verdict.gap is not None
    assert (verdict.gap.number, verdict.gap.reason) == (2, TAMPERING[tamper])
    assert verdict.gap.written is not None
    assert (verdict.gap.written.id, verdict.gap.written.actor) == ("2", "Kim")


@pytest.mark.parametrize(
    ("first", "last", "number"),
    [(1, 1, 1), (4, 4, 4), (2, 3, 2), (1, 4, 1)],
    ids=["first", "last", "day", "all"],
)
async def test_the_first_of_the_deleted_events_is_named(trails, first, last, number):
    """Also if nothing follows, and if the table no longer has any event of the tenant."""
    await trails.host().add(*(event(each) for each in range(1, 5)))
    for row in (await trails.rows())[first - 1 : last]:
        await trails.tables.write(names.AUDIT, row, Write.DELETE)
    assert await trails.gap() == (CHAIN, number, GapReason.MISSING)


async def test_a_forged_event_is_named(trails):
    """An event that follows from the last one, or has a chain of its own, is not in the copy."""
    await trails.host().add(event(1))
    (row,) = await trails.rows()
    forged_row = row_of(event(2).linked(2, hash_of(row.columns["document"])).line)
    await put(trails, forged_row)
    assert await trails.gap() == (CHAIN, 2, GapReason.NOT_IN_COPY)
    await trails.tables.write(names.AUDIT, forged_row, Write.DELETE)
    await put(trails, row_of(event(1, tenant=OTHER).linked(1, "").line))
    assert await trails.gap() == (f"202611:{OTHER}", 1, GapReason.NOT_IN_COPY)


async def test_text_that_somebody_appends_to_the_copy_stops_nothing(trails):
    """Who may append to the copy can break its chain, which is seen; the service still adds its events."""
    await trails.host().add(event(1))
    ledger = part_of(CHAIN, 1)
    await trails.ledgers.append(ledger, b"{}\n", at=(await trails.ledgers.sizes(""))[ledger])
    await trails.host().add(event(2))
    assert await trails.gap() == (CHAIN, 2, GapReason.COPY_BROKEN)
    assert [found.id for found in await trails.events(tenant=TENANT)] == ["1", "2"]


async def test_a_list_goes_through_months_and_tenants(trails):
    """Each view has its events once, in order: of a tenant over months, of a connection, of a caller."""
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
    """The months of the trail are those of UTC: a period that begins in Berlin in December has November's."""
    await trails.host().add(event(1, id="late", at=datetime(2026, 11, 30, 23, 30, tzinfo=UTC)))
    berlin = timezone(timedelta(hours=1))
    since, until = (datetime(2026, 12, 1, hour, tzinfo=berlin) for hour in (0, 1))
    shown = [found.id for found in await trails.events(tenant=TENANT, since=since, until=until)]
    assert shown == ["late"]


async def test_a_page_looks_into_a_limited_number_of_chains(trails):
    """A list over many years without events costs many short calls, not one that takes too long."""
    await trails.host().add(event(1, id="only"))
    since = AT.replace(year=1990)
    view = TrailView(since=since, until=AT + timedelta(days=9), tenant=TENANT)
    page, continuation = await trails.host().page(view, size=3)
    assert (list(page), bool(continuation)) == ([], True)
    assert [found.id for found in await trails.events(tenant=TENANT, since=since)] == ["only"]


async def test_a_long_event_keeps_its_newest_calls(trails):
    """However many calls a step made, the event fits into a row."""
    made = tuple(
        Call(service="graph", method="GET", path=f"/v1.0/{'x' * 200}", status=200, request_id=str(number))
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
    about = Subject.of_connection(text)
    assert about.tenant == ""
    await trails.host().add(event(1, tenant=about.tenant, connection=about.connection))
    assert len(await trails.rows("202611:service")) == 1


def forged(row: Row, *, actor: str) -> str:
    return replace(AuditEvent.of_line(row.columns["document"]), actor=actor).line


async def put(trails: Trails, row: Row) -> None:
    await trails.tables.write(names.AUDIT, row, Write.UPSERT)
