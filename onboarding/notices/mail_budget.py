"""How many mails to owners the connections of one requester may cause in a day."""

from __future__ import annotations

from datetime import datetime, timedelta

from onboarding.clock import Clock
from onboarding.errors import channels
from onboarding.storage import keys, names
from onboarding.storage.tables import ConflictError, Row, Tables, Write
from onboarding.storage.unreadable_rows import UnreadableRowError, readable

_KEY = "mails"


class MailBudget:
    """Counts the mails of each requester, by day in UTC."""

    def __init__(self, tables: Tables, clock: Clock, most: int) -> None:
        """``most`` is the number of mails a day."""
        self._tables = tables
        self._clock = clock
        self._most = most

    async def need(self, requester: str) -> None:
        """Raises ``TransientError`` if the mails of today are used up; tomorrow there are more."""
        now = self._clock.now()
        row = await self._tables.get(names.NOTICES, _partition(requester, now), _KEY)
        if await self._number(row) >= self._most:
            tomorrow = datetime.combine(
                now.date() + timedelta(days=1), datetime.min.time(), tzinfo=now.tzinfo
            )
            raise channels.MAIL_LIMIT_REACHED.error(
                most=self._most, requester=requester, retry_after=(tomorrow - now).total_seconds()
            )

    async def count(self, requester: str) -> None:
        """Counts a mail that was sent."""
        partition = _partition(requester, self._clock.now())
        while True:
            found = await self._tables.get(names.NOTICES, partition, _KEY)
            number = await self._number(found) + 1
            row = Row(
                partition=partition, key=_KEY, columns={"count": number}, etag=found.etag if found else ""
            )
            try:
                await self._tables.write(names.NOTICES, row, Write.UPDATE if found else Write.INSERT)
            except ConflictError:
                continue
            return

    async def _number(self, row: Row | None) -> int:
        """How many mails were counted. A row that cannot be read counts none; the next mail replaces it."""
        found = await readable(self._tables, [row] if row else [], _count)
        return found[0] if found else 0


def _count(row: Row) -> int:
    number = row.columns.get("count")
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise UnreadableRowError(row, "the column 'count' is no number")
    return number


def _partition(requester: str, now: datetime) -> str:
    return f"mails:{now:%Y-%m-%d}:{keys.part(requester)}"
