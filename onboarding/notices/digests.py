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
from onboarding.notices.failing_deliveries import FailingDeliveries, noted
from onboarding.notices.message_text import Item
from onboarding.notices.notice import DigestRequest, Notice
from onboarding.notices.routing import Routing
from onboarding.notices.signed_links import NoticeLinks
from onboarding.storage import keys, names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Row, Tables, Write
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Context, Plan, Step
from onboarding.workflow.run import Head
from onboarding.workflow.runtime import SERVICE, Runtime

_ENDS: Final = time(6, tzinfo=UTC)
"""When a day ends: the digest arrives before the working day in Europe and America."""

_GRACE: Final = timedelta(minutes=10)
"""The time between the end of a day and its digest, for entries that are still being written."""

_ENTRIES: Final = keys.prefixed("entry:")
_NOTICES: Final = Codec(Notice)


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestResult:
    """How the delivery ended, and the number of notices."""

    outcome: str
    notices: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Digests:
    """Collects notices, and sends them together."""

    tables: Tables
    runs: Runtime
    failing: FailingDeliveries
    connections: ConnectionStore
    people: People
    routing: Routing
    links: NoticeLinks
    clock: Clock

    async def add(self, notice: Notice, target: str, announced_at: datetime) -> str:
        """Puts a notice into the digest of the day on which it was announced; returns its date.

        If that day is over, into today's. Safe to repeat.
        """
        day = max(_end(announced_at), _end(self.clock.now()))
        while True:
            head = self._head(target, day)
            entry = Row(
                partition=head.id,
                key=f"{_ENTRIES.first}{notice.id}",
                columns={"document": _NOTICES.dump(notice)},
            )
            await self.tables.write(names.NOTICES, entry, Write.UPSERT)
            await self.runs.start(head)
            if self.clock.now() < day + _GRACE:
                return f"{day:%Y-%m-%d}"
            # This worker was slow, and the digest may have been sent without the entry.
            await self.tables.write(names.NOTICES, entry, Write.DELETE)
            day = _end(self.clock.now())

    async def send(self, context: DigestContext) -> Done[DigestResult] | Wait:
        """Sends a digest when its day is over: what still holds of its notices."""
        digest, due = context.id, context.request.day + _GRACE
        if (left := due - self.clock.now()) > timedelta(0):
            return Wait(reason="The day ends", after=left, give_up_after=timedelta(days=30))
        items = [item for item in await asyncio.gather(*map(self._item, await self._entries(digest))) if item]
        if not items:
            return Done(result=DigestResult(outcome="superseded"))
        message = message_text.digest(items, digest)
        address = self.routing.address(context.request.channel)
        outcome = await self.people.send(*address, message)
        return Done(result=DigestResult(outcome=outcome, notices=len(items)))

    async def forget(self, context: DigestContext) -> Done[None]:
        """Removes the rows of a digest that was sent."""
        for row in await self._entries(context.id):
            await self.tables.write(names.NOTICES, row, Write.DELETE)
        return Done(result=None)

    async def _entries(self, digest: str) -> list[Row]:
        return await self.tables.query(names.NOTICES, digest, _ENTRIES)

    async def _item(self, row: Row) -> Item | None:
        notice = _NOTICES.load(row.columns["document"])
        connection = await self.connections.get(notice.connection)
        if connection is None or not notice.is_current(connection):
            return None
        return Item(notice=notice, connection=connection, links=await self.links.of(notice))

    @staticmethod
    def _head(target: str, day: datetime) -> Head:
        return DIGEST.head(
            keys.derived_id(DIGEST.name, target, day.isoformat()),
            DigestRequest(channel=target, day=day),
            actor=SERVICE,
            created_at=day - timedelta(days=1),  # the same for all entries: one row in the index
        )


DigestContext = Context[Digests, DigestRequest]
"""An attempt of a step of a digest."""


async def send(context: DigestContext) -> Done[DigestResult] | Wait:
    """Sends a digest."""
    return await context.services.send(context)


async def forget(context: DigestContext) -> Done[None]:
    """Removes the rows of a digest."""
    return await context.services.forget(context)


SEND: Final = Step(
    name="send-digest", title="Send the day's notices", handler=noted(send), result=Codec(DigestResult)
)
FORGET: Final = Step(
    name="forget-digest", title="Delete the entries", handler=noted(forget), after=(SEND.name,)
)
DIGEST: Final = Plan("digest", Codec(DigestRequest), SEND, FORGET, persistent=True)


def _end(moment: datetime) -> datetime:
    """The end of the day that a moment belongs to."""
    end = datetime.combine(moment.astimezone(UTC).date(), _ENDS)
    return end if moment < end else end + timedelta(days=1)
