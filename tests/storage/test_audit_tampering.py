"""The audit trail and its copy are tampered with: the first affected event is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from onboarding.audit.audit_event import AuditEvent, hash_of, row_of
from onboarding.audit.chain import part_of
from onboarding.audit.verification import GapReason
from onboarding.storage import names
from onboarding.storage.tables import Row, Write
from tests.storage.trails import CHAIN, OTHER, TENANT, Trails, event


def forged(row: Row, *, actor: str) -> str:
    return replace(AuditEvent.of_line(row.columns["document"]), actor=actor).line


async def changed(trails: Trails, rows: list[Row]) -> None:
    await trails.put(replace(rows[1], columns={**rows[1].columns, "document": forged(rows[1], actor="Eve")}))


async def changed_actor_column(trails: Trails, rows: list[Row]) -> None:
    await trails.put(replace(rows[1], columns={**rows[1].columns, "actor": "eve-id"}))


async def deleted(trails: Trails, rows: list[Row]) -> None:
    await trails.tables.write(names.AUDIT, rows[1], Write.DELETE)


async def cut_tail(trails: Trails, rows: list[Row]) -> None:
    for row in rows[1:]:
        await trails.tables.write(names.AUDIT, row, Write.DELETE)


async def reordered(trails: Trails, rows: list[Row]) -> None:
    await trails.put(replace(rows[1], columns=rows[2].columns))
    await trails.put(replace(rows[2], columns=rows[1].columns))


async def moved(trails: Trails, rows: list[Row]) -> None:
    await trails.put(replace(rows[1], key=f"{rows[0].key.split(':')[0]}:00000002"))


async def rewritten(trails: Trails, rows: list[Row]) -> None:
    """An event is deleted, and all later ones get new numbers and hashes: the table alone looks intact."""
    previous = hash_of(rows[0].columns["document"])
    for row in rows[1:]:
        await trails.tables.write(names.AUDIT, row, Write.DELETE)
    for number, row in enumerate(rows[2:], 2):
        kept = AuditEvent.of_line(row.columns["document"]).linked(number, previous)
        previous = hash_of(kept.line)
        await trails.put(row_of(kept.line))


async def from_another_chain(trails: Trails, rows: list[Row]) -> None:
    await trails.host().add(event(1, tenant=OTHER), event(2, tenant=OTHER))
    other = await trails.rows(f"202611:{OTHER}")
    await trails.put(replace(rows[1], columns=other[1].columns))


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
    """The first affected event is named, as the service wrote it."""
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
    """Also if no event follows, and if the table no longer has any event of the tenant."""
    await trails.host().add(*(event(each) for each in range(1, 5)))
    for row in (await trails.rows())[first - 1 : last]:
        await trails.tables.write(names.AUDIT, row, Write.DELETE)
    assert await trails.gap() == (CHAIN, number, GapReason.MISSING)


async def test_a_forged_event_is_named(trails):
    """An event that follows the last one, or has a chain of its own, is not in the copy."""
    await trails.host().add(event(1))
    (row,) = await trails.rows()
    forged_row = row_of(event(2).linked(2, hash_of(row.columns["document"])).line)
    await trails.put(forged_row)
    assert await trails.gap() == (CHAIN, 2, GapReason.NOT_IN_COPY)
    await trails.tables.write(names.AUDIT, forged_row, Write.DELETE)
    await trails.put(row_of(event(1, tenant=OTHER).linked(1, "").line))
    assert await trails.gap() == (f"202611:{OTHER}", 1, GapReason.NOT_IN_COPY)


async def test_text_that_somebody_appends_to_the_copy_stops_nothing(trails):
    """What somebody else appends breaks the copy's chain, which is noticed; the service still adds events."""
    await trails.host().add(event(1))
    ledger = part_of(CHAIN, 1)
    await trails.ledgers.append(ledger, b"{}\n", at=(await trails.ledgers.sizes(""))[ledger])
    await trails.host().add(event(2))
    assert await trails.gap() == (CHAIN, 2, GapReason.COPY_BROKEN)
    assert [found.id for found in await trails.events(tenant=TENANT)] == ["1", "2"]
