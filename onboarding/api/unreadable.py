"""``/api/unreadable``: the rows that the service cannot read, as they are, and their removal."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from onboarding.api.documents import Dismissal, NotRead
from onboarding.api.endpoint import OPERATORS, Call, endpoint
from onboarding.api.paging import Page, PageQuery
from onboarding.api.problems import ProblemError
from onboarding.api.raw import RawContent
from onboarding.api.reading import Parameters
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.errors import requests
from onboarding.storage import names, unreadable_rows
from onboarding.storage.tables import Row, Tables, Write
from onboarding.storage.unreadable_rows import Readable, UnreadableRows
from onboarding.texts import reasons
from onboarding.workflow.run import HEAD, STATE, STEPS

log = logging.getLogger(__name__)

_RUNS: Final = (names.ONBOARDINGS, names.OPERATIONS, names.NOTICES)


class UnreadableRow(NotRead):
    """A row that the service cannot read."""

    id: UUID
    table: str
    partition: str
    key: str
    since: Annotated[datetime, Field(description="When the service first tried to read it.")]
    dismissed: Dismissal | None = None


class UnreadableRowDetails(UnreadableRow):
    """A row that the service cannot read, as it is."""

    columns: dict[str, RawContent]


class UnreadableRowList(Page[UnreadableRow]):
    """A page of rows that the service cannot read."""


class UnreadableResource:
    """The endpoints."""

    def __init__(
        self, tables: Tables, connections: ConnectionStore, warning_schedule: WarningSchedule
    ) -> None:
        self._tables = tables
        self._rows = UnreadableRows(tables)
        self._connections = connections
        self._warning_schedule = warning_schedule

    @endpoint(
        "GET /unreadable",
        name="list_unreadable",
        roles=OPERATORS,
        answers={200: UnreadableRowList},
    )
    async def list(self, call: Call[PageQuery, None]) -> UnreadableRowList:
        """List the rows that the service cannot read."""
        size = call.query.size
        found, continuation = await self._rows.page(size=size, continuation=call.query.continuation)
        documents = map(_document, found)
        return UnreadableRowList.of(Readable(documents), call.next_link(continuation, maxpagesize=size))

    @endpoint(
        "GET /unreadable/{id}",
        name="get_unreadable",
        roles=OPERATORS,
        answers={200: UnreadableRowDetails},
        problems=(requests.NOT_FOUND,),
    )
    async def get(self, call: Call[Parameters, None]) -> UnreadableRowDetails:
        """Get a row that the service cannot read, as it is."""
        entry, row = await self._find(call)
        return _details(entry, row)

    @endpoint(
        "DELETE /unreadable/{id}",
        name="remove_unreadable",
        roles=OPERATORS,
        answers={200: UnreadableRowDetails},
        problems=(requests.NOT_FOUND,),
    )
    async def remove(self, call: Call[Parameters, None]) -> UnreadableRowDetails:
        """Remove a row that the service cannot read, and return it as it was."""
        entry, row = await self._find(call)
        log.warning(
            "%s removed the unreadable row: table %s, partition %s, key %s",
            call.caller.name,
            row.table,
            row.partition,
            row.key,
        )
        for part in await self._with(row):
            await self._tables.write(row.table, part, Write.DELETE)
        await self._rows.forget(entry)
        if row.table == names.WARNINGS:
            await self._schedule(row)
        return _details(entry, row)

    async def _find(self, call: Call[Any, None]) -> tuple[unreadable_rows.UnreadableRow, Row]:
        entry = await self._rows.get(call.path["id"])
        row = await self._rows.row(entry) if entry else None
        if entry is None or row is None:
            raise ProblemError(requests.NOT_FOUND, what=reasons.THE_UNREADABLE_ROW.of())
        return entry, row

    async def _with(self, row: Row) -> Sequence[Row]:
        """A row, and the rows that are useless without it: a run needs its head and each of its steps."""
        if row.table in _RUNS and (row.key == HEAD or row.key.startswith(STEPS.first)):
            rows = await self._tables.query(row.table, row.partition, STATE)
            # The head is removed last: until then, the removal can be repeated.
            return [Row(partition=part.partition, key=part.key) for part in reversed(rows)]
        return [row]

    async def _schedule(self, row: Row) -> None:
        """Schedules the warnings of the connection that a removed row of the schedule was about."""
        for name in row.key.split(":"):
            for connection in await self._connections.several([name]):
                await self._warning_schedule.schedule(connection, self._tables.clock.now())


def _document(entry: unreadable_rows.UnreadableRow) -> UnreadableRow:
    return UnreadableRow(
        id=entry.id,
        table=entry.table,
        partition=entry.partition,
        key=entry.key,
        since=entry.since,
        dismissed=Dismissal.of(entry.dismissed),
        **NotRead.why(entry),
    )


def _details(entry: unreadable_rows.UnreadableRow, row: Row) -> UnreadableRowDetails:
    return UnreadableRowDetails(
        id=entry.id,
        table=entry.table,
        partition=entry.partition,
        key=entry.key,
        **NotRead.why(entry),
        since=entry.since,
        dismissed=Dismissal.of(entry.dismissed),
        columns={name: RawContent.of(value) for name, value in row.columns.items()},
    )
