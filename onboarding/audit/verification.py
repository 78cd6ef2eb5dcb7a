"""Compares the table of the audit trail with its append-only copy, and finds the gaps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from onboarding.audit.audit_event import AuditEvent, columns_of, hash_of, row_of
from onboarding.audit.chain import chain_of_ledger, prefix_of, rows_by_number
from onboarding.audit.selection import Selection
from onboarding.storage import names
from onboarding.storage.codec import UnreadableError
from onboarding.storage.ledgers import Ledgers
from onboarding.storage.tables import Range, Row, Tables

_PAUSES: Final = (0.2, 0.5)
"""Seconds after which the service looks again for an event that is in the copy but not yet in the table."""


EVER: Final = Range("0", ":")
"""The range of the partitions of all chains: the name of a chain begins with the year."""


class GapReason(StrEnum):
    """What is wrong with an event."""

    CHANGED = "changed"  # the table has other content than the copy
    MISSING = "missing"  # the copy has it, the table does not
    NOT_IN_COPY = "not-in-copy"  # the table has it, the copy does not: the service did not write it
    MISPLACED = "misplaced"  # the table has it in the wrong place, or twice
    COPY_BROKEN = "copy-broken"  # the copy itself is not one chain


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """The first event of a chain that differs."""

    chain: str
    number: int
    reason: GapReason
    key: str = ""  # of the row in the table
    written: AuditEvent | None = None  # the event as the service wrote it, if the copy has it


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What a comparison found."""

    chains: int
    events: int
    gap: Gap | None
    after: str = ""  # the last chain that was verified, if there was no time for the following ones


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedChain:
    """What a comparison of one chain found."""

    events: int
    gap: Gap | None

    @property
    def exists(self) -> bool:
        """Whether the chain is in the copy or in the table."""
        return self.events > 0 or self.gap is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainDifferences:
    """All differences in one chain, and the correct content."""

    lines: Sequence[str]  # of the copy, before the first damaged line
    broken: Gap | None
    gaps: Sequence[Gap]
    rows: Mapping[str, Row]  # of the table, by key


class Verification:
    """Reads both, chain by chain."""

    def __init__(self, *, tables: Tables, ledgers: Ledgers) -> None:
        self._tables = tables
        self._ledgers = ledgers

    async def run(self, selection: Selection, *, seconds: float) -> Verified:
        """Verifies chains. Stops at the first gap, and does not begin another chain after a time limit."""
        verified = events = 0
        done, began = "", time.monotonic()
        async for chain in selection.chains(self.chains):
            if done and time.monotonic() - began > seconds:
                return Verified(chains=verified, events=events, gap=None, after=done)
            found = await self.chain(chain)
            verified, events, done = verified + found.exists, events + found.events, chain
            if found.gap:
                return Verified(chains=verified, events=events, gap=found.gap)
        return Verified(chains=verified, events=events, gap=None)

    async def chains(self, within: Range = EVER) -> AsyncIterator[str]:
        """The chains of the copy and of the table, in order.

        It reads the first row of each partition of the table, because the table can have a partition that the
        copy lacks.
        """
        copies = {chain_of_ledger(ledger) for ledger in await self._ledgers.sizes("")}
        left = sorted((chain for chain in copies if within.first <= chain < within.last), reverse=True)
        after = within.first
        while True:
            shown = await self._partition(Range(after, within.last))
            while left and left[-1] < (shown or within.last):
                yield left.pop()
            if not shown:
                return
            if left and left[-1] == shown:
                left.pop()
            yield shown
            after = f"{shown} "

    async def _partition(self, within: Range) -> str:
        """The first partition of a range; empty if there is none."""
        continuation, begun = "", False
        while continuation or not begun:
            begun = True
            page = await self._tables.page(names.AUDIT, within, size=1, continuation=continuation)
            if page.rows:
                return page.rows[0].partition
            continuation = page.continuation
        return ""

    async def chain(self, name: str) -> VerifiedChain:
        """Verifies one chain."""
        rows = await self._tables.query(names.AUDIT, name)
        lines = await self._lines(name)
        return VerifiedChain(events=len(lines), gap=await self._verify(name, rows, lines))

    async def differences(self, name: str) -> ChainDifferences:
        """All differences in one chain. After a damaged line of the copy, nothing is certain."""
        rows = await self._tables.query(names.AUDIT, name)
        lines = await self._lines(name)
        return await asyncio.to_thread(_differences, name, lines, rows)

    async def _lines(self, chain: str) -> list[str]:
        """The lines of a chain in the copy; it can have several ledgers."""
        found: list[str] = []
        for ledger in await self._ledgers.sizes(prefix_of(chain)):
            text = (await self._ledgers.read(ledger)).decode(errors="replace")
            found += text.split("\n")[:-1]
        return found

    async def _verify(self, chain: str, rows: Sequence[Row], lines: Sequence[str]) -> Gap | None:
        """The first gap of a chain."""
        gap = await asyncio.to_thread(_first, chain, lines, rows)
        for pause in _PAUSES:
            if gap is None or gap.reason is not GapReason.MISSING:
                break
            await asyncio.sleep(pause)  # a host can be between its two writes
            fresh = rows_by_number(await self._tables.query(names.AUDIT, chain))
            known = {number: found for number, found in fresh.items() if number <= len(lines)}
            gap = await asyncio.to_thread(_compared, chain, lines, known)
        return gap


