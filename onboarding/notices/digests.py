"""Digests: one message a day for people, instead of one for each notice.

A digest is a run; its ID is derived from the recipient and the day. Its entries are rows of the run's own
partition, written while its day is open. After the day they are read and sent, and removed once that is
recorded: after a crash in between, the same digest is sent again with the same ID.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from onboarding.clock import Clock
from onboarding.connections.connection_store import ConnectionStore
from onboarding.notices import message_text
from onboarding.notices.channels.people import People
from onboarding.notices.delivery_plans import DIGEST
from onboarding.notices.message_text import Item
from onboarding.notices.notice import CODEC, Notice
from onboarding.notices.routing import Routing
from onboarding.notices.signed_links import NoticeLinks
from onboarding.storage import keys, names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Row, Tables, Write
from onboarding.workflow.engine import SERVICE, Engine
from onboarding.workflow.outcomes import Done, Outcome, Wait
from onboarding.workflow.run import Head, Run

_ENDS: Final = time(6, tzinfo=UTC)
"""When a day ends: the digest arrives before the working day in Europe and America."""

_GRACE: Final = timedelta(minutes=10)
"""The time between the end of a day and its digest, for entries that are still being written."""

_ENTRIES: Final = keys.prefixed("entry:")


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestRequest:
    """What the run of a digest carries."""

    channel: str  # of the deployment, or "mail:" and the address of an owner
    day: datetime  # its end


REQUEST: Final = Codec(DigestRequest)


class Digests:
    """Collects notices, and sends them together."""

    def __init__(
        self,
        *,
        tables: Tables,
        engine: Engine,
        connections: ConnectionStore,
        people: People,
        routing: Routing,
        links: NoticeLinks,
        clock: Clock,
    ) -> None:
        self._tables = tables
        self._engine = engine
        self._connections = connections
        self._people = people
        self._routing = routing
        self._links = links
        self._clock = clock

    async def add(self, notice: Notice, target: str, announced_at: datetime) -> str:
        """Adds a notice to the digest of the day on which it was announced; returns the date of the digest.

        If that day is over, the notice goes into today's digest. Safe to repeat.
        """
        day = max(_end(announced_at), _end(self._clock.now()))
        while True:
            head = self._head(target, day)
            entry = Row(
                partition=head.id,
                key=f"{_ENTRIES.first}{notice.id}",
                columns={"document": CODEC.dump(notice)},
            )
            await self._tables.write(names.NOTICES, entry, Write.UPSERT)
            await self._engine.start(head)
            if self._clock.now() < day + _GRACE:
                return f"{day:%Y-%m-%d}"
            # This worker was slow, and the digest may have been sent without the entry.
            await self._tables.write(names.NOTICES, entry, Write.DELETE)
            day = _end(self._clock.now())

    async def send(self, run: Run) -> Outcome:
        """Sends a digest when its day is over, without outdated notices."""
        request = REQUEST.read(run.head.request)
        due = request.day + _GRACE
        if (left := due - self._clock.now()) > timedelta(0):
            return Wait(reason="The day ends", after=left, give_up_after=timedelta(days=30))
        items = [item for item in await asyncio.gather(*map(self._item, await self._entries(run))) if item]
        if not items:
            return Done(result={"outcome": "superseded"})
        message = message_text.digest(items, run.head.id)
        address = self._routing.address(request.channel)
        return Done(result={"outcome": await self._people.send(*address, message), "notices": len(items)})

    async def forget(self, run: Run) -> Outcome:
        """Removes the entries of a digest that was sent."""
        for row in await self._entries(run):
            await self._tables.write(names.NOTICES, row, Write.DELETE)
        return Done()

    async def _entries(self, run: Run) -> list[Row]:
        return await self._tables.query(names.NOTICES, run.head.id, _ENTRIES)

    async def _item(self, row: Row) -> Item | None:
        notice = CODEC.load(row.columns["document"])
        connection = await self._connections.get(notice.connection)
        if connection is None or not notice.is_current(connection):
            return None
        return Item(notice=notice, connection=connection, links=await self._links.of(notice))

    def _head(self, target: str, day: datetime) -> Head:
        return Head(
            id=keys.derived_id(DIGEST.name, target, day.isoformat()),
            plan=DIGEST.name,
            tenant="",
            name="",
            requester="",
            requester_name=SERVICE,
            created_at=day - timedelta(days=1),  # the same for all entries: one row in the index
            request=REQUEST.document(DigestRequest(channel=target, day=day)),
            fingerprint="",
        )


def _end(moment: datetime) -> datetime:
    """The end of the day of a moment."""
    end = datetime.combine(moment.astimezone(UTC).date(), _ENDS)
    return end if moment < end else end + timedelta(days=1)
