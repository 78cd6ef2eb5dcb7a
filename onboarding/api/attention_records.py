"""Poison messages, rows that cannot be read, and connections that differ from the expected state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from onboarding.api.attention_cases import UNREADABLE, Case, CaseCode, Kept
from onboarding.clock import Clock
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection, ConnectionState
from onboarding.drift.drift_index import DriftEntry, DriftIndex, entry_of
from onboarding.drift.inspection_step import is_old
from onboarding.errors import OnboardingError
from onboarding.storage.unreadable_rows import Dismissal, UnreadableRow, UnreadableRowError, UnreadableRows
from onboarding.texts import cases, phrases, reasons
from onboarding.texts.phrases import Said
from onboarding.words import data
from onboarding.workflow import redriving
from onboarding.workflow.poison_messages import PoisonMessage, PoisonMessages
from onboarding.workflow.received_message import ERRORS
from onboarding.workflow.run import Author
from onboarding.workflow.runtime import Runtime


class Messages:
    """The poison messages."""

    codes = (CaseCode.POISON_MESSAGE,)

    def __init__(self, messages: PoisonMessages, runs: Mapping[str, Runtime]) -> None:
        """``runs`` are by the names of their queues."""
        self._messages = messages
        self._runs = runs

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Case], str]:
        """Some of them."""
        messages, continuation = await self._messages.page(size=size, continuation=continuation)
        return [self._case(message) for message in messages], continuation

    async def find(self, identifier: str) -> Case | None:
        """A message."""
        message = await self._messages.get(identifier)
        return self._case(message) if message else None

    async def retry(self, case: Case, author: Author) -> Kept | None:
        """Sends a message again, or retries its run, unless it would fail again."""
        message: PoisonMessage = case.thing
        outcome = await redriving.redrive(self._messages, self._runs[message.queue], message, author)
        if outcome is not redriving.RedriveOutcome.KEPT:
            return None
        kept = await self._messages.get(message.id) or message
        kind = ERRORS[kept.reason]
        rule = Said(code=f"{kind.code}/remedy", text=kind.remedy)
        return Kept(what=reasons.THE_POISON_MESSAGE.of(), current=kept.reason, rule=rule)

    async def dismiss(self, case: Case, _author: Author, _dismissal: Dismissal) -> Kept | None:
        """Deletes a message."""
        await self._messages.remove(case.thing)
        return None

    def _case(self, message: PoisonMessage) -> Case:
        return Case(
            code=self.codes[0],
            id=message.id,
            cause=ERRORS[message.reason].code,
            detail=Said(code=f"{ERRORS[message.reason].code}/detail", text=message.detail, args=message.args),
            since=message.first_at,
            path="poison",
            thing=message,
        )


class Rows:
    """The rows that cannot be read."""

    codes = (CaseCode.ROW_UNREADABLE,)

    def __init__(self, rows: UnreadableRows) -> None:
        self._rows = rows

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Case], str]:
        """Some of them."""
        rows, continuation = await self._rows.page(size=size, continuation=continuation)
        return [self._case(row) for row in rows if row.dismissed is None], continuation

    async def find(self, identifier: str) -> Case | None:
        """A row."""
        row = await self._rows.get(identifier)
        return self._case(row) if row else None

    async def retry(self, case: Case, _author: Author) -> Kept | None:
        """Removes a row from the list. The next reader adds it again if it still cannot be read."""
        await self._rows.forget(case.thing)
        return None

    async def dismiss(self, case: Case, _author: Author, dismissal: Dismissal) -> Kept | None:
        """Hides a row until it changes."""
        await self._rows.dismiss(case.thing, dismissal)
        return None

    def _case(self, row: UnreadableRow) -> Case:
        return Case(
            code=self.codes[0],
            id=row.id,
            cause=row.table,
            detail=cases.ROW_WITH_REASON.of(partition=row.partition, key=row.key, reason=row.why),
            since=row.since,
            path=f"unreadable/{row.id}",
            thing=row,
        )


class Drifts:
    """The connections that differ from the expected state."""

    codes = (CaseCode.CONNECTION_DRIFTING,)

    def __init__(
        self,
        *,
        index: DriftIndex,
        connections: ConnectionStore,
        inspect: Callable[[Connection], Awaitable[None]],
        clock: Clock,
    ) -> None:
        """``inspect`` inspects a connection and records what it finds."""
        self._index = index
        self._connections = connections
        self._inspect = inspect
        self._clock = clock

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Case], str]:
        """Some of them, by tenant."""
        entries, continuation = await self._index.page(size=size, continuation=continuation)
        return [self._case(entry) for entry in entries], continuation

    async def find(self, identifier: str) -> Case | None:
        """A connection with differences, even if all of them were dismissed."""
        if entry := await self._index.get(identifier):
            return self._case(entry)
        connections = await self._connections.several([identifier])
        return next((self._case(entry_of(found)) for found in connections if found.differences), None)

    async def retry(self, case: Case, _author: Author) -> Kept | None:
        """Inspects a connection now. A dismissed difference needs attention again if it still exists."""
        found = await self._connections.several([case.id])
        connection = next(iter(found), None)
        if connection is None:
            if found.unreadable:
                return UNREADABLE
            await self._index.remove(case.id)
            return None
        now = self._clock.now()
        if connection.state is not ConnectionState.ACTIVE or not is_old(connection, now):
            rule = reasons.INSPECTION_RULE.of()
            return Kept(what=phrases.THE_CONNECTION.of(), current=connection.state, rule=rule)
        connection = await self._connections.change(case.id, _undismissed) or connection
        if connection.differences:
            await self._index.enter(connection)
        try:
            await self._inspect(connection)
        except OnboardingError as error:
            rule = error.as_finding().said("remedy")
            return Kept(what=reasons.THE_DIRECTORY.of(), current=reasons.UNREADABLE.of(), rule=rule)
        return None

    async def dismiss(self, case: Case, _author: Author, dismissal: Dismissal) -> Kept | None:
        """Accepts the current differences. A new difference needs attention again."""

        def dismissed(connection: Connection) -> Connection:
            differences = {
                key: difference if difference.dismissed else replace(difference, dismissed=dismissal)
                for key, difference in connection.differences.items()
            }
            return connection.evolve(differences=differences)

        try:
            await self._connections.change(case.id, dismissed)
        except UnreadableRowError:
            return UNREADABLE
        await self._index.remove(case.id)
        return None

    def _case(self, entry: DriftEntry) -> Case:
        return Case(
            code=self.codes[0],
            id=entry.connection,
            cause=",".join(entry.codes),
            detail=phrases.plain(data.text(entry.name)),
            tenant=entry.tenant,
            since=entry.since,
            path=f"connections/{entry.connection}",
            thing=entry,
        )


def _undismissed(connection: Connection) -> Connection:
    differences = {
        key: replace(difference, dismissed=None) for key, difference in connection.differences.items()
    }
    return connection.evolve(differences=differences)
