"""Expirations that nobody has acknowledged, and onboardings that take long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from onboarding.api.attention_cases import UNREADABLE, Case, CaseCode, Kept
from onboarding.clock import Clock
from onboarding.connections.calendar import Calendar, View
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.expiry.user_responses import Responder, UserResponses
from onboarding.lifecycle.requests import TENANT
from onboarding.storage.unreadable_rows import Dismissal, UnreadableRowError
from onboarding.texts import phrases, reasons
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


class UrgentExpirations:
    """What has expired, or expires soon. To dismiss it is to acknowledge it."""

    codes = (CaseCode.EXPIRATION_PASSED, CaseCode.EXPIRATION_NEAR)

    def __init__(
        self, *, calendar: Calendar, connections: ConnectionStore, responses: UserResponses, clock: Clock
    ) -> None:
        self._calendar = calendar
        self._connections = connections
        self._responses = responses
        self._clock = clock

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Case], str]:
        """Some of them, the earliest first."""
        until = self._clock.now() + URGENT
        entries, continuation = await self._calendar.page(
            View(), since=None, until=until, size=size, continuation=continuation
        )
        found = await self._connections.expiring(entries)
        unseen = [self._case(*pair) for pair in found if not pair[0].is_acknowledged(pair[1])]
        return unseen, continuation

    async def find(self, identifier: str) -> Case | None:
        """One of them: the ID of its connection, a colon, and its kind."""
        name, _, kind = identifier.partition(":")
        connection = next(iter(await self._connections.several([name])), None)
        if connection is None or kind not in connection.expirations:
            return None
        soon = connection.expirations[kind] < self._clock.now() + URGENT
        return self._case(connection, kind) if soon else None

    async def retry(self, _case: Case, _author: Author) -> Kept | None:
        """Nothing can be tried: the secret must be renewed."""
        rule = reasons.EXPIRATION_RULE.of()
        return Kept(what=reasons.THE_EXPIRATION.of(), current=reasons.NOT_RENEWED.of(), rule=rule)

    async def dismiss(self, case: Case, author: Author, _dismissal: Dismissal) -> Kept | None:
        """Acknowledges it, as an operator does."""
        connection, kind = case.thing
        responder = Responder(author=author, operates=True)
        await self._responses.acknowledge(connection.id, kind, connection.expirations[kind], responder)
        return None

    def _case(self, connection: Connection, kind: str) -> Case:
        ends_at, now = connection.expirations[kind], self._clock.now()
        ended = ends_at <= now
        return Case(
            code=CaseCode.EXPIRATION_PASSED if ended else CaseCode.EXPIRATION_NEAR,
            id=f"{connection.id}:{kind}",
            cause=kind,
            detail=phrases.plain(data.text(connection.name)),
            tenant=connection.tenant,
            since=ends_at if ended else ends_at - URGENT,
            path=f"connections/{connection.id}",
            thing=(connection, kind),
        )


class LongRuns:
    """The onboardings that take long."""

    codes = (CaseCode.ONBOARDING_LATE,)

    def __init__(self, runs: Runtime, status: RunStatus) -> None:
        """``status`` distinguishes those that have not started from those that have."""
        self._runs = runs
        self._view = RunView(status=status)

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Case], str]:
        """Some of them, the newest first."""
        entries, continuation = await self._runs.index.page(self._view, size=size, continuation=continuation)
        before = self._runs.clock.now() - LONG
        return [
            self._case(entry) for entry in entries if entry.announced_at < before and entry.dismissed is None
        ], continuation

    async def find(self, identifier: str) -> Case | None:
        """An open onboarding."""
        try:
            run = await self._runs.load(identifier)
        except UnreadableRowError:
            return None
        if run is None or run.head.created_at >= self._runs.clock.now() - LONG:
            return None
        entry = await self._runs.index.opened(run.head, self._view)
        return self._case(entry) if entry else None

    async def retry(self, case: Case, author: Author) -> Kept | None:
        """Lets an onboarding try again, or check again whether it can continue."""
        try:
            await interventions.retry(self._runs, case.id, author, at_once=True)
        except interventions.NotPossibleError:
            await interventions.resume(self._runs, case.id, author)
        except UnreadableRowError as error:
            await self._runs.store.note(error)
            return UNREADABLE
        return None

    async def dismiss(self, case: Case, _author: Author, dismissal: Dismissal) -> Kept | None:
        """Hides an onboarding until it is retried or ends."""
        await self._runs.index.dismiss_open(case.thing, dismissal)
        return None

    def _case(self, entry: Entry) -> Case:
        return Case(
            code=self.codes[0],
            id=entry.run,
            tenant=entry.lists.get(TENANT, ""),
            since=entry.announced_at + LONG,
            path=f"onboardings/{entry.run}",
            thing=entry,
        )
