"""What people answer to a warning: that they have seen it, or that they want to hear of it later.

It stands with the connection, for the very end that was warned of, and in the audit trail of its onboarding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onboarding.clock import Clock
from onboarding.connections.cadence import Acknowledgement, Snooze
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.workflow.run import Event
from onboarding.workflow.run_store import RunStore

LONGEST_SNOOZE: Final = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class UserResponses:
    """Writes down what people answer."""

    connections: ConnectionStore
    audit: RunStore
    clock: Clock

    def latest(self, ends_at: datetime) -> datetime:
        """Until when an expiration may be silent at the latest: its end, if that is ahead, is always told."""
        now = self.clock.now()
        longest = now + LONGEST_SNOOZE
        return min(longest, ends_at) if ends_at > now else longest

    async def acknowledge(self, connection: str, kind: str, ends_at: datetime, by: str) -> Connection | None:
        """Records that somebody has seen an expiration. None: its date has changed, or it is gone."""
        now = self.clock.now()
        answer = Acknowledgement(ends_at=ends_at, by=by, at=now)

        def change(found: Connection) -> Connection:
            return replace(found, acknowledged={**found.acknowledged, kind: answer})

        detail = f"The expiration '{kind}' that ends on {ends_at:%Y-%m-%d}"
        return await self._write(connection, kind, ends_at, change, ("acknowledged", by, now, detail))

    async def snooze(
        self, connection: str, kind: str, ends_at: datetime, until: datetime, by: str
    ) -> Connection | None:
        """Somebody wants to hear nothing of an expiration until a moment. None: as with ``acknowledge``."""
        now = self.clock.now()
        answer = Snooze(ends_at=ends_at, until=until, by=by, at=now)

        def change(found: Connection) -> Connection:
            return replace(found, snoozed={**found.snoozed, kind: answer})

        detail = f"The expiration '{kind}' that ends on {ends_at:%Y-%m-%d}, until {until:%Y-%m-%d %H:%M} UTC"
        return await self._write(connection, kind, ends_at, change, ("snoozed", by, now, detail))

    async def _write(
        self,
        connection: str,
        kind: str,
        ends_at: datetime,
        change: Callable[[Connection], Connection],
        trail: tuple[str, str, datetime, str],
    ) -> Connection | None:
        """Changes the connection, then notes it; whoever is told of a failure in between repeats both."""

        def unless_moved(found: Connection) -> Connection | None:
            return change(found) if found.expirations.get(kind) == ends_at else None

        changed = await self.connections.change(connection, unless_moved)
        if changed is None or changed.expirations.get(kind) != ends_at:
            return None
        kind, by, at, detail = trail
        event = Event(run=changed.onboarding, at=at, kind=kind, actor=by, detail=detail)
        await self.audit.commit([], [event])
        return changed
