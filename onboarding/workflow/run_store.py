"""The store of runs: each is created once, read by one query, and changed by transactions with ETags."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

from onboarding.storage.tables import ConflictError, Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import (
    Readable,
    UnreadableRow,
    UnreadableRowError,
    note,
    readable,
    single,
)
from onboarding.workflow.run import EVENTS, HEAD, STATE, Event, Head, Run, StepState
from onboarding.workflow.run_trail import Gathered, RunTrail


class Committed(NamedTuple):
    """What a transaction has written."""

    steps: list[StepState]
    head: Head | None


class RunStore:
    """The runs that one table holds."""

    def __init__(self, tables: Tables, table: str, trail: RunTrail | None = None) -> None:
        """``trail`` gets a copy of each event."""
        self._tables = tables
        self._table = table
        self._trail = trail

    async def create(self, run: Run, accepted: Event) -> bool:
        """Writes a new run; False if a run with this ID exists."""
        steps = [step.to_row() for step in run.steps.values()]
        rows = [run.head.to_row(), *steps, accepted.to_row()]
        try:
            await self._tables.transact(self._table, [(Write.INSERT, row) for row in rows])
        except ConflictError:
            return False
        return True

    async def load(self, run: str) -> Run | None:
        """The current state of a run and its steps.

        A step that cannot be read has failed: people can retry or undo the run as if a defect of the step
        were the cause. Raises ``UnreadableRowError`` if the head cannot be read.
        """
        rows = await self._tables.query(self._table, run, STATE)
        found = await readable(self._tables, rows[1:], StepState.from_row)
        if not rows or rows[0].key != HEAD:
            return None
        head = await single(self._tables, rows[0], Head.from_row)
        steps = [*found, *map(StepState.damaged, found.unreadable)]
        return Run(head=head, steps={step.name: step for step in steps})

    async def rewrite(self, head: Head) -> None:
        """Writes a head again whose row is missing or cannot be read."""
        await self._tables.write(self._table, head.to_row(), Write.UPSERT)

    async def note(self, error: UnreadableRowError) -> UnreadableRow:
        """Keeps a row that cannot be read in the index."""
        return await note(self._tables, error.row, error.reason)

    async def commit(
        self, steps: Sequence[StepState], events: Iterable[Event], *, head: Head | None = None
    ) -> Committed:
        """Writes changed steps (and the head) together with their events; returns them with new ETags.

        A caller that claims a step, or that retries or stops the run, passes the head, even if it is
        unchanged. So if two of them have read the same run, one fails, whatever steps they change.

        Raises ``ConflictError`` if one of them has been changed in the meantime.
        """
        events = list(events)
        writes: list[tuple[Write, Row]] = [
            (Write.UPDATE if step.etag else Write.INSERT, step.to_row()) for step in steps
        ]
        writes += [(Write.UPDATE, head.to_row())] if head else []
        writes += [(Write.UPSERT, event.to_row()) for event in events]
        etags = await self._tables.transact(self._table, writes)
        await self._copy(events, head)
        written = [step.evolve(etag=etag) for step, etag in zip(steps, etags, strict=False)]
        return Committed(steps=written, head=head.evolve(etag=etags[len(steps)]) if head else None)

    async def events(self, run: str, *, size: int, continuation: str = "") -> tuple[Readable[Event], str]:
        """Some events of a run, oldest first, and the continuation."""
        page = await self._tables.page(
            self._table, Range(run, ""), keys=EVENTS, size=size, continuation=continuation
        )
        return await readable(self._tables, page.rows, Event.from_row), page.continuation

    async def _copy(self, events: Sequence[Event], head: Head | None) -> None:
        """Copies events to the audit trail, or leaves that to the end of the invocation."""
        if self._trail is None or not events or self._trail.is_gathered(events):
            return
        head = head or await self.head(events[0].run)
        if head is not None:
            await self._trail.add(head, events)

    async def head(self, run: str) -> Head | None:
        """The head of a run; None without one that can be read."""
        row = await self._tables.get(self._table, run, HEAD)
        found = await readable(self._tables, [row] if row else [], Head.from_row)
        return found[0] if found else None

    @contextlib.asynccontextmanager
    async def gathering(self, head: Head) -> AsyncIterator[Gathered]:
        """Copies the events of a run that are written inside to the audit trail, together, at the end."""
        if self._trail is None:
            yield Gathered(head=head)
            return
        async with self._trail.gathering(head, functools.partial(self._all, head.id)) as gathered:
            yield gathered

    async def _all(self, run: str) -> Sequence[Event]:
        rows = await self._tables.query(self._table, run, EVENTS)
        return await readable(self._tables, rows, Event.from_row)

    async def complete_trail(self) -> None:
        """Copies the events that the audit trail did not take when they were written."""
        if self._trail is None:
            return
        for run, row in await self._trail.owed():
            head = await self.head(run)
            if head is None or await self._trail.complete(head, functools.partial(self._all, run)):
                await self._trail.settle(row)
