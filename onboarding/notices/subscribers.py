"""Webhook subscribers: programs that get the events that they select. Operators manage them.

A row has no address and no key: both are secrets in the vault, because an address can contain a token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Final, Protocol

from pydantic import Field

from onboarding.connections.records import Connection
from onboarding.former_values import NoticeKindText
from onboarding.notices.about import About
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.storage import names
from onboarding.storage.codec import Codec, renamed
from onboarding.storage.tables import ConflictError, Row, Tables, Write
from onboarding.storage.unreadable_rows import Readable, load, placed, readable
from onboarding.words.word import Word

PREFIX: Final = "subscriber-"
"""The beginning of the names of the channels of subscribers."""

_PARTITION: Final = "subscribers"
_TAGS: Final = {"purpose": "webhook-subscriber"}

_LATER: Final[Mapping[NoticeKind, NoticeKind]] = {
    NoticeKind.SECRET_NEAR_EXPIRY: NoticeKind.SECRET_EXPIRED,
    NoticeKind.APPLICATION_NEAR_AGE_LIMIT: NoticeKind.APPLICATION_TOO_OLD,
}
"""The kind that a warning can have by the time it is sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscriber:
    """A program, and the events that it gets. An empty filter accepts everything."""

    id: str
    name: Word
    host: str  # of its address
    kinds: tuple[NoticeKindText, ...] = ()  # kinds of notices
    tenants: tuple[str, ...] = ()
    labels: Mapping[str, Word] = field(default_factory=dict)  # a connection has all of them
    enabled: bool = True
    version: int = 1
    created_at: datetime
    changed_at: datetime
    created_by: str
    etag: Annotated[str, Field(exclude=True)] = field(default="", compare=False)

    @property
    def channel(self) -> str:
        """The name of its channel."""
        return f"{PREFIX}{self.id}"

    @property
    def address_secret(self) -> str:
        """The name of the vault secret with its address."""
        return f"notice-address-{self.id}"

    @property
    def key_secret(self) -> str:
        """The name of the vault secret that signs."""
        return f"notice-key-{self.id}"

    def may_want(self, notice: Notice, connection: Connection | None) -> bool:
        """Whether it wants a notice, which can have a later kind when it is sent."""
        later = _LATER.get(notice.kind, notice.kind)
        return self.wants(notice, connection) or self.wants(replace(notice, kind=later), connection)

    def wants(self, notice: Notice, connection: Connection | None) -> bool:
        """Whether it gets a notice. One about the service itself has no tenant and no labels."""
        if not self.enabled or (self.kinds and str(notice.kind) not in self.kinds):
            return False
        about = notice.about or (About.of(connection) if connection else None)
        if about is None:
            return not self.tenants and not self.labels
        return (not self.tenants or about.tenant in self.tenants) and all(
            about.labels.get(name) == value for name, value in self.labels.items()
        )

    def to_row(self) -> Row:
        """Its row."""
        columns = {"document": CODEC.dump(self)}
        return Row(partition=_PARTITION, key=self.id, columns=columns, etag=self.etag)

    @classmethod
    def from_row(cls, row: Row) -> Subscriber:
        """The subscriber of a row."""
        found = load(CODEC, row)
        placed(row, Row(partition=row.partition, key=found.id))
        return replace(found, etag=row.etag)


CODEC: Final = Codec(Subscriber, upgrades={1: renamed(types="kinds")})


class WritingVault(Protocol):
    """Where addresses and keys are kept."""

    async def store(self, name: str, value: str, *, ends_at: datetime | None, tags: Mapping[str, str]) -> str:
        """Adds a version to a secret; returns its URL."""
        ...

    async def remove(self, name: str) -> None:
        """Deletes a secret with all its versions."""
        ...


class Subscribers:
    """All subscribers."""

    def __init__(self, tables: Tables, vault: Callable[[], WritingVault]) -> None:
        """``vault`` is called when a secret is stored, not before."""
        self._tables = tables
        self._vault = vault

    async def all(self) -> Readable[Subscriber]:
        """All subscribers. They are few."""
        rows = await self._tables.query(names.SERVICE, _PARTITION)
        return await readable(self._tables, rows, Subscriber.from_row)

    async def get(self, identifier: str) -> Subscriber | None:
        """A subscriber, or None."""
        row = await self._tables.get(names.SERVICE, _PARTITION, identifier)
        found = await readable(self._tables, [row] if row else [], Subscriber.from_row)
        return found[0] if found else None

    async def of_channel(self, channel: str) -> Subscriber | None:
        """The subscriber of a channel, or None."""
        return await self.get(channel.removeprefix(PREFIX)) if channel.startswith(PREFIX) else None

    async def wanting(self, notice: Notice, connection: Connection | None) -> list[str]:
        """The channels of the subscribers that may want a notice."""
        found = [one for one in await self.all() if one.may_want(notice, connection)]
        return [subscriber.channel for subscriber in found if subscriber.channel != notice.channel]

    async def store(self, subscriber: Subscriber, *, address: str = "", key: str = "") -> bool:
        """Writes a subscriber, with a new address and key if there are any; False if it has changed.

        The vault is written first: a subscriber never exists without its address.
        """
        if address:
            await self._vault().store(subscriber.address_secret, address, ends_at=None, tags=_TAGS)
        if key:
            await self._vault().store(subscriber.key_secret, key, ends_at=None, tags=_TAGS)
        how = Write.UPDATE if subscriber.etag else Write.UPSERT  # a new ID; safe to repeat
        try:
            await self._tables.write(names.SERVICE, subscriber.to_row(), how)
        except ConflictError:
            return False
        return True

    async def remove(self, subscriber: Subscriber) -> bool:
        """Removes a subscriber with its secrets; False if it has changed. A crash leaves only secrets."""
        try:
            await self._tables.write(names.SERVICE, subscriber.to_row(), Write.DELETE)
        except ConflictError:
            return False
        for name in (subscriber.address_secret, subscriber.key_secret):
            await self._vault().remove(name)
        return True
