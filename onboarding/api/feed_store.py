"""The calendar subscriptions, by creator.

A signed URL is valid only while the subscription and its creator have their rows. The rows of a creator are
one partition. One of them shows when the creator last called this API, and with which roles. A subscription
ends with its row, with its creator's role, or when the creator has not called for a long time. The service
cannot ask the directory whether somebody has left, but people who have left get no more tokens.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from azure.core.exceptions import AzureError

from onboarding.api.callers import OPERATE_ROLE, Caller
from onboarding.clock import Clock
from onboarding.storage import keys, names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import Readable, load, readable

log = logging.getLogger(__name__)

_PARTITION: Final = "feeds:"
_MAKER: Final = "maker"
_FEEDS: Final = keys.prefixed("feed:")
_LIFETIME: Final = timedelta(days=366)

AWAY: Final = timedelta(days=30)
"""How long a creator can go without a call. Each call with a token and a role restarts this time."""

MOST_FEEDS: Final = 20
"""Of one creator."""

_MOST_KNOWN: Final = 10_000
"""Callers that a process remembers for a day."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """A calendar subscription."""

    id: str
    maker: str
    maker_name: str
    operates: bool  # it shows what operators see
    filters: Mapping[str, str]
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Maker:
    """A caller who has feeds, at the last call of each day."""

    roles: tuple[str, ...]
    seen_at: datetime

    def ends(self, feed: Feed) -> datetime:
        """When a feed ends, unless its creator calls again."""
        lost = not self.roles or (feed.operates and OPERATE_ROLE not in self.roles)
        return self.seen_at if lost else min(feed.expires_at, self.seen_at + AWAY)


FEEDS: Final = Codec(Feed)
MAKERS: Final = Codec(Maker)


class FeedStore:
    """The subscriptions of all callers."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._seen: dict[str, tuple[object, ...]] = {}

    async def add(self, caller: Caller, filters: Mapping[str, str]) -> Feed | None:
        """A new feed of a caller; None if too many have not ended."""
        now = self._clock.now()
        await self._note(caller, now)
        mine = await self._tables.query(names.SERVICE, _of(caller.id), _FEEDS)
        kept = [
            feed for feed in await readable(self._tables, mine, _feed) if not await self._dropped(feed, now)
        ]
        if len(kept) >= MOST_FEEDS:
            return None
        feed = Feed(
            id=f"{caller.id}.{secrets.token_hex(8)}",
            maker=caller.id,
            maker_name=caller.name,
            operates=caller.operates,
            filters=filters,
            created_at=now,
            expires_at=now + _LIFETIME,
        )
        row = replace(_row(feed.id), columns={"document": FEEDS.dump(feed)})
        await self._tables.write(names.SERVICE, row, Write.UPSERT)  # its ID is new; safe to repeat
        return feed

    async def _dropped(self, feed: Feed, now: datetime) -> bool:
        """Whether a feed has expired. If so, its row is removed."""
        if feed.expires_at > now:
            return False
        await self.remove(feed)
        return True

    async def find(self, identifier: str) -> tuple[Feed, datetime] | None:
        """A feed, and when it ends; None if it does not exist."""
        place = _row(identifier)
        rows = await asyncio.gather(
            self._tables.get(names.SERVICE, place.partition, place.key),
            self._tables.get(names.SERVICE, place.partition, _MAKER),
        )
        if rows[0] is None:
            return None
        for feed in await readable(self._tables, [rows[0]], _feed):
            makers = await readable(self._tables, filter(None, [rows[1]]), _maker)
            return feed, makers[0].ends(feed) if makers else feed.created_at
        return None

    async def page(
        self, maker: str | None, *, size: int, continuation: str
    ) -> tuple[Readable[tuple[Feed, datetime]], str]:
        """Some feeds (of a creator) with the time when each ends, and the continuation."""
        partitions = keys.prefixed(_PARTITION) if maker is None else Range(_of(maker), "")
        page = await self._tables.page(
            names.SERVICE, partitions, keys=_FEEDS, size=size, continuation=continuation
        )
        found = await readable(self._tables, page.rows, _feed)
        several = await asyncio.gather(*(self.find(feed.id) for feed in found))
        return Readable(filter(None, several), found.unreadable), page.continuation

    async def remove(self, feed: Feed) -> None:
        """Revokes a feed; safe to repeat."""
        await self._tables.write(names.SERVICE, _row(feed.id), Write.DELETE)

    async def seen(self, caller: Caller) -> None:
        """Records that a caller who has feeds has called, once a day and when the roles change."""
        now = self._clock.now()
        known = (now.date(), caller.known_roles)
        if self._seen.get(caller.id) == known:
            return
        try:
            if await self._tables.get(names.SERVICE, _of(caller.id), _MAKER):
                await self._note(caller, now)
        except AzureError as error:  # the call itself may not need storage
            log.warning("the time of a call could not be noted: %s", type(error).__name__)
            return
        if len(self._seen) >= _MOST_KNOWN:
            self._seen.clear()
        self._seen[caller.id] = known

    async def _note(self, caller: Caller, now: datetime) -> None:
        document = MAKERS.dump(Maker(roles=caller.known_roles, seen_at=now))
        row = Row(partition=_of(caller.id), key=_MAKER, columns={"document": document})
        await self._tables.write(names.SERVICE, row, Write.UPSERT)


def _of(maker: str) -> str:
    return f"{_PARTITION}{keys.part(maker)}"


def _row(identifier: str) -> Row:
    """The place of a feed. Its ID begins with its creator's."""
    maker, _, name = identifier.rpartition(".")
    return Row(partition=_of(maker), key=f"{_FEEDS.first}{keys.part(name)}")


def _feed(row: Row) -> Feed:
    return load(FEEDS, row)


def _maker(row: Row) -> Maker:
    return load(MAKERS, row)
