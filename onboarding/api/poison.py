"""``/api/poison``: list and re-drive poison messages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from onboarding.api.documents import Document, FailureCode
from onboarding.api.endpoint import OPERATORS, Call, Reply, endpoint
from onboarding.api.paging import Page, PageQuery
from onboarding.api.problems import ProblemError
from onboarding.api.raw import RawContent
from onboarding.api.reading import Parameters
from onboarding.api.told import Explained
from onboarding.errors import requests
from onboarding.storage import names, queues
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.texts import reasons
from onboarding.workflow import poison_messages, redriving
from onboarding.workflow.poison_messages import PoisonMessages, PoisonReason
from onboarding.workflow.received_message import ERRORS
from onboarding.workflow.redriving import RedriveOutcome
from onboarding.workflow.run import RunStatus
from onboarding.workflow.runtime import Runtime


class PoisonMessage(Explained):
    """A message that failed too often, or that cannot be processed."""

    id: UUID
    queue: str
    reason: PoisonReason
    code: Annotated[FailureCode, Field(description="Of the error.")]
    title: str
    remedy: str
    run_id: Annotated[str | None, Field(description="The run to which the message belongs.")]
    run_status: Annotated[RunStatus | None, Field(description="The current status of that run.")]
    last_failure_at: Annotated[datetime, Field(description="When it failed last.")]
    since: Annotated[datetime, Field(description="When it failed first.")]
    count: Annotated[int, Field(description="How often it failed.")]
    body: RawContent

    @classmethod
    def of(cls, message: poison_messages.PoisonMessage, run: RunStatus | None) -> Self:
        """A kept message, with the status of its run."""
        error = ERRORS[message.reason]
        return cls(
            id=message.id,
            queue=message.queue,
            reason=message.reason,
            code=error.code,
            title=error.title,
            detail=message.detail,
            remedy=error.remedy,
            actor=error.actor,
            args=message.args,
            run_id=message.run or None,
            run_status=run,
            last_failure_at=message.at,
            since=message.first_at,
            count=message.count,
            body=RawContent.of(message.body),
        )


class QueuedMessage(Document):
    """A message on a poison queue, which the service is about to keep."""

    inserted_at: datetime | None
    deliveries: int
    body: RawContent


class PoisonQueue(Document):
    """A poison queue with its first messages. The service empties it."""

    queue: str
    count: int
    messages: tuple[QueuedMessage, ...]


class PoisonMessageList(Page[PoisonMessage]):
    """A page of poison messages, and the messages on the poison queues."""

    queues: tuple[PoisonQueue, ...]


class Redriven(Document):
    """What happened to a poison message."""

    id: UUID
    outcome: RedriveOutcome


class PoisonResource:
    """The endpoints."""

    def __init__(
        self, *, messages: PoisonMessages, queues: queues.Queues, runs: Mapping[str, Runtime]
    ) -> None:
        """``runs`` are by the names of their queues."""
        self._messages = messages
        self._queues = queues
        self._runs = runs

    @endpoint(
        "GET /poison",
        name="list_poison",
        roles=OPERATORS,
        answers={200: PoisonMessageList},
    )
    async def list(self, call: Call[PageQuery, None]) -> PoisonMessageList:
        """List poison messages."""
        size = call.query.size
        messages, continuation = await self._messages.page(size=size, continuation=call.query.continuation)
        return PoisonMessageList(
            value=await asyncio.gather(*map(self._shown, messages)),
            next_link=call.next_link(continuation, maxpagesize=size),
            queues=await asyncio.gather(*map(self._queue, names.POISON_QUEUES)),
        )

    @endpoint(
        "POST /poison/{id}/redrive",
        name="redrive_poison",
        roles=OPERATORS,
        answers={202: Redriven},
        problems=(requests.NOT_FOUND,),
    )
    async def redrive(self, call: Call[Parameters, None]) -> Reply:
        """Re-drive a poison message. A message that would fail again stays in the list."""
        message = await self._messages.get(call.path["id"])
        if message is None:
            raise ProblemError(requests.NOT_FOUND, what=reasons.THE_POISON_MESSAGE.of())
        runs = self._runs[message.queue]
        outcome = await redriving.redrive(self._messages, runs, message, call.caller.author)
        return Reply(content=Redriven(id=message.id, outcome=outcome), status=HTTPStatus.ACCEPTED)

    async def _shown(self, message: poison_messages.PoisonMessage) -> PoisonMessage:
        runs = self._runs[message.queue]
        try:
            run = await runs.load(message.run) if message.run else None
        except UnreadableRowError:
            run = None
        return PoisonMessage.of(message, runs.status(run) if run else None)

    async def _queue(self, queue: str) -> PoisonQueue:
        count, messages = await asyncio.gather(self._queues.length(queue), self._queues.peek(queue))
        shown = [
            QueuedMessage(
                inserted_at=message.inserted_at,
                deliveries=message.deliveries,
                body=RawContent.of(message.body),
            )
            for message in messages
        ]
        return PoisonQueue(queue=queue, count=count, messages=shown)