def _first(chain: str, lines: Sequence[str], rows: Sequence[Row]) -> Gap | None:
    """The first gap.

    It runs in a thread, because a chain can have 100,000 events, and other calls would wait.
    """
    return _broken(chain, lines) or _compared(chain, lines, rows_by_number(rows))


def _differences(chain: str, lines: Sequence[str], rows: Sequence[Row]) -> ChainDifferences:
    broken = _broken(chain, lines)
    trusted = lines[: broken.number - 1] if broken else lines
    gaps = [
        gap
        for gap in _gaps(chain, trusted, rows_by_number(rows))
        if not broken or gap.reason is not GapReason.NOT_IN_COPY
    ]
    return ChainDifferences(lines=trusted, broken=broken, gaps=gaps, rows={row.key: row for row in rows})


def _broken(chain: str, lines: Sequence[str]) -> Gap | None:
    """The first line of a copy that does not follow from the line before."""
    previous = ""
    for number, line in enumerate(lines, 1):
        try:
            event = AuditEvent.of_line(line)
        except UnreadableError:
            return Gap(chain=chain, number=number, reason=GapReason.COPY_BROKEN)
        if (event.chain, event.number, event.previous) != (chain, number, previous):
            return Gap(chain=chain, number=number, reason=GapReason.COPY_BROKEN, written=event)
        previous = hash_of(line)
    return None


def _compared(chain: str, lines: Sequence[str], rows: Mapping[int, Sequence[Row]]) -> Gap | None:
    """The first difference between the copy and the table."""
    return min(_gaps(chain, lines, rows), key=lambda gap: gap.number, default=None)


def _gaps(chain: str, lines: Sequence[str], rows: Mapping[int, Sequence[Row]]) -> Iterator[Gap]:
    """All differences."""
    for number in sorted(rows):
        if not 0 < number <= len(lines):
            for foreign in rows[number]:
                yield Gap(chain=chain, number=number, reason=GapReason.NOT_IN_COPY, key=foreign.key)
    for number, line in enumerate(lines, 1):
        written, expected = AuditEvent.of_line(line), row_of(line)
        found = {row.key: row for row in rows.get(number, ())}
        row = found.get(expected.key)
        for wrong in sorted(set(found) - {expected.key}):
            yield Gap(chain=chain, number=number, reason=GapReason.MISPLACED, key=wrong, written=written)
        if row is None:
            yield Gap(chain=chain, number=number, reason=GapReason.MISSING, key=expected.key, written=written)
            continue
        columns = {"document": line, **columns_of(written)}
        if any(row.columns.get(name) != value for name, value in columns.items()):
            yield Gap(chain=chain, number=number, reason=GapReason.CHANGED, key=row.key, written=written)
