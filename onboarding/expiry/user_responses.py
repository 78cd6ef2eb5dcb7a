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
from onboarding.connections.cadence import Acknowledgement, Cadence, ExpirationState, Response, Snooze
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.notices import changes
from onboarding.notices.announcing import Notices
from onboarding.workflow.run import Author, Event
from onboarding.workflow.run_store import RunStore

LONGEST_SNOOZE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Responder:
    """A person who responds to a warning."""

    author: Author
    operates: bool = field(kw_only=True)

    def gave(self, response: Response) -> bool:
        """Whether a response is by the same person with the same authority: two people can share a name.

        Nobody signs in to follow a link. Those who have links to the same readers are one person here.
        """
        same = (response.by_id or response.by) == (self.author.id or self.author.name)
        return same and response.operator == self.operates


class UserResponses:
    """Records acknowledgements and snoozes."""

    def __init__(
        self,
        *,
        connections: ConnectionStore,
        audit: RunStore,
        notices: Notices,
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
            by=responder.author.name,
            by_id=responder.author.id,
            at=self._clock.now(),
            operator=responder.operates,
            on_behalf_of=responder.author.on_behalf_of,
        )

        def decide(found: Connection) -> Acknowledgement:
            before = found.acknowledgement(kind)
            return before if before and before.operator >= first.operator else first

        kept = await self._record(connection, kind, ends_at, "acknowledged", decide)
        response = kept.acknowledgement(kind) if kept else None
        if kept and response and responder.gave(response):
            detail = f"The expiration '{kind}' on {ends_at:%Y-%m-%d}"
            await self._write("acknowledged", kept, response, detail)
            await self._notices.tell(changes.acknowledged(kept, kind, response))
        return kept

    async def snooze(
        self, connection: str, kind: str, ends_at: datetime, until: datetime, responder: Responder
    ) -> Connection | None:
        """Snoozes the warnings about an expiration. Returns None as ``acknowledge`` does.

        A snooze by the same person until the same day changes nothing. Neither does a snooze by a requester
        or an owner within the snooze of an operator.
        """
        first = Snooze(
            ends_at=ends_at,
            until=until,
            by=responder.author.name,
            by_id=responder.author.id,
            at=self._clock.now(),
            operator=responder.operates,
            on_behalf_of=responder.author.on_behalf_of,
        )

        def decide(found: Connection) -> Snooze:
            before = found.snooze(kind)
            if before is None:
                return first
            if before.operator and not first.operator and first.until <= before.until:
                return before
            asked = (first.on_behalf_of, first.until.date())
            same = responder.gave(before) and (before.on_behalf_of, before.until.date()) == asked
            return before if same else first

        kept = await self._record(connection, kind, ends_at, "snoozed", decide)
        response = kept.snooze(kind) if kept else None
        if kept and response and responder.gave(response):
            until_then = f"until {response.until:%Y-%m-%d %H:%M} UTC"
            detail = f"The expiration '{kind}' on {ends_at:%Y-%m-%d}, {until_then}"
            await self._write("snoozed", kept, response, detail)
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

    async def _record(
        self,
        connection: str,
        kind: str,
        ends_at: datetime,
        member: str,
        decide: Callable[[Connection], Response],
    ) -> Connection | None:
        """Records the response that ``decide`` chooses from the connection as it is at that time."""

        def change(found: Connection) -> Connection | None:
            if found.expirations.get(kind) != ends_at:
                return None
            response, given = decide(found), getattr(found, member)
            return (
                None if given.get(kind) == response else found.evolve(**{member: {**given, kind: response}})
            )

        kept = await self._connections.change(connection, change)
        return kept if kept and kept.expirations.get(kind) == ends_at else None

    async def _write(self, what: str, connection: Connection, response: Response, detail: str) -> None:
        """Writes the event of a response. The same response has the same event, so it is safe to repeat."""
        author = Author(name=response.by, id=response.by_id, on_behalf_of=response.on_behalf_of)
        event = Event.by(author, run=connection.onboarding, at=response.at, kind=what, detail=detail)
        await self._audit.commit([], [event])
