"""Restores the table of the audit trail from its append-only copy.

Events that are missing or changed are restored. Rows that the service did not write are removed, and the
trail keeps their content. The copy itself is never written.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from onboarding.audit.audit_event import AuditEvent, row_of
from onboarding.audit.trail import Trail
from onboarding.audit.trail_gaps import TrailGaps
from onboarding.audit.verification import ChainDifferences, Gap, GapReason, Verification
from onboarding.behalf import Behalf
from onboarding.clock import Clock
from onboarding.storage import keys, names
from onboarding.storage.tables import Row, Tables, Write

log = logging.getLogger(__name__)

_BATCH: Final = 50  # rows; a transaction has at most 100 and 4 MiB
_LOST: Final = (GapReason.MISSING, GapReason.CHANGED)


@dataclass(frozen=True, kw_only=True, slots=True)
class By:
    """Who restores."""

    name: str
    id: str
    on_behalf_of: Behalf | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoredChain:
    """What differs in one chain, and is corrected."""

    chain: str
    restored: int  # events that were missing or changed
    removed: int  # rows that the service did not write
    broken: Gap | None  # from here, the copy itself is not one chain: nothing after it is restored
    first: Gap  # the first difference


class TrailRestoration:
    """Restores chains."""

    def __init__(
        self, *, tables: Tables, verification: Verification, gaps: TrailGaps, trail: Trail, clock: Clock
    ) -> None:
        self._tables = tables
        self._verification = verification
        self._gaps = gaps
        self._trail = trail
        self._clock = clock

    async def restore(self, chain: str, by: By, *, dry_run: bool) -> RestoredChain | None:
        """Restores a chain; returns None if it agrees with its copy.

        A dry run only compares. Safe to repeat.
        """
        found = await self._verification.differences(chain)
        differences = [*found.gaps, *([found.broken] if found.broken else [])]
        if not differences:
            await self._verified(chain, dry_run=dry_run)
            return None
        lost = [gap.key for gap in found.gaps if gap.reason in _LOST]
        foreign = [found.rows[gap.key] for gap in found.gaps if gap.reason not in _LOST]
        if not dry_run:
            await self._remove(chain, foreign, by)
            await self._restore(found, set(lost))
            log.warning("%s restored the chain %s of the audit trail", by.name, chain)
            await self._verified(chain, dry_run=False)
        return RestoredChain(
            chain=chain,
            restored=len(lost),
            removed=len(foreign),
            broken=found.broken,
            first=min(differences, key=lambda gap: gap.number),
        )

    async def _restore(self, found: ChainDifferences, lost: set[str]) -> None:
        rows = [row for line in found.lines if (row := row_of(line)).key in lost]
        for first in range(0, len(rows), _BATCH):
            batch = rows[first : first + _BATCH]
            await self._tables.transact(names.AUDIT, [(Write.UPSERT, row) for row in batch])

    async def _remove(self, chain: str, rows: Sequence[Row], by: By) -> None:
        """Removes rows. Their content is in the trail before they are removed."""
        tenant = chain.partition(":")[2]
        for row in rows:
            now = self._clock.now()
            event = AuditEvent(
                id=keys.derived_id("foreign-row", row.partition, row.key, row.etag),
                at=now,
                kind="remove_foreign_row",
                actor=by.name,
                actor_id=by.id,
                on_behalf_of=by.on_behalf_of,
                tenant=tenant,
                detail=f"{row.partition} / {row.key}: {row.columns.get('document')}",
            )
            await self._trail.add(event)
            await self._tables.write(names.AUDIT, row, Write.DELETE)

    async def _verified(self, chain: str, *, dry_run: bool) -> None:
        """Ends the known gap of a chain, unless it still exists."""
        known = next((gap for gap in await self._gaps.all() if gap.chain == chain), None)
        if known and not dry_run:
            await self._gaps.record(chain, (await self._verification.chain(chain)).gap, known)
