"""The index of runs: the new and open ones (for the sweep), and the history (for lists), newest first.

A page costs the same however many runs there are: each list is a range of keys. New and open runs are also in
a partition of their owner, so that the lists of an owner never read rows of others. To answer a request
quickly, only these two rows are written at first; the others follow when the first step starts. A row is
always written before its run, and the sweep removes rows that point to nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from typing import Final

from azure.core.exceptions import ResourceNotFoundError

from onboarding.storage import keys
from onboarding.storage.tables import ConflictError, InvalidContinuationError, Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import Dismissal, readable
from onboarding.workflow.blocked_steps import BlockedSteps
from onboarding.workflow.index_entry import UNKNOWN, Cause, Entry
from onboarding.workflow.run import FINAL, Head, RunStatus
from onboarding.workflow.run_view import RunView
from onboarding.workflow.sweep_place import START, Place, SweepPlace

NEW: Final = "new"
OPEN: Final = "open"
MARKED: Final = "marked"


class RunIndex:
    """The index of the runs that one table holds."""

    def __init__(self, tables: Tables, table: str, *, history: bool = True, owner: str = "") -> None:
        """An index in a table.

        Args:
            tables: The storage account.
            table: The table.
            history: False keeps only unfinished and failed runs, for runs without lists.
            owner: The kind of list that names the owner of a run; empty: runs have no owners.
        """
        self._tables = tables
        self._table = table
        self._history = history
        self.blocked = BlockedSteps(tables, table)
        self.sweep_place = SweepPlace(tables, table)
        self.owner = owner

    async def announce(self, head: Head) -> None:
        """Announces that a run will be written."""
        await self._put(NEW, head)

    async def retract(self, head: Head) -> None:
        """Removes an announcement, because the run already exists."""
        await self._take(NEW, Entry.of(head, NEW))

    async def count_open(self, lists: Mapping[str, str], *, most: int, before: Head | None = None) -> int:
        """How many runs of an owner are new or open; it counts up to ``most``.

        Args:
            lists: The lists that a run of the owner is in.
            most: How far to count.
            before: An announced run; only older ones count. Of runs that are announced at the same moment,
            each counts those that come before it. So the first ones are accepted, however many there are.
        """
        owner = lists.get(self.owner, "")
        older = Range(f"{Entry.of(before, NEW).key}~", "~") if before else None
        pages = await asyncio.gather(
            *(
                self._tables.page(self._table, Range(_owned(name, owner), ""), keys=older, size=most)
                for name in (NEW, OPEN)
            )
        )
        found = {row.key for page in pages for row in page.rows}  # one that has just begun is in both
        return min(len(found), most)

    @staticmethod
    def same_entry(one: Head, other: Head) -> bool:
        """Whether two heads have the same entry; those of simultaneous requests can."""
        return Entry.of(one, NEW).key == Entry.of(other, NEW).key

    async def begin(self, head: Head) -> None:
        """Moves a run from the new ones to the open ones and into the history; safe to repeat."""
        if not self._history:
            return
        month, _ = keys.newest_first(head.created_at)
        partitions = [
            f"all:{month}",
            *(f"{_list(kind, value)}{month}" for kind, value in head.lists.items()),
        ]
        writes = [self._tables.write(self._table, _row(name, head), Write.UPSERT) for name in partitions]
        await asyncio.gather(self._put(OPEN, head), *writes)
        await self.retract(head)

    async def close(
        self, head: Head, status: RunStatus, *, cause: Cause = UNKNOWN, again: bool = False
    ) -> list[Row]:
        """Enters a run into those with its final status; safe to repeat. Returns its rows for ``end``.

        The run may have gone on meanwhile, and others may have closed it. So the rows of the open ones, which
        the sweep reads, are written first, and removed when the caller has looked at the run again: after a
        crash, the sweep finds what is wrong.

        Args:
            head: The run.
            status: Its final status.
            cause: Why it failed.
            again: It may have had another final status before.
        """
        held = await self._put(OPEN if self._history else NEW, head)
        if self._history:
            await self._tables.write(self._table, _row(_with_status(status, head), head), Write.UPSERT)
        if status is RunStatus.FAILED:
            await self.mark(head, cause)
        if again or head.stop_as:
            if self._history:
                await self._forget_statuses(head, status)
            if status is not RunStatus.FAILED:  # a late host may have marked it
                await self.unmark(head)
        return held

    async def end(self, held: Iterable[Row]) -> None:
        """Removes a closed run from the open ones, unless somebody has put it there again meanwhile."""
        with contextlib.suppress(ConflictError):
            for row in reversed([*held]):
                await self._tables.write(self._table, row, Write.DELETE)

    async def reopen(self, head: Head) -> None:
        """Moves a finished run, or one that never began, to the open ones; safe to repeat."""
        if self._history:
            await self.begin(head)
            await self._forget_statuses(head, None)
        else:
            await self._put(NEW, head)
        await self.unmark(head)

    async def _forget_statuses(self, head: Head, kept: RunStatus | None) -> None:
        for status in FINAL:
            if status is not kept:
                await self._tables.write(self._table, _row(_with_status(status, head), head), Write.DELETE)

    async def mark(self, head: Head, cause: Cause = UNKNOWN) -> None:
        """Adds a run to those that need attention; safe to repeat."""
        entry = replace(Entry.of(head, MARKED), cause=cause.code, since=cause.since)
        await self._tables.write(self._table, entry.to_row(), Write.UPSERT)

    async def unmark(self, head: Head) -> None:
        """Removes a run from those that need attention."""
        await self._tables.write(self._table, _row(MARKED, head), Write.DELETE)

    async def is_marked(self, head: Head) -> bool:
        """Whether a run is among those that need attention."""
        row = Entry.of(head, MARKED).to_row()
        return await self._tables.get(self._table, row.partition, row.key) is not None

    async def dismiss(self, entry: Entry) -> None:
        """Removes the entry of a run from those that need attention."""
        row = Row(partition=MARKED, key=entry.key)
        await self._tables.write(self._table, row, Write.DELETE)

    async def opened(self, head: Head, view: RunView) -> Entry | None:
        """The entry of an open run in the list of a view that names a status."""
        entry = Entry.of(head, self._ranges(view)[0].first)
        row = await self._tables.get(self._table, entry.partition, entry.key)
        found = await self._entries([row] if row else [])
        return found[0] if found else None

    async def dismiss_open(self, entry: Entry, dismissal: Dismissal) -> None:
        """Records that an operator dismissed an open run. An entry that has just changed stays as it is."""
        row = replace(entry, dismissed=dismissal).to_row()
        with contextlib.suppress(ConflictError, ResourceNotFoundError):
            await self._tables.write(self._table, row, Write.UPDATE)

    async def marked(self, *, size: int, continuation: str = "") -> tuple[list[Entry], str]:
        """Some of the runs that need attention, newest first, and the continuation."""
        page = await self._tables.page(self._table, Range(MARKED, ""), size=size, continuation=continuation)
        return await self._entries(page.rows), page.continuation

    async def unfinished(self, after: Place = START) -> AsyncIterator[Entry]:
        """All new and open runs after a place, for the sweep."""
        for partition in (NEW, OPEN)[after.partition == OPEN :]:
            behind = Range(f"{after.key}!", "~") if partition == after.partition else None
            async for row in self._tables.scan(self._table, Range(partition, ""), keys=behind):
                for entry in await self._entries([row]):
                    yield entry

    async def _entries(self, rows: Iterable[Row]) -> list[Entry]:
        """The entries of rows, in their order. A damaged row still shows which run it points to."""
        found = await readable(self._tables, rows, Entry.from_row)
        damaged = filter(None, map(Entry.of_key, found.unreadable))
        return sorted([*found, *damaged], key=lambda entry: (entry.partition, entry.key))

    async def forget(self, entry: Entry) -> None:
        """Removes an entry that points to nothing."""
        await self._take(entry.partition, entry)

    async def _put(self, name: str, head: Head) -> list[Row]:
        """Adds a run to the new or the open ones, and to those of its owner; returns the rows.

        The row that the sweep reads is written first: after a crash in between it removes both.
        """
        rows = [_row(partition, head) for partition in self._partitions(name, head.lists)]
        etags = [await self._tables.write(self._table, row, Write.UPSERT) for row in rows]
        return [replace(row, etag=etag) for row, etag in zip(rows, etags, strict=True)]

    async def _take(self, name: str, entry: Entry) -> None:
        """Removes an entry from both. The row that the sweep reads is removed last."""
        for partition in reversed(self._partitions(name, entry.lists)):
            row = replace(entry, partition=partition, etag="").to_row()
            await self._tables.write(self._table, row, Write.DELETE)

    def _partitions(self, name: str, lists: Mapping[str, str]) -> list[str]:
        owner = lists.get(self.owner)
        return [name] if owner is None else [name, _owned(name, owner)]

    def _ranges(self, view: RunView) -> list[Range]:
        """The ranges of partitions that hold a view, in the order in which they are read."""
        new, opened = (Range(self._partitions(name, view.lists)[-1], "") for name in (NEW, OPEN))
        if view.status is RunStatus.NOT_STARTED:
            return [new]
        if view.status and not view.status.final:
            return [opened]
        announced = [] if view.status else [new]
        for kind, value in view.lists.items():
            return [*announced, keys.prefixed(_list(kind, value))]
        if view.status:
            return [keys.prefixed(f"status:{view.status}:")]
        return [*announced, keys.prefixed("all:")]

    async def page(self, view: RunView, *, size: int, continuation: str = "") -> tuple[list[Entry], str]:
        """Some entries of a view, newest first, and the continuation (empty at the end).

        New runs that are not in the history yet are first. A page can have fewer than ``size`` entries
        although more follow. Raises ``InvalidContinuationError``.
        """
        ranges = self._ranges(view)
        number, _, token = continuation.partition(".")
        if continuation and number not in map(str, range(len(ranges))):
            raise InvalidContinuationError
        at = int(number or 0)
        newer = Range("", keys.newest_first(view.since)[1]) if view.since else None
        entries: list[Entry] = []
        while at < len(ranges):
            page = await self._tables.page(
                self._table, ranges[at], keys=newer, size=size - len(entries), continuation=token
            )
            entries += [
                entry for entry in await self._entries(page.rows) if entry.damaged or view.shows(entry.lists)
            ]
            token = page.continuation
            if token:
                return entries, f"{at}.{token}"
            at += 1
            if len(entries) >= size:
                break
        return entries, f"{at}." if at < len(ranges) else ""


def _owned(name: str, owner: str) -> str:
    """The partition of the new or the open runs of an owner."""
    return f"{name}:{keys.part(owner)}"


def _list(kind: str, value: str) -> str:
    """The prefix of the partitions of a list."""
    return f"list:{kind}:{keys.part(value)}:"


def _with_status(status: RunStatus, head: Head) -> str:
    """The partition of the runs of a month that ended with a status."""
    month, _ = keys.newest_first(head.created_at)
    return f"status:{status}:{month}"


def _row(partition: str, head: Head) -> Row:
    return Entry.of(head, partition).to_row()
