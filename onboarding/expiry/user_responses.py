"""How people respond to a warning: they acknowledge it, or snooze it.

A response applies to the current date of an expiration. It is recorded with the connection, and in the audit
trail of its onboarding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from onboarding.clock import Clock
from onboarding.connections.cadence import Acknowledgement, Cadence, ExpirationState, Snooze
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.notices import changes
from onboarding.notices.difference_notices import Announces
from onboarding.workflow.run import Author, Event
from onboarding.workflow.run_store import RunStore

LONGEST_SNOOZE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Responder:
    """A person who responds to a warning."""

    author: Author
    operates: bool = field(kw_only=True)

    @property
    def name(self) -> str:
        """The name that is shown."""
        return self.author.name


class UserResponses:
    """Records acknowledgements and snoozes."""

    def __init__(
        self,
        *,
        connections: ConnectionStore,
        audit: RunStore,
        notices: Announces,
        cadence: Cadence,
        clock: Clock,
    ) -> None:
        self._notices = notices
        self._connections = connections
        self._audit = audit
        self._cadence = cadence
        self._clock = clock

    def first_warning(self, ends_at: datetime) -> datetime | None:
        """When the first warning is due; None if it was already due, so that people can respond to it."""
        if self._cadence.state(ends_at, self._clock.now()) is not ExpirationState.OK:
            return None
        return ends_at - self._cadence.earliest

    def latest(self, ends_at: datetime) -> datetime:
        """The latest end of a snooze: 30 days from now, but never beyond an expiration in the future."""
        now = self._clock.now()
        longest = now + LONGEST_SNOOZE
        return min(longest, ends_at) if ends_at > now else longest

    async def acknowledge(
        self, connection: str, kind: str, ends_at: datetime, responder: Responder
    ) -> Connection | None:
        """Acknowledges an expiration. Returns None if its date has changed, or there is none.

        A response after one with the same or more authority changes nothing, and has the same event.
        """
        first = Acknowledgement(
            ends_at=ends_at,
            by=responder.name,
            at=self._clock.now(),
            operator=responder.operates,
            on_behalf_of=responder.author.on_behalf_of,
        )
        found = await self._connections.get(connection)
        before = found.acknowledgement(kind) if found else None
        response = before if before and before.operator >= responder.operates else first
        if response.by != responder.name:
            return found

        def change(found: Connection) -> Connection | None:
            if found.acknowledgement(kind) == response:
                return None
            return replace(found, acknowledged={**found.acknowledged, kind: response})

        detail = f"The expiration '{kind}' on {ends_at:%Y-%m-%d}"
        author = replace(responder.author, on_behalf_of=response.on_behalf_of)
        trail = ("acknowledged", author, response.at, detail)
        kept = await self._write(connection, kind, ends_at, change, trail)
        if kept:
            await self._notices.tell(changes.acknowledged(kept, kind, response))
        return kept

    async def snooze(
        self, connection: str, kind: str, ends_at: datetime, until: datetime, responder: Responder
    ) -> Connection | None:
        """Snoozes the warnings about an expiration. Returns None as ``acknowledge`` does.

        A snooze by the same person until the same day changes nothing. Neither does a snooze by a requester
        or an owner within the snooze of an operator.
        """
        author = responder.author
        first = Snooze(
            ends_at=ends_at,
            until=until,
            by=author.name,
            at=self._clock.now(),
            operator=responder.operates,
            on_behalf_of=author.on_behalf_of,
        )
        found = await self._connections.get(connection)
        before = found.snooze(kind) if found else None
        if found and before and before.operator and not first.operator and first.until <= before.until:
            return found
        asked = (first.by, first.operator, first.on_behalf_of, until.date())
        same = before and (before.by, before.operator, before.on_behalf_of, before.until.date()) == asked
        response = before if before and same else first

        def change(found: Connection) -> Connection | None:
            if found.snooze(kind) == response:
                return None
            return replace(found, snoozed={**found.snoozed, kind: response})

        detail = f"The expiration '{kind}' on {ends_at:%Y-%m-%d}, until {response.until:%Y-%m-%d %H:%M} UTC"
        trail = ("snoozed", author, response.at, detail)
        kept = await self._write(connection, kind, ends_at, change, trail)
        if kept:
            await self._notices.tell(changes.snoozed(kept, kind, response))
        return kept

    async def revoke_links(self, connection: Connection, author: Author) -> Connection | None:
        """Revokes the links in all messages sent so far; None if the connection no longer exists."""
        now = self._clock.now()

        def change(found: Connection) -> Connection | None:
            return replace(found, links_revoked_at=now) if found.onboarding == connection.onboarding else None

        changed = await self._connections.change(connection.id, change)
        if changed is None or changed.onboarding != connection.onboarding:
            return None
        event = Event.by(author, run=changed.onboarding, at=now, kind="links-revoked")
        await self._audit.commit([], [event])
        return changed

    async def _write(
        self,
        connection: str,
        kind: str,
        ends_at: datetime,
        change: Callable[[Connection], Connection | None],
        trail: tuple[str, Author, datetime, str],
    ) -> Connection | None:
        """Changes the connection, then writes the event. After a failure, the caller repeats both."""

        def unless_changed(found: Connection) -> Connection | None:
            return change(found) if found.expirations.get(kind) == ends_at else None

        changed = await self._connections.change(connection, unless_changed)
        if changed is None or changed.expirations.get(kind) != ends_at:
            return None
        kind, author, at, detail = trail
        event = Event.by(author, run=changed.onboarding, at=at, kind=kind, detail=detail)
        await self._audit.commit([], [event])
        return changed
