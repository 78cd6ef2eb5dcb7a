"""The open matters: what an event asked somebody to act on, by the key that its events share.

A matter opens with the first notice that asks somebody to act, and closes with the event that names its key.
Most ends have an event of their own. ``matter_watch.py`` finds everything else that ends a matter.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from onboarding.connections.records import Connection
from onboarding.errors import Actor
from onboarding.notices import event_keys
from onboarding.notices.about import About
from onboarding.notices.event_keys import Subject
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import ConflictError, Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import load, placed, readable

_PARTITION: Final = "matters"


class ClosingReason(StrEnum):
    """Why a matter without an event of its own ended."""

    DISMISSED = "Dismissed"  # an operator decided that no action is needed
    OVER = "Over"  # it is no longer so
    REMOVED = "Removed"  # what it was about no longer exists


@dataclass(frozen=True, kw_only=True, slots=True)
class Matter:
    """A matter that is open."""

    key: str  # of its events
    subject: Subject
    kind: NoticeKind  # of the last notice that asked somebody to act
    at: datetime  # of that notice
    path: str  # of the API, where the thing is
    about: About | None  # None: a channel
    channel: str = ""
    expiration: str = ""  # its kind
    difference: str = ""  # its key among those of the connection
    subscribers_only: bool = False  # the webhook of the deployment was not told
    etag: Annotated[str, Field(exclude=True)] = ""

    @classmethod
    def of(cls, notice: Notice, connection: Connection | None, *, subscribers_only: bool) -> Matter:
        """The matter that a notice is about."""
        about = notice.about or (About.of(connection) if connection else None)
        path = f"/connections/{about.connection}" if about else f"/channels/{notice.channel}"
        return cls(
            key=event_keys.of_notice(notice, connection),
            subject=event_keys.subject(notice),
            kind=notice.kind,
            at=notice.at,
            path=notice.path or path,
            about=about,
            channel=notice.channel,
            expiration=notice.expiration,
            difference=event_keys.difference_key(notice),
            subscribers_only=subscribers_only,
        )

    @property
    def run(self) -> str:
        """The run that it is about."""
        return self.path.rpartition("/")[2]

    @property
    def place(self) -> Row:
        """Its row, without the content."""
        return Row(partition=_PARTITION, key=self.key, etag=self.etag)


CODEC: Final = Codec(Matter)


class OpenMatters:
    """All open matters."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def open(self, notice: Notice, connection: Connection | None, *, subscribers_only: bool) -> None:
        """Records that somebody is asked to act, unless nobody is; safe to repeat."""
        if notice.actor is Actor.NOBODY:
            return
        matter = Matter.of(notice, connection, subscribers_only=subscribers_only)
        row = replace(matter.place, columns={"document": CODEC.dump(matter)})
        await self._tables.write(names.NOTICES, row, Write.UPSERT)

    async def is_open(self, key: str) -> bool:
        """Whether somebody is asked to act on a matter; also if its row cannot be read."""
        return await self._tables.get(names.NOTICES, _PARTITION, key) is not None

    async def close(self, matters: Iterable[str]) -> None:
        """Forgets matters, by their keys; safe to repeat."""
        for key in matters:
            await self._tables.write(names.NOTICES, Row(partition=_PARTITION, key=key), Write.DELETE)

    async def end(self, matter: Matter) -> None:
        """Forgets a matter, unless somebody was asked again to act on it after it was read."""
        try:
            await self._tables.write(names.NOTICES, matter.place, Write.DELETE)
        except ConflictError:
            return

    async def all(self) -> AsyncIterator[Matter]:
        """All of them."""
        async for row in self._tables.scan(names.NOTICES, Range(_PARTITION, "")):
            for matter in await readable(self._tables, [row], _read):
                yield matter


def _read(row: Row) -> Matter:
    matter = replace(load(CODEC, row), etag=row.etag)
    placed(row, matter.place)
    return matter
