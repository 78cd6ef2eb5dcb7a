"""The log of deliveries: each delivery of each channel, newest first, and how to send one again."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from onboarding.notices.notice import DeliveryRequest, DigestRequest
from onboarding.storage import keys, names
from onboarding.storage.tables import Range, Tables, Write
from onboarding.storage.unreadable_rows import Readable, readable
from onboarding.workflow import interventions
from onboarding.workflow.index_entry import Entry
from onboarding.workflow.interventions import NotPossibleError
from onboarding.workflow.run import Author, Head, Run, RunStatus
from onboarding.workflow.runtime import Runtime

Shown = TypeVar("Shown")

_LOG: Final = "log:"


async def enter(tables: Tables, head: Head, channel: str) -> None:
    """Adds a delivery to the log of its channel; safe to repeat."""
    row = Entry.of(head, _partition(channel)).to_row()
    await tables.write(names.NOTICE_INDEX, row, Write.UPSERT)


class DeliveryLog:
    """The log."""

    def __init__(self, tables: Tables, runs: Runtime) -> None:
        self._tables = tables
        self._runs = runs

    async def page(
        self, channel: str, show: Callable[[Run], Awaitable[Shown]], *, size: int, continuation: str
    ) -> tuple[Readable[Shown], str]:
        """Some deliveries of a channel, the newest first, and the continuation."""
        page = await self._tables.page(
            names.NOTICE_INDEX, Range(_partition(channel), ""), size=size, continuation=continuation
        )
        entries = await readable(self._tables, page.rows, Entry.from_row)
        return await self._runs.load_all(entries, show), page.continuation

    async def get(self, identifier: str) -> Run | None:
        """A delivery, or None."""
        return await self._runs.load(identifier)

    def request(self, run: Run) -> DeliveryRequest | DigestRequest:
        """What a delivery brings."""
        request: DeliveryRequest | DigestRequest = self._runs.plan(run.head).request_of(run.head)
        return request

    def status(self, run: Run) -> RunStatus:
        """The status of a delivery."""
        return self._runs.status(run)

    async def again(self, run: Run, author: Author) -> Run:
        """Sends a notice again: a delivery that waits is retried now, one that has ended gets a new run.

        Raises ``NotPossibleError`` for a delivery in progress, and for a digest that was sent.
        """
        status, request = self.status(run), self.request(run)
        if status is not RunStatus.SUCCEEDED:
            retried = await interventions.retry(self._runs, run.head.id, author)
            return retried or run
        if not isinstance(request, DeliveryRequest):
            raise NotPossibleError(status)
        plan = self._runs.plan(run.head)
        repeated = DeliveryRequest(notice=request.notice, channel=request.channel, repeats=run.head.id)
        head = plan.head(str(uuid.uuid4()), repeated, author=author, created_at=self._runs.clock.now())
        await self._runs.start(head)
        return plan.new(head)


def _partition(channel: str) -> str:
    return f"{_LOG}{keys.part(channel)}"
