"""Digests: one message a day for people, instead of one for each notice.

A digest is a run; its ID is derived from the recipient and the day. Its entries are rows of the run's own
partition, written while its day is open. After the day, they are read and sent, and then removed when the
delivery is recorded. After a crash in between, the same digest is sent again with the same ID.
Each entry also has the recipient and the day: if somebody damages or removes the head of the run, it is
written again.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Final

from onboarding.notices import message_text
from onboarding.notices.delivery_context import DeliveryServices, DigestContext
from onboarding.notices.delivery_results import DigestResult
from onboarding.notices.failing_deliveries import noted
from onboarding.notices.message_items import Item
from onboarding.notices.notice import DigestRequest, Notice
from onboarding.notices.pause import pausing
from onboarding.storage import keys, names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Row, Tables, Write
from onboarding.storage.unreadable_rows import UnreadableRowError, load, readable
from onboarding.texts import reasons
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Plan, Step
from onboarding.workflow.run import SERVICE, Head

_ENDS: Final = time(6, tzinfo=UTC)
"""When a day ends: the digest arrives before the working day in Europe and America."""

_GRACE: Final = timedelta(minutes=10)
"""The time between the end of a day and its digest, for entries that are still being written."""

_LONGEST: Final = timedelta(days=1) + _GRACE
"""From the beginning of a day to its digest."""

_ENTRIES: Final = keys.prefixed("entry:")
_NOTICES: Final = Codec(Notice)
_REQUESTS: Final = Codec(DigestRequest)


async def add(services: DeliveryServices, notice: Notice, target: str, announced_at: datetime) -> str:
    """Adds a notice to the digest of the day on which it was announced; returns its date.

    If that day is over, it adds the notice to today's digest. Safe to repeat.
    """
    tables, clock = services.tables, services.clock
    day = max(_end(announced_at), _end(clock.now()))
    while True:
        head = _head(target, day)
        entry = Row(
            partition=head.id,
            key=_key(notice),
            columns={"document": _NOTICES.dump(notice), "request": head.request},
        )
        await tables.write(names.NOTICES, entry, Write.UPSERT)
        await services.runs.start(head)
        if clock.now() < day + _GRACE:
            return f"{day:%Y-%m-%d}"
        # This worker was slow, and the digest may have been sent without the entry.
        await tables.write(names.NOTICES, entry, Write.DELETE)
        day = _end(clock.now())


async def send(context: DigestContext) -> Done[DigestResult] | Wait:
    """Sends a digest when its day is over, with those of its notices that are still current."""
    services, request = context.services, context.request
    left = request.day + _GRACE - services.clock.now()
    if timedelta(0) < left <= _LONGEST:  # a clock that was ahead has left a day that is further away
        return Wait(reason=reasons.WAITS_DAY.of(), after=left, give_up_after=timedelta(days=30))
    notices = await _notices(services, context.id)
    items = [
        item
        for item in await asyncio.gather(*(_item(services, notice, request.channel) for notice in notices))
        if item
    ]
    if not items:
        return Done(result=DigestResult.of(reasons.SUPERSEDED.of()))
    channel, owner = services.routing.address(request.channel)
    if await services.outgoing.has_ended(channel):
        return Done(result=DigestResult.of(reasons.CHANNEL_ENDED.of()))
    connections, outcome = [item.connection for item in items], reasons.SUPERSEDED.of()
    messages = message_text.digest(items, context.id, await services.outgoing.largest(channel))
    async with services.mailing(owner, connections, len(messages)):
        for message in messages:
            outcome = await services.outgoing.message(channel, owner, message)
    await asyncio.gather(*(services.receipts.keep(item.notice, request.channel) for item in items))
    return Done(result=DigestResult.of(outcome, notices=len(items)))


async def forget(context: DigestContext) -> Done[None]:
    """Removes the rows of a digest that was sent."""
    for notice in await _notices(context.services, context.id):
        row = Row(partition=context.id, key=_key(notice))
        await context.services.tables.write(names.NOTICES, row, Write.DELETE)
    return Done(result=None)


async def rebuild(tables: Tables, digest: str) -> Head | None:
    """The head of a digest as its entries have it; None for any other run, and for one without entries."""
    for row in await tables.query(names.NOTICES, digest, _ENTRIES):
        for request in await readable(tables, [row] if "request" in row.columns else [], _request):
            head = _head(request.channel, request.day)
            if head.id == digest:
                return head
    return None


async def _notices(services: DeliveryServices, digest: str) -> list[Notice]:
    """The notices of a digest. A row that cannot be read stays, and is in the index of such rows."""
    rows = await services.tables.query(names.NOTICES, digest, _ENTRIES)
    return await readable(services.tables, rows, _notice)


def _notice(row: Row) -> Notice:
    return load(_NOTICES, row)


def _request(row: Row) -> DigestRequest:
    return load(_REQUESTS, row, "request")


def _key(notice: Notice) -> str:
    return f"{_ENTRIES.first}{notice.id}"


async def _item(services: DeliveryServices, notice: Notice, target: str) -> Item | None:
    try:
        connection = await services.connection(notice)
    except UnreadableRowError:  # it is in the index
        return None
    if connection is None or services.is_passed(notice, connection):
        return None
    return await services.item(notice, connection, target)


def _head(target: str, day: datetime) -> Head:
    return DIGEST.head(
        keys.derived_id(DIGEST.name, target, day.isoformat()),
        DigestRequest(channel=target, day=day),
        author=SERVICE,
        created_at=day - timedelta(days=1),  # the same for all entries: one row in the index
    )


SEND: Final = Step(
    name="send-digest",
    title="Send the day's notices",
    handler=pausing(noted(send)),
    result=Codec(DigestResult),
)
FORGET: Final = Step(
    name="forget-digest", title="Delete the entries", handler=noted(forget), after=(SEND.name,)
)
DIGEST: Final = Plan("digest", _REQUESTS, SEND, FORGET, persistent=True)


def _end(moment: datetime) -> datetime:
    """The end of the day that a moment belongs to."""
    end = datetime.combine(moment.astimezone(UTC).date(), _ENDS)
    return end if moment < end else end + timedelta(days=1)
