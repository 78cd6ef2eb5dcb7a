"""Poison messages: messages that could not be processed, kept until an operator re-drives them.

The ID of a message is derived from its content, so the same message is kept only once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from onboarding.storage import keys, names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import Readable, UnreadableRowError, load, readable, single
from onboarding.texts import reasons

_PARTITION: Final = "messages"
_RETRIED: Final = "retried"


class PoisonReason(StrEnum):
    """Why a message could not be processed."""

    INVALID = "Invalid"  # it is not a message of this app
    UNKNOWN_VERSION = "UnknownVersion"  # another release wrote it
    UNKNOWN_FIELD = "UnknownField"  # the same: it lacks fields, and has others
    UNKNOWN_RUN = "UnknownRun"  # there is no such run
    UNREADABLE_RUN = "UnreadableRun"  # a row of its run is damaged, or a newer release wrote it
    WORKER_CRASHED = "WorkerCrashed"  # its worker crashed on every retry of the host


@dataclass(frozen=True, kw_only=True, slots=True)
class PoisonMessage:
    """A message that could not be processed."""

    queue: str
    body: Annotated[bytes, Field(exclude=True)] = b""  # has its own column
    reason: PoisonReason
    detail: str
    args: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)  # in the texts, as JSON
    run: str = ""  # its run, if known
    at: datetime  # when it failed last
    since: datetime | None = None  # when it failed first; None: only once
    count: int = 1  # how often it failed
    retried_at: datetime | None = None
    key: Annotated[str, Field(exclude=True)] = field(default="", compare=False)  # of its row

    @property
    def id(self) -> str:
        """The same for the same message, and for all crashes of one run."""
        if self.reason is PoisonReason.WORKER_CRASHED:
            return self.key or keys.derived_id("crash", self.queue, self.run, self.detail)
        return self.key or keys.derived_id("dead-message", self.queue, self.body.hex())

    @property
    def first_at(self) -> datetime:
        """When it failed first."""
        return self.since or self.at

    def after(self, known: PoisonMessage | None) -> PoisonMessage:
        """The message that has failed again."""
        return replace(self, since=known.first_at, count=known.count + 1) if known else self

    def to_row(self, partition: str = _PARTITION) -> Row:
        """The message's row. A message fits into a column, as its text in base64 fits into a queue."""
        columns = {"document": _CODEC.dump(self), "body": self.body}
        return Row(partition=partition, key=self.id, columns=columns)

    @classmethod
    def from_row(cls, row: Row) -> PoisonMessage:
        """The message of a row."""
        body = row.columns.get("body")
        if not isinstance(body, bytes):
            raise UnreadableRowError(row, reasons.ROW_COLUMN_TYPE.of(column="body", type="binary"))
        message = load(_CODEC, row)
        if message.queue not in names.QUEUES:
            raise UnreadableRowError(row, reasons.ROW_NO_QUEUE.of())
        return replace(message, body=body, key=row.key)


_CODEC: Final = Codec(PoisonMessage)


class PoisonMessages:
    """The poison messages that one table holds."""

    def __init__(self, tables: Tables, table: str) -> None:
        self._tables = tables
        self._table = table

    async def keep(self, message: PoisonMessage) -> None:
        """Keeps a message.

        If it was kept before, even if it was retried since then, the occurrence is counted.
        """
        earlier = [
            row
            for partition in (_PARTITION, _RETRIED)
            if (row := await self._tables.get(self._table, partition, message.id))
        ]
        known = await readable(self._tables, earlier, PoisonMessage.from_row)
        await self._tables.write(
            self._table, message.after(known[0] if known else None).to_row(), Write.UPSERT
        )
        await self._tables.write(self._table, message.to_row(_RETRIED), Write.DELETE)

    async def retried(self, message: PoisonMessage, at: datetime) -> None:
        """Removes a message that was sent again. It is counted if it comes back; safe to repeat."""
        trace = replace(message, retried_at=at)
        await self._tables.write(self._table, trace.to_row(_RETRIED), Write.UPSERT)
        await self.remove(message)

    async def forget_retried(self, before: datetime) -> int:
        """Removes messages that were sent again and have not come back for a long time."""
        forgotten = 0
        async for row in self._tables.scan(self._table, Range(_RETRIED, "")):
            for message in await readable(self._tables, [row], PoisonMessage.from_row):
                if (message.retried_at or message.at) < before:
                    await self._tables.write(self._table, message.to_row(_RETRIED), Write.DELETE)
                    forgotten += 1
        return forgotten

    async def get(self, message: str) -> PoisonMessage | None:
        """A message by its ID, or None."""
        row = await self._tables.get(self._table, _PARTITION, message)
        return await single(self._tables, row, PoisonMessage.from_row) if row else None

    async def page(self, *, size: int, continuation: str = "") -> tuple[Readable[PoisonMessage], str]:
        """Some messages, and the continuation (empty at the end). Raises ``InvalidContinuationError``."""
        page = await self._tables.page(
            self._table, Range(_PARTITION, ""), size=size, continuation=continuation
        )
        return await readable(self._tables, page.rows, PoisonMessage.from_row), page.continuation

    async def remove(self, message: PoisonMessage) -> None:
        """Removes a message; safe to repeat."""
        await self._tables.write(self._table, message.to_row(), Write.DELETE)
