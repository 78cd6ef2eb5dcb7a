"""Verifies the whole audit trail once a day, some chains at a time.

A round begins on each day (UTC). One run of the timer verifies chains until it has read a number of events,
or until some time has passed; the next run continues with the next chain. A chain has the events of one
tenant in one month, and is verified as a whole. When a round has read all chains, the periodic job
``verify_trail`` has succeeded. Without such a round, the job is late.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Final

from onboarding.audit.trail_gaps import Round, TrailGap, TrailGaps
from onboarding.audit.verification import EVER, Gap, Verification
from onboarding.clock import Clock
from onboarding.storage.periodic_jobs import VERIFY_TRAIL, PeriodicJobs, Tally
from onboarding.storage.tables import Range

log = logging.getLogger(__name__)

_SECONDS: Final = 30.0
_MOST_FAILURES: Final = 3


class TrailWatch:
    """What the timer runs."""

    def __init__(
        self,
        *,
        verification: Verification,
        gaps: TrailGaps,
        jobs: PeriodicJobs,
        clock: Clock,
        most_events: int = 20_000,
    ) -> None:
        """``most_events``: after this number, a run does not begin another chain."""
        self._jobs = jobs
        self._verification = verification
        self._gaps = gaps
        self._clock = clock
        self._most = most_events

    async def run(self) -> Tally:
        """Verifies some chains; returns their number. Raises the first error of one that cannot be read."""
        known = await self._gaps.round()
        begun = await self._begun(known)
        if begun is None:
            return Tally(found=0, done=0)
        gaps = {gap.chain: gap for gap in await self._gaps.all()}
        failures, came, ended, began = list[Exception](), begun, True, time.monotonic()
        async for chain in self._verification.chains(Range(f"{begun.after} ", EVER.last)):
            try:
                events = await self.verify(chain, gaps.pop(chain, None))
            except Exception as error:
                log.exception("the chain %s of the audit trail could not be verified", chain)
                failures.append(error)
                came = replace(came, after=chain, failed=came.failed + 1)
            else:
                came = replace(came, after=chain, chains=came.chains + 1, events=came.events + events)
            read, spent = came.events - begun.events, time.monotonic() - began
            if len(failures) == _MOST_FAILURES or read >= self._most or spent > _SECONDS:
                ended = False
                break
        if ended:
            came = await self._ended(came, gaps)
        await self._gaps.keep(came)
        if ended and not came.failed:
            await self._jobs.succeeded(VERIFY_TRAIL, Tally(found=came.chains, done=came.chains))
        if failures:
            raise failures[0]
        done = came.chains - begun.chains
        return Tally(found=done, done=done)

    async def verify(self, chain: str, known: TrailGap | None) -> int:
        """Verifies one chain, and records its gap; returns the number of events."""
        verified = await self._verification.chain(chain)
        await self._gaps.record(chain, verified.gap, known)
        if verified.gap and not (known and known.is_of(verified.gap)):
            _report(verified.gap)
        return verified.events

    async def again(self, gap: TrailGap) -> bool:
        """Verifies the chain of a known gap again; returns whether the gap still exists.

        The gap is then no longer dismissed.
        """
        if gap.dismissed:
            gap = replace(gap, dismissed=None)
            await self._gaps.dismiss(gap, None)
        await self.verify(gap.chain, gap)
        return await self._gaps.get(gap.id) is not None

    async def _begun(self, known: Round | None) -> Round | None:
        """The round that continues or begins; None if the round of the day has ended."""
        now = self._clock.now()
        if known and known.ended_at is None and known.began_at <= now:
            return known
        if known and known.began_at <= now and known.began_at.date() == now.date():
            return None
        return Round(began_at=now, after=EVER.first, verified_at=known.verified_at if known else None)

    async def _ended(self, round_: Round, left: dict[str, TrailGap]) -> Round:
        """The round after its last chain. Chains that no longer exist no longer have a gap."""
        for gap in left.values():
            if gap.since < round_.began_at:
                await self.verify(gap.chain, gap)
        now = self._clock.now()
        return replace(round_, ended_at=now, verified_at=round_.verified_at if round_.failed else now)


def _report(gap: Gap) -> None:
    log.error(
        "the audit trail has a gap: chain %s, event %d, row %s: %s",
        gap.chain,
        gap.number,
        gap.key,
        gap.reason,
    )
