"""The chains of the audit trail that differ from their append-only copy."""

from __future__ import annotations

from collections.abc import Sequence

from onboarding.api.attention_cases import Case, CaseCode, Kept
from onboarding.audit.trail_gaps import TrailGap, TrailGaps
from onboarding.audit.trail_watch import TrailWatch
from onboarding.storage.unreadable_rows import Dismissal
from onboarding.texts import cases, reasons
from onboarding.workflow.run import Author


class Chains:
    """What the daily verification found."""

    codes = (CaseCode.TRAIL_GAP,)

    def __init__(self, gaps: TrailGaps, watch: TrailWatch) -> None:
        self._gaps = gaps
        self._watch = watch

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Case], str]:
        """Some of them."""
        gaps, continuation = await self._gaps.page(size=size, continuation=continuation)
        return [self._case(gap) for gap in gaps if gap.dismissed is None], continuation

    async def find(self, identifier: str) -> Case | None:
        """One of them."""
        gap = await self._gaps.get(identifier)
        return self._case(gap) if gap else None

    async def retry(self, case: Case, _author: Author) -> Kept | None:
        """Verifies the chain again."""
        if not await self._watch.again(case.thing):
            return None
        rule = reasons.TRAIL_RULE.of()
        return Kept(what=reasons.THE_AUDIT_TRAIL.of(), current=case.cause, rule=rule)

    async def dismiss(self, case: Case, _author: Author, dismissal: Dismissal) -> Kept | None:
        """Hides a gap until the chain has another one."""
        await self._gaps.dismiss(case.thing, dismissal)
        return None

    def _case(self, gap: TrailGap) -> Case:
        return Case(
            code=self.codes[0],
            id=gap.id,
            cause=gap.reason,
            detail=cases.EVENT_OF_CHAIN.of(chain=gap.chain, number=gap.number),
            tenant=gap.tenant,
            since=gap.since,
            path="audit/verify",
            thing=gap,
        )
