"""Poison messages: messages that could not be processed, kept until an operator re-drives them.

The ID of a message is derived from its content, so the same message is kept only once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from onboarding.storage import keys
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import Readable, UnreadableRowError, load, readable, single

_PARTITION: Final = "messages"


class Reason(StrEnum):
    """Why a message could not be processed."""

    INVALID = "Invalid"  # it is not a message of this app
    UNKNOWN_VERSION = "UnknownVersion"  # a newer release wrote it
    UNKNOWN_RUN = "UnknownRun"  # there is no such run
    UNREADABLE_RUN = "UnreadableRun"  # a row of its run is damaged, or a newer release wrote it
    WORKER_CRASHED = "WorkerCrashed"  # its worker crashed as often as the host retries


@dataclass(frozen=True, kw_only=True, slots=True)
class PoisonMessage:
    """A message that could not be processed."""

    queue: str
    body: Annotated[bytes, Field(exclude=True)] = b""  # has its own column
    reason: Reason
    detail: str
    run: str = ""  # its run, if known
    at: datetime

    @property
    def id(self) -> str:
        """The same for the same message."""
        return keys.derived_id("dead-message", self.queue, self.body.hex())

    def to_row(self) -> Row:
        """The message's row. A message fits into a column, as its text in base64 fits into a queue."""
        columns = {"document": _CODEC.dump(self), "body": self.body}
        return Row(partition=_PARTITION, key=self.id, columns=columns)

    @classmethod
    def from_row(cls, row: Row) -> PoisonMessage:
        """The message of a row."""
        body = row.columns.get("body")
        if not isinstance(body, bytes):
            raise UnreadableRowError(row, "the column 'body' is not binary")
        return replace(load(_CODEC, row), body=body)


_CODEC: Final = Codec(PoisonMessage)


class PoisonMessages:
    """The poison messages that one table holds."""

    def __init__(self, tables: Tables, table: str) -> None:
        self._tables = tables
        self._table = table

    async def keep(self, message: PoisonMessage) -> None:
        """Keeps a message; safe to repeat."""
        await self._tables.write(self._table, message.to_row(), Write.UPSERT)

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
