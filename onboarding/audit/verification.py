"""Compares the table of the audit trail with its append-only copy, and finds the gaps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from onboarding.audit.audit_event import AuditEvent, chain_in, columns_of, hash_of, row_of
from onboarding.audit.chain import chain_of_ledger, prefix_of, rows_by_number
from onboarding.audit.trail import months_of
from onboarding.storage import names
from onboarding.storage.codec import UnreadableError
from onboarding.storage.ledgers import Ledgers
from onboarding.storage.tables import Range, Row, Tables

_PAUSES: Final = (0.2, 0.5)
"""Seconds after which an event is looked for again that is in the copy and not yet in the table."""


EVER: Final = Range("0", ":")
"""The partitions of all chains: a chain begins with its year."""


class Reason(StrEnum):
    """What is wrong with an event."""

    CHANGED = "changed"  # the table has other content than the copy
    MISSING = "missing"  # the copy has it, the table does not
    NOT_IN_COPY = "not-in-copy"  # the table has it, the copy does not: the service did not write it
    MISPLACED = "misplaced"  # the table has it in another place, or twice
    COPY_BROKEN = "copy-broken"  # the copy itself is not one chain


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """The first event of a chain with which something is wrong."""

    chain: str
    number: int
    reason: Reason
    key: str = ""  # of the row in the table
    written: AuditEvent | None = None  # the event as the service wrote it, if the copy has it


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a comparison found."""

    chains: int
    events: int
    gap: Gap | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainVerdict:
    """What a comparison of one chain found."""

    events: int
    gap: Gap | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainDifferences:
    """All that is wrong with one chain, and what it should be."""

    lines: Sequence[str]  # of the copy, up to the first one that is broken
    broken: Gap | None
    gaps: Sequence[Gap]
    rows: Mapping[str, Row]  # of the table, by key


class Verification:
    """Reads both, chain by chain."""

    def __init__(self, *, tables: Tables, ledgers: Ledgers) -> None:
        self._tables = tables
        self._ledgers = ledgers

    async def run(self, since: datetime, until: datetime, tenant: str = "") -> Verdict:
        """Verifies the chains of the months of a time, of one tenant or all. Stops at the first gap."""
        verified = events = 0
        for month in months_of(since, until):
            # The table is read first: an event is in the copy before it is in the table.
            table = await self._rows(month, tenant)
            prefix = prefix_of(chain_in(month, tenant)) if tenant else f"{month}/"
            copies = await self._copies(prefix)
            for chain in sorted({*table, *copies}):
                gap = await self._verify(chain, table.get(chain, []), copies.get(chain, []))
                verified, events = verified + 1, events + len(copies.get(chain, []))
                if gap:
                    return Verdict(chains=verified, events=events, gap=gap)
        return Verdict(chains=verified, events=events, gap=None)

    async def chains(self, within: Range = EVER) -> AsyncIterator[str]:
        """The chains of the copy and of the table, in order.

        The table is asked for the first row of each partition: it can have a partition that the copy lacks.
        """
        copies = {chain_of_ledger(ledger) for ledger in await self._ledgers.sizes("")}
        left = sorted((each for each in copies if within.first <= each < within.last), reverse=True)
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

    async def chain(self, name: str) -> ChainVerdict:
        """Verifies one chain."""
        rows = await self._tables.query(names.AUDIT, name)
        lines = await self._lines(name)
        return ChainVerdict(events=len(lines), gap=await self._verify(name, rows, lines))

    async def differences(self, name: str) -> ChainDifferences:
        """All that is wrong with one chain. Behind a line of the copy that is broken, nothing is certain."""
        rows = await self._tables.query(names.AUDIT, name)
        lines = await self._lines(name)
        broken = _broken(name, lines)
        trusted = lines[: broken.number - 1] if broken else lines
        gaps = [
            gap
            for gap in _gaps(name, trusted, rows_by_number(rows))
            if not broken or gap.reason is not Reason.NOT_IN_COPY
        ]
        return ChainDifferences(lines=trusted, broken=broken, gaps=gaps, rows={row.key: row for row in rows})

    async def _lines(self, chain: str) -> list[str]:
        """The lines of a chain in the copy."""
        return (await self._copies(prefix_of(chain))).get(chain, [])

    async def _rows(self, month: str, tenant: str) -> dict[str, list[Row]]:
        """The rows of a month, by chain."""
        partitions = Range(chain_in(month, tenant), "") if tenant else Range(f"{month}:", f"{month};")
        found: dict[str, list[Row]] = {}
        async for row in self._tables.scan(names.AUDIT, partitions):
            found.setdefault(row.partition, []).append(row)
        return found

    async def _copies(self, prefix: str) -> dict[str, list[str]]:
        """The lines of ledgers, by chain; a chain can have several ledgers."""
        found: dict[str, list[str]] = {}
        for ledger in await self._ledgers.sizes(prefix):
            text = (await self._ledgers.read(ledger)).decode(errors="replace")
            found.setdefault(chain_of_ledger(ledger), []).extend(text.split("\n")[:-1])
        return found

    async def _verify(self, chain: str, rows: Sequence[Row], lines: Sequence[str]) -> Gap | None:
        """The first gap of a chain."""
        gap = _broken(chain, lines) or _compared(chain, lines, rows_by_number(rows))
        for pause in _PAUSES:
            if gap is None or gap.reason is not Reason.MISSING:
                break
            await asyncio.sleep(pause)  # a host can be between its two writes
            fresh = rows_by_number(await self._tables.query(names.AUDIT, chain))
            known = {number: found for number, found in fresh.items() if number <= len(lines)}
            gap = _compared(chain, lines, known)
        return gap


def _broken(chain: str, lines: Sequence[str]) -> Gap | None:
    """The first line of a copy that does not follow from the line before."""
    previous = ""
    for number, line in enumerate(lines, 1):
        try:
            event = AuditEvent.of_line(line)
        except UnreadableError:
            return Gap(chain=chain, number=number, reason=Reason.COPY_BROKEN)
        if (event.chain, event.number, event.previous) != (chain, number, previous):
            return Gap(chain=chain, number=number, reason=Reason.COPY_BROKEN, written=event)
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
                yield Gap(chain=chain, number=number, reason=Reason.NOT_IN_COPY, key=foreign.key)
    for number, line in enumerate(lines, 1):
        written, expected = AuditEvent.of_line(line), row_of(line)
        found = {row.key: row for row in rows.get(number, ())}
        row = found.get(expected.key)
        for wrong in sorted(set(found) - {expected.key}):
            yield Gap(chain=chain, number=number, reason=Reason.MISPLACED, key=wrong, written=written)
        if row is None:
            yield Gap(chain=chain, number=number, reason=Reason.MISSING, key=expected.key, written=written)
            continue
        columns = {"document": line, **columns_of(written)}
        if any(row.columns.get(name) != value for name, value in columns.items()):
            yield Gap(chain=chain, number=number, reason=Reason.CHANGED, key=row.key, written=written)
