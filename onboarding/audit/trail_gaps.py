"""The known gaps of the audit trail, and the progress of the daily verification."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onboarding.audit.audit_event import SERVICE
from onboarding.audit.verification import Gap, GapReason
from onboarding.storage import keys, names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import Dismissal, load, readable

_GAPS: Final = "trailgaps"
_ROUNDS: Final = "trailround"
_ROUND: Final = "round"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailGap:
    """The first gap of a chain, and since when it has been known."""

    chain: str
    number: int
    reason: GapReason
    key: str = ""  # of the row in the table
    since: datetime
    dismissed: Dismissal | None = None

    @property
    def id(self) -> str:
        """The same for the same chain."""
        return keys.derived_id("trail-gap", self.chain)

    @property
    def tenant(self) -> str:
        """The tenant; empty for events of no tenant."""
        tenant = self.chain.partition(":")[2]
        return "" if tenant == SERVICE else tenant

    def is_of(self, gap: Gap) -> bool:
        """Whether a gap that was found is this one."""
        return (self.number, self.reason, self.key) == (gap.number, gap.reason, gap.key)


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """One verification of the whole trail."""

    began_at: datetime
    after: str = ""  # the last chain that is verified
    chains: int = 0
    events: int = 0
    failed: int = 0  # chains that could not be read
    ended_at: datetime | None = None
    verified_at: datetime | None = None  # the end of the last round in which all chains were read


GAPS: Final = Codec(TrailGap)
ROUND: Final = Codec(Round)


class TrailGaps:
    """The known gaps, one of each chain."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def page(self, *, size: int, continuation: str = "") -> tuple[list[TrailGap], str]:
        """Some of them, and the continuation."""
        page = await self._tables.page(names.SERVICE, Range(_GAPS, ""), size=size, continuation=continuation)
        return await self._read(page.rows), page.continuation

    async def all(self) -> list[TrailGap]:
        """All of them."""
        return await self._read(await self._tables.query(names.SERVICE, _GAPS))

    async def get(self, identifier: str) -> TrailGap | None:
        """One of them, by its ID."""
        row = await self._tables.get(names.SERVICE, _GAPS, identifier)
        return next(iter(await self._read([row])), None) if row else None

    async def record(self, chain: str, gap: Gap | None, known: TrailGap | None) -> None:
        """Records what a verification found in a chain. A known gap keeps its time."""
        if gap is None:
            if known:
                await self._tables.write(names.SERVICE, Row(partition=_GAPS, key=known.id), Write.DELETE)
        elif known is None or not known.is_of(gap):
            now = self._tables.clock.now()
            await self._put(
                TrailGap(chain=chain, number=gap.number, reason=gap.reason, key=gap.key, since=now)
            )

    async def dismiss(self, gap: TrailGap, dismissal: Dismissal | None) -> None:
        """Records that an operator dismissed a gap, or cancelled the dismissal."""
        await self._put(replace(gap, dismissed=dismissal))

    async def round(self) -> Round | None:
        """The current round, or the last one."""
        row = await self._tables.get(names.SERVICE, _ROUNDS, _ROUND)
        found = await readable(self._tables, [row] if row else [], lambda row: load(ROUND, row))
        return found[0] if found else None

    async def keep(self, round_: Round) -> None:
        """Records the progress of a round."""
        row = Row(partition=_ROUNDS, key=_ROUND, columns={"document": ROUND.dump(round_)})
        await self._tables.write(names.SERVICE, row, Write.UPSERT)

    async def _put(self, gap: TrailGap) -> None:
        row = Row(partition=_GAPS, key=gap.id, columns={"document": GAPS.dump(gap)})
        await self._tables.write(names.SERVICE, row, Write.UPSERT)

    async def _read(self, rows: Iterable[Row]) -> list[TrailGap]:
        return await readable(self._tables, rows, lambda row: load(GAPS, row))
