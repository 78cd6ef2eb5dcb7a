"""Dead messages: messages that were given up. They are kept, with the reason, until somebody re-drives them.

The same message is one message, however often it is given up: its id is derived from what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from onboarding.storage import keys
from onboarding.storage.tables import Range, Row, Tables, Write

_PARTITION: Final = "messages"


class Reason(StrEnum):
    """Why a message was given up."""

    INVALID = "Invalid"  # it is none of this app's messages
    UNKNOWN_RUN = "UnknownRun"  # there is nothing that it could drive on
    WORKER_CRASHED = "WorkerCrashed"  # its worker stopped as often as the host tries


@dataclass(frozen=True, kw_only=True, slots=True)
class PoisonMessage:
    """A message that was given up."""

    queue: str
    body: bytes
    reason: Reason
    detail: str
    run: str = ""  # which it was for, where that is known
    at: datetime

    @property
    def id(self) -> str:
        """The same for the same message."""
        return keys.derived_id("dead-message", self.queue, self.body.hex())

    def to_row(self) -> Row:
        """The message's row. A message fits into a column, as its text in base64 fits into a queue."""
        columns = {
            "queue": self.queue,
            "body": self.body,
            "reason": str(self.reason),
            "detail": self.detail,
            "run": self.run,
            "at": self.at.isoformat(),
        }
        return Row(partition=_PARTITION, key=self.id, columns=columns)

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The message of a row."""
        columns = row.columns
        return cls(
            queue=columns["queue"],
            body=columns["body"],
            reason=Reason(columns["reason"]),
            detail=columns["detail"],
            run=columns["run"],
            at=datetime.fromisoformat(columns["at"]),
        )


class PoisonMessages:
    """The dead messages that one table holds."""

    def __init__(self, tables: Tables, table: str) -> None:
        self._tables = tables
        self._table = table

    async def keep(self, message: PoisonMessage) -> None:
        """Keeps a message; safe to repeat."""
        await self._tables.write(self._table, message.to_row(), Write.UPSERT)

    async def get(self, message: str) -> PoisonMessage | None:
        """A message by its id, or None."""
        row = await self._tables.get(self._table, _PARTITION, message)
        return PoisonMessage.from_row(row) if row else None

    async def page(self, *, size: int, continuation: str = "") -> tuple[list[PoisonMessage], str]:
        """Some messages, and the continuation (empty at the end). Raises ``InvalidContinuationError``."""
        page = await self._tables.page(
            self._table, Range(_PARTITION, ""), size=size, continuation=continuation
        )
        return [PoisonMessage.from_row(row) for row in page.rows], page.continuation

    async def remove(self, message: PoisonMessage) -> None:
        """Forgets a message; one that is gone already is no error."""
        await self._tables.write(self._table, message.to_row(), Write.DELETE)
