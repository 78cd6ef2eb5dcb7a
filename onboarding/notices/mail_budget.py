"""How many emails to owners the connections of one requester can cause in a day."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from onboarding.clock import Clock
from onboarding.errors import channels
from onboarding.storage import keys, names
from onboarding.storage.tables import ConflictError, Row, Tables, Write
from onboarding.storage.unreadable_rows import UnreadableRowError, readable
from onboarding.texts import reasons

_KEY = "mails"


class MailBudget:
    """Counts the emails of each requester, by day in UTC."""

    def __init__(self, tables: Tables, clock: Clock, most: int) -> None:
        """``most`` is the maximum number of emails a day."""
        self._tables = tables
        self._clock = clock
        self._most = most

    @asynccontextmanager
    async def used(self, requesters: Iterable[str], mails: int = 1) -> AsyncIterator[None]:
        """Counts emails before they are sent, so that simultaneous ones do not exceed the limit.

        If sending raises, they are not counted. Raises ``TransientError`` if the limit of today is reached.
        """
        now, counted = self._clock.now(), []
        try:
            for requester in requesters:
                await self._add(requester, now, mails)
                counted.append(requester)
            yield
        except BaseException:
            for requester in counted:
                await self._add(requester, now, -mails)
            raise

    async def _add(self, requester: str, now: datetime, mails: int) -> None:
        while True:
            found = await self._tables.get(names.NOTICES, _partition(requester, now), _KEY)
            number = await self._number(found)
            if mails > 0 and number >= self._most:
                raise self._used_up(requester, now)
            row = Row(
                partition=_partition(requester, now),
                key=_KEY,
                columns={"count": max(number + mails, 0)},
                etag=found.etag if found else "",
            )
            try:
                await self._tables.write(names.NOTICES, row, Write.UPDATE if found else Write.INSERT)
            except ConflictError:
                continue
            return

    def _used_up(self, requester: str, now: datetime) -> Exception:
        tomorrow = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), tzinfo=now.tzinfo)
        return channels.MAIL_LIMIT_REACHED.error(
            most=self._most, requester=requester, retry_after=(tomorrow - now).total_seconds()
        )

    async def _number(self, row: Row | None) -> int:
        """How many emails were counted. A row that cannot be read counts none; the next email replaces it."""
        found = await readable(self._tables, [row] if row else [], _count)
        return found[0] if found else 0


def _count(row: Row) -> int:
    number = row.columns.get("count")
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise UnreadableRowError(row, reasons.ROW_COLUMN_TYPE.of(column="count", type="number"))
    return number


def _partition(requester: str, now: datetime) -> str:
    return f"mails:{now:%Y-%m-%d}:{keys.part(requester)}"
