"""``/api/attention``: an operator ends entries of the overview that nothing else ends."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from onboarding.api.documents import Document
from onboarding.api.endpoint import OPERATORS, Call, endpoint
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Parameters, is_id
from onboarding.clock import Clock
from onboarding.cmg.fields import plain
from onboarding.errors import requests
from onboarding.storage import names
from onboarding.workflow.poison_messages import PoisonMessage, PoisonMessages
from onboarding.workflow.run import Author, Event, RunStatus
from onboarding.workflow.run_index import Entry
from onboarding.workflow.runtime import Runtime

log = logging.getLogger(__name__)

_MOST: Final = 500
"""Entries that one call dismisses."""

_PAGE: Final = 100


class Dismissed(StrEnum):
    """Which entries are dismissed together, by their code in the overview."""

    GIVEN_UP = "given-up"
    ONBOARDING_FAILED = "onboarding-failed"
    OPERATION_FAILED = "operation-failed"
    CHANNEL_TROUBLE = "channel-trouble"


_QUEUES: Final[Mapping[Dismissed, str]] = {
    Dismissed.ONBOARDING_FAILED: names.STEPS_QUEUE,
    Dismissed.OPERATION_FAILED: names.OPERATIONS_QUEUE,
    Dismissed.CHANNEL_TROUBLE: names.NOTICES_QUEUE,
}


class DismissQuery(Parameters):
    """Why an entry is dismissed."""

    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(plain)] = Field(
        description="Why nothing needs to be done. It is kept with who dismissed the entry."
    )


class DismissAllQuery(DismissQuery):
    """Which entries are dismissed, and why."""

    code: Dismissed = Field(description="The code of the entries in the overview.")


class Dismissal(Document):
    """How many entries were dismissed."""

    dismissed: int
    more: Annotated[bool, Field(description="Whether there are more: repeat the call.")]


class DismissalsResource:
    """The endpoints."""

    def __init__(self, *, runs: Mapping[str, Runtime], messages: PoisonMessages, clock: Clock) -> None:
        """``runs`` are by the names of their queues."""
        self._runs = runs
        self._messages = messages
        self._clock = clock

    @endpoint(
        "POST /attention/{id}/dismiss",
        name="dismiss",
        roles=OPERATORS,
        answers={200: Dismissal},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS),
    )
    async def dismiss(self, call: Call[DismissQuery, None]) -> Dismissal:
        """Dismiss a failed run, an undelivered notice or a poison message.

        It is no longer in the overview. A failed run can still be retried or rolled back.
        """
        name = call.path["id"]
        if message := await self._messages.get(name):
            await self._drop(message, call)
            return Dismissal(dismissed=1, more=False)
        for runs in self._runs.values():
            if is_id(name) and (run := await runs.load(name)):
                if runs.status(run) is not RunStatus.FAILED:
                    raise ProblemError(
                        requests.NOT_IN_THIS_STATUS,
                        what="The run",
                        current=runs.status(run),
                        participle="dismissed",
                        rule="Only a failed run can be dismissed.",
                    )
                await self._end(runs, Entry.of(run.head, ""), call.caller.author, call.query.reason)
                return Dismissal(dismissed=1, more=False)
        raise ProblemError(requests.NOT_FOUND, what="The run or message")

    @endpoint(
        "POST /attention/dismiss",
        name="dismiss_all",
        roles=OPERATORS,
        answers={200: Dismissal},
    )
    async def dismiss_all(self, call: Call[DismissAllQuery, None]) -> Dismissal:
        """Dismiss all entries of one code."""
        query, dismissed = call.query, 0
        async for messages, entries in self._found(query.code):
            for message in messages:
                await self._drop(message, call)
            runs = self._runs.get(_QUEUES.get(query.code, ""))
            for entry in entries:
                run = await runs.load(entry.run) if runs else None
                if runs and (run is None or runs.status(run) is RunStatus.FAILED):
                    await self._end(runs, entry, call.caller.author, query.reason)
                    dismissed += 1
            dismissed += len(messages)
            if dismissed >= _MOST:
                return Dismissal(dismissed=dismissed, more=True)
        return Dismissal(dismissed=dismissed, more=False)

    async def _found(self, code: Dismissed) -> AsyncIterator[tuple[Sequence[PoisonMessage], Sequence[Entry]]]:
        """The messages and the runs of a code, page by page."""
        continuation, begun = "", False
        while continuation or not begun:
            begun = True
            if code is Dismissed.GIVEN_UP:
                messages, continuation = await self._messages.page(size=_PAGE, continuation=continuation)
                yield messages, ()
            else:
                index = self._runs[_QUEUES[code]].index
                entries, continuation = await index.marked(size=_PAGE, continuation=continuation)
                yield (), entries

    async def _drop(self, message: PoisonMessage, call: Call[Any, None]) -> None:
        log.warning(
            "%s dismissed the poison message %s of the queue %s: %s",
            call.caller.name,
            message.id,
            message.queue,
            call.query.reason,
        )
        await self._messages.remove(message)

    async def _end(self, runs: Runtime, entry: Entry, author: Author, reason: str) -> None:
        """Records who dismissed a run and why, then removes it from those that need attention."""
        run = await runs.load(entry.run)
        if run is None:
            await runs.index.dismiss(entry)
            return
        event = Event.by(author, run=entry.run, at=self._clock.now(), kind="dismissed", detail=reason)
        await runs.store.commit([], [event])
        await runs.index.dismiss(entry)
