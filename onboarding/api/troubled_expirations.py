"""Expirations that nobody has acknowledged, and onboardings that take long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from onboarding.api.troubles import UNREADABLE, Kept, Trouble, TroubleCode
from onboarding.clock import Clock
from onboarding.connections.calendar import Calendar, View
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.expiry.user_responses import Responder, UserResponses
from onboarding.lifecycle.requests import TENANT
from onboarding.storage.unreadable_rows import Dismissal, UnreadableRowError
from onboarding.texts import reasons
from onboarding.words import data
from onboarding.workflow import interventions
from onboarding.workflow.index_entry import Entry
from onboarding.workflow.run import Author, RunStatus
from onboarding.workflow.run_view import RunView
from onboarding.workflow.runtime import Runtime

URGENT: Final = timedelta(days=7)
"""What expires within this time needs attention."""

LONG: Final = timedelta(days=1)
"""An onboarding that takes longer needs attention."""


class Expirations:
    """What has expired, or expires soon. To dismiss it is to acknowledge it."""

    codes = (TroubleCode.ENDED, TroubleCode.ENDS_SOON)

    def __init__(
        self, *, calendar: Calendar, connections: ConnectionStore, responses: UserResponses, clock: Clock
    ) -> None:
        self._calendar = calendar
        self._connections = connections
        self._responses = responses
        self._clock = clock

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Trouble], str]:
        """Some of them, the earliest first."""
        until = self._clock.now() + URGENT
        entries, continuation = await self._calendar.page(
            View(), since=None, until=until, size=size, continuation=continuation
        )
        several = await self._connections.several({entry.connection for entry in entries})
        found = {connection.id: connection for connection in several}
        return [
            self._trouble(connection, entry.kind)
            for entry in entries
            if (connection := found.get(entry.connection))
            and connection.expirations.get(entry.kind) == entry.ends_at
            and not connection.is_acknowledged(entry.kind)
        ], continuation

    async def find(self, identifier: str) -> Trouble | None:
        """One of them: the ID of its connection, a colon, and its kind."""
        name, _, kind = identifier.partition(":")
        connection = next(iter(await self._connections.several([name])), None)
        if connection is None or kind not in connection.expirations:
            return None
        soon = connection.expirations[kind] < self._clock.now() + URGENT
        return self._trouble(connection, kind) if soon else None

    async def retry(self, _trouble: Trouble, _author: Author) -> Kept | None:
        """Nothing can be tried: the secret must be renewed."""
        rule = reasons.EXPIRATION_RULE.of()
        return Kept(what=reasons.THE_EXPIRATION.of(), current=reasons.NOT_RENEWED.of(), rule=rule)

    async def dismiss(self, trouble: Trouble, author: Author, _dismissal: Dismissal) -> Kept | None:
        """Acknowledges it, as an operator does."""
        connection, kind = trouble.thing
        responder = Responder(author=author, operates=True)
        await self._responses.acknowledge(connection.id, kind, connection.expirations[kind], responder)
        return None

    def _trouble(self, connection: Connection, kind: str) -> Trouble:
        ends_at, now = connection.expirations[kind], self._clock.now()
        ended = ends_at <= now
        return Trouble(
            code=TroubleCode.ENDED if ended else TroubleCode.ENDS_SOON,
            id=f"{connection.id}:{kind}",
            cause=kind,
            detail=data.text(connection.name),
            tenant=connection.tenant,
            since=ends_at if ended else ends_at - URGENT,
            path=f"connections/{connection.id}",
            thing=(connection, kind),
        )


class LongRuns:
    """The onboardings that take long."""

    codes = (TroubleCode.OPEN_FOR_LONG,)

    def __init__(self, runs: Runtime, status: RunStatus) -> None:
        """``status`` distinguishes those that have not started from those that have."""
        self._runs = runs
        self._view = RunView(status=status)

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Trouble], str]:
        """Some of them, the newest first."""
        entries, continuation = await self._runs.index.page(self._view, size=size, continuation=continuation)
        before = self._runs.clock.now() - LONG
        return [
            self._trouble(entry)
            for entry in entries
            if entry.announced_at < before and entry.dismissed is None
        ], continuation

    async def find(self, identifier: str) -> Trouble | None:
        """An open onboarding."""
        try:
            run = await self._runs.load(identifier)
        except UnreadableRowError:
            return None
        if run is None or run.head.created_at >= self._runs.clock.now() - LONG:
            return None
        entry = await self._runs.index.opened(run.head, self._view)
        return self._trouble(entry) if entry else None

    async def retry(self, trouble: Trouble, author: Author) -> Kept | None:
        """Lets an onboarding try again, or check again whether it can continue."""
        try:
            await interventions.resume(self._runs, trouble.id, author, retrying=True)
        except interventions.NotPossibleError:
            await interventions.wake(self._runs, trouble.id, author)
        except UnreadableRowError as error:
            await self._runs.store.note(error)
            return UNREADABLE
        return None

    async def dismiss(self, trouble: Trouble, _author: Author, dismissal: Dismissal) -> Kept | None:
        """Hides an onboarding until it is resumed or ends."""
        await self._runs.index.dismiss_open(trouble.thing, dismissal)
        return None

    def _trouble(self, entry: Entry) -> Trouble:
        return Trouble(
            code=self.codes[0],
            id=entry.run,
            tenant=entry.lists.get(TENANT, ""),
            since=entry.announced_at + LONG,
            path=f"onboardings/{entry.run}",
            thing=entry,
        )
