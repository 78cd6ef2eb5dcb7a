"""How people respond to a warning: they acknowledge it, or snooze it.

A response applies to the present date of an expiration. It is recorded with the connection, and in the audit
trail of its onboarding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from onboarding.clock import Clock
from onboarding.connections.cadence import Acknowledgement, Snooze
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.workflow.run import Author, Event
from onboarding.workflow.run_store import RunStore

LONGEST_SNOOZE: Final = timedelta(days=30)


class UserResponses:
    """Records acknowledgements and snoozes."""

    def __init__(self, *, connections: ConnectionStore, audit: RunStore, clock: Clock) -> None:
        self._connections = connections
        self._audit = audit
        self._clock = clock

    def latest(self, ends_at: datetime) -> datetime:
        """The latest end of a snooze: 30 days from now, but never beyond an expiration in the future."""
        now = self._clock.now()
        longest = now + LONGEST_SNOOZE
        return min(longest, ends_at) if ends_at > now else longest

    async def acknowledge(
        self, connection: str, kind: str, ends_at: datetime, author: Author
    ) -> Connection | None:
        """Acknowledges an expiration. Returns None if its date has changed, or there is none.

        The same answer again changes nothing, and its event is that of the first one.
        """
        first = Acknowledgement(ends_at=ends_at, by=author.name, at=self._clock.now())
        found = await self._connections.get(connection)
        before = found.acknowledgement(kind) if found else None
        response = before if before and before.by == author.name else first

        def change(found: Connection) -> Connection | None:
            if found.acknowledgement(kind) == response:
                return None
            return replace(found, acknowledged={**found.acknowledged, kind: response})

        detail = f"The expiration '{kind}' on {ends_at:%Y-%m-%d}"
        return await self._write(
            connection, kind, ends_at, change, ("acknowledged", author, response.at, detail)
        )

    async def snooze(
        self, connection: str, kind: str, ends_at: datetime, until: datetime, author: Author
    ) -> Connection | None:
        """Snoozes the warnings about an expiration. Returns None as ``acknowledge`` does."""
        now = self._clock.now()
        response = Snooze(ends_at=ends_at, until=until, by=author.name, at=now)

        def change(found: Connection) -> Connection:
            return replace(found, snoozed={**found.snoozed, kind: response})

        detail = f"The expiration '{kind}' on {ends_at:%Y-%m-%d}, until {until:%Y-%m-%d %H:%M} UTC"
        return await self._write(connection, kind, ends_at, change, ("snoozed", author, now, detail))

    async def _write(
        self,
        connection: str,
        kind: str,
        ends_at: datetime,
        change: Callable[[Connection], Connection | None],
        trail: tuple[str, Author, datetime, str],
    ) -> Connection | None:
        """Changes the connection, then writes the event; after a failure the caller repeats both."""

        def unless_changed(found: Connection) -> Connection | None:
            return change(found) if found.expirations.get(kind) == ends_at else None

        changed = await self._connections.change(connection, unless_changed)
        if changed is None or changed.expirations.get(kind) != ends_at:
            return None
        kind, author, at, detail = trail
        event = Event.by(author, run=changed.onboarding, at=at, kind=kind, detail=detail)
        await self._audit.commit([], [event])
        return changed
