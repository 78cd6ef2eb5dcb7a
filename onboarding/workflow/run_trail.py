"""Copies the events of runs to the audit trail.

The events are written with the run, in one transaction. They are copied afterwards: those of one invocation
together, and all events of a run that are missing when it begins and when it ends. The queue delivers the
message again if the worker ends before that. If the trail does not answer, the run continues, and a row
records what is missing.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from azure.core.exceptions import AzureError

from onboarding.audit.audit_event import AuditEvent, EventSubject
from onboarding.audit.trail import Trail
from onboarding.storage import keys, names
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.workflow.run import Event, Head

log = logging.getLogger(__name__)

_OWED: Final = "~owed:"
"""The beginning of the partition of runs whose events are missing, by table. It sorts after every month."""


@dataclass(kw_only=True, slots=True)
class Gathered:
    """The events of one invocation."""

    head: Head
    events: list[Event] = field(default_factory=list)
    whole: bool = False  # all missing events of the run are copied


_GATHERED: Final[ContextVar[Gathered | None]] = ContextVar("gathered", default=None)


class RunTrail:
    """Copies the events of the runs of one table to the audit trail."""

    def __init__(
        self, *, tables: Tables, table: str, trail: Trail, subject: Callable[[Head], EventSubject]
    ) -> None:
        """``subject`` reads the request of a run, and can raise anything."""
        self._tables = tables
        self._table = table
        self._trail = trail
        self._subject = subject

    def is_gathered(self, events: Sequence[Event]) -> bool:
        """Whether the events of a run wait for the end of their invocation."""
        gathered = _GATHERED.get()
        if gathered is None or any(event.run != gathered.head.id for event in events):
            return False
        gathered.events += events
        return True

    @contextlib.asynccontextmanager
    async def gathering(
        self, head: Head, all_events: Callable[[], Awaitable[Sequence[Event]]]
    ) -> AsyncIterator[Gathered]:
        """Copies the events of a run that are written inside, at the end."""
        gathered = Gathered(head=head)
        token = _GATHERED.set(gathered)
        try:
            yield gathered
        finally:
            _GATHERED.reset(token)
            if gathered.whole:
                await self.complete(head, all_events)
            else:
                await self.add(head, gathered.events)

    async def add(self, head: Head, events: Sequence[Event]) -> None:
        """Copies events. If the trail does not answer, they are copied when the run ends."""
        if not events:
            return
        try:
            await self._trail.add(*(self._copy(head, event) for event in events))
        except AzureError:
            log.exception("%d events of the run %s are not in the audit trail yet", len(events), head.id)

    async def complete(self, head: Head, all_events: Callable[[], Awaitable[Sequence[Event]]]) -> bool:
        """Copies the missing events of a run; returns whether that succeeded."""
        try:
            copies = [self._copy(head, event) for event in await all_events()]
            tenant = copies[0].tenant if copies else ""
            known = await self._trail.ids(head.id, tenant, [copy.at for copy in copies])
            await self._trail.add(*(copy for copy in copies if copy.id not in known))
        except AzureError:
            log.exception("the events of the run %s are not in the audit trail yet", head.id)
            row = Row(partition=f"{_OWED}{self._table}", key=keys.part(head.id), columns={"run": head.id})
            await self._tables.write(names.AUDIT, row, Write.UPSERT)
            return False
        return True

    async def owed(self) -> list[tuple[str, Row]]:
        """The runs whose events are missing, with the rows that record this."""
        rows = await self._tables.query(names.AUDIT, f"{_OWED}{self._table}", Range("", "~"))
        return [(str(row.columns.get("run", "")), row) for row in rows]

    async def settle(self, row: Row) -> None:
        """Removes the record that events of a run were missing."""
        await self._tables.write(names.AUDIT, row, Write.DELETE)

    def _copy(self, head: Head, event: Event) -> AuditEvent:
        try:
            tenant, connection = self._subject(head)
        except Exception as error:  # noqa: BLE001 - a damaged request is no reason to lose an event
            log.warning("the subject of the run %s is not known: %s", head.id, type(error).__name__)
            tenant, connection = EventSubject()
        return AuditEvent(
            id=keys.derived_id("run-event", self._table, event.run, event.to_row().key),
            at=event.at,
            kind=event.kind,
            actor=event.actor,
            actor_id=event.actor_id,
            on_behalf_of=event.on_behalf_of,
            tenant=tenant,
            connection=connection,
            run=event.run,
            step=event.step,
            attempt=event.attempt,
            detail=event.detail,
            error=event.error.code if event.error else "",
            calls=event.calls,
        )
