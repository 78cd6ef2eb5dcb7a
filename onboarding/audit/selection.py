"""Which chains of the audit trail a call is about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from onboarding.audit.audit_event import chain_in
from onboarding.audit.trail import months_of
from onboarding.storage.tables import Range


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The chains of the months of a period, of one tenant or of all, after the last processed one."""

    since: datetime
    until: datetime
    tenant: str = ""
    after: str = ""

    async def chains(self, known: Callable[[Range], AsyncIterator[str]]) -> AsyncIterator[str]:
        """In order. For one tenant, also chains without events, because its months need no search.

        ``known`` finds the chains of a range.
        """
        months = months_of(self.since, self.until)
        if self.tenant:
            for month in months:
                if (chain := chain_in(month, self.tenant)) > self.after:
                    yield chain
            return
        first = f"{self.after} " if self.after else f"{months[0]}:"
        async for chain in known(Range(first, f"{months[-1]};")):
            yield chain
