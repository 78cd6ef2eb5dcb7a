"""Announces differences: one fact is one notice, however many connections it affects.

A tenant that cannot be read affects all its connections, and an application affects those that share it. If a
fact appears and disappears repeatedly, people are notified once a week. Programs get an event each time that
the fact is found after its key was closed, so that no ticket stays closed while the fact exists.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection, Difference
from onboarding.errors import Actor, OnboardingError
from onboarding.notices import changes, event_keys
from onboarding.notices.announcing import Notices
from onboarding.notices.difference_texts import difference_notice
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.notices.open_matters import OpenMatters
from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import ConflictError, Row, Tables, Write
from onboarding.storage.unreadable_rows import load, readable

_QUIET: Final = timedelta(days=7)
_NAMED: Final = 20
"""The number of connections that an event lists; it has the total number, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """A fact was announced."""

    at: datetime  # of the inspection that found the fact; people are notified then
    found_again_at: datetime | None = None  # after its key was closed; programs are notified then

    @property
    def last(self) -> datetime:
        """When somebody was last notified."""
        return self.found_again_at or self.at


CODEC: Final = Codec(Episode)


class DifferenceNotices:
    """Announces what inspections find."""

    def __init__(self, *, tables: Tables, connections: ConnectionStore, notices: Notices) -> None:
        self._tables = tables
        self._connections = connections
        self._notices = notices
        self._matters = OpenMatters(tables)

    async def announce(self, connection: Connection, difference: Difference, found_at: datetime) -> None:
        """Announces a difference that an inspection found, unless its fact was announced lately.

        Safe to repeat. A difference that the inspection found again is announced if its key is closed.
        """
        notice = difference_notice(connection, difference)
        fact = event_keys.fact(connection, difference.app, difference.key, notice.kind)
        asks = notice.actor is not Actor.NOBODY
        is_open = not asks or await self._matters.is_open(event_keys.of_fact(fact))
        if difference.dismissed or (is_open and difference.since != found_at):
            return
        episode = await self._episode(fact, found_at, is_open=is_open)
        try:
            others = await self._concerned(connection, difference, notice.kind)
        except OnboardingError:  # another connection cannot be read: it must not stop this notice
            others = {connection.id}
        grouped = replace(
            notice,
            fact=fact,
            key=(difference.key, episode.last.isoformat()),
            at=episode.found_again_at or notice.at,
            programs_only=episode.found_again_at is not None,
            message=_message(notice, len(others)),
            details={
                **notice.details,
                "connectionIds": sorted(others)[:_NAMED],
                "connections": len(others),
            },
        )
        await self._notices.announce(grouped, connection)

    async def resolved(self, connection: Connection, difference: Difference, at: datetime) -> None:
        """Announces that an inspection no longer finds a difference. Safe to repeat."""
        await self._notices.tell(changes.resolved(connection, difference, at))

    async def _concerned(self, connection: Connection, difference: Difference, kind: NoticeKind) -> set[str]:
        """The connections that a fact affects."""
        tenant = connection.tenant
        if kind is NoticeKind.DIRECTORY_UNREADABLE:
            return {connection.id, *(other.id for other in await self._connections.of_tenant(tenant))}
        if app := event_keys.app_id(connection, difference.app):
            others = await self._connections.of_app(tenant, app)
            return {connection.id} | {
                other.id for other in others if event_keys.is_same_secret(connection, other, difference.key)
            }
        return {connection.id}

    async def _episode(self, fact: str, found_at: datetime, *, is_open: bool) -> Episode:
        """The current episode of a fact; a new one begins after a quiet period."""
        partition = f"fact:{fact}"
        while True:
            found = await self._tables.get(names.NOTICES, partition, "episode")
            known = await readable(self._tables, [found] if found else [], lambda row: load(CODEC, row))
            episode = Episode(at=found_at)
            if known and abs(found_at - known[0].at) < _QUIET:
                if is_open or found_at <= known[0].last:
                    return known[0]
                episode = replace(known[0], found_again_at=found_at)
            columns = {"document": CODEC.dump(episode)}
            row = Row(partition=partition, key="episode", columns=columns, etag=found.etag if found else "")
            try:
                await self._tables.write(names.NOTICES, row, Write.UPDATE if found else Write.INSERT)
            except ConflictError:
                continue
            return episode


def _message(notice: Notice, number: int) -> str:
    return f"{notice.message} This concerns {number} connections." if number > 1 else notice.message
