"""Receipts: which notices a channel has accepted, for actions that require that people were notified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onboarding.clock import Clock
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.storage import keys, names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Row, Tables, Write
from onboarding.storage.unreadable_rows import load, readable

_KINDS: Final = frozenset({NoticeKind.RENEWAL_WAITS})
"""Notices for which something waits. The others need no receipt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """A channel has accepted a notice."""

    at: datetime


CODEC: Final = Codec(Receipt)


class Receipts:
    """The receipts of all notices."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def keep(self, notice: Notice, channel: str) -> None:
        """Records that a channel has just accepted a notice; safe to repeat."""
        if notice.kind not in _KINDS:
            return
        columns = {"document": CODEC.dump(Receipt(at=self._clock.now()))}
        row = Row(partition=_partition(notice.id), key=keys.part(channel), columns=columns)
        await self._tables.write(names.NOTICES, row, Write.UPSERT)

    async def first(self, notice: str) -> datetime | None:
        """When the first channel accepted a notice; None if none has."""
        rows = await self._tables.query(names.NOTICES, _partition(notice))
        receipts = await readable(self._tables, rows, lambda row: load(CODEC, row))
        return min((receipt.at for receipt in receipts), default=None)


def _partition(notice: str) -> str:
    return f"receipts:{notice}"
