"""``/api/poison``: messages that were given up; to look at, and to let them be carried out after all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import azure.functions as func

from onboarding.api import documents
from onboarding.api.callers import Caller
from onboarding.api.front import Front, answer
from onboarding.api.paging import Page, bad_continuation
from onboarding.api.problems import not_found
from onboarding.storage import names
from onboarding.storage.queues import Queues
from onboarding.storage.tables import InvalidContinuationError
from onboarding.workflow import interventions
from onboarding.workflow.engine import Engine
from onboarding.workflow.interventions import NotPossibleError
from onboarding.workflow.poison_messages import PoisonMessage, PoisonMessages, Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Poison:
    """The endpoints."""

    front: Front
    messages: PoisonMessages
    queues: Queues
    engines: Mapping[str, Engine]  # by queue

    async def list(self, request: func.HttpRequest, _: Caller) -> func.HttpResponse:
        """A page of dead messages, and the first messages of each poison queue."""
        page = Page.of(request)
        try:
            messages, continuation = await self.messages.page(size=page.size, continuation=page.continuation)
        except InvalidContinuationError as error:
            raise bad_continuation() from error
        shown = await asyncio.gather(*(self._letter(message) for message in messages))
        queues = await asyncio.gather(*(self._queue(queue) for queue in names.POISON_QUEUES))
        url = self.front.url(request, "poison")
        return answer({**page.answer(shown, continuation, url, {}), "queues": queues})

    async def redrive(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """Lets a run go on whose worker crashed, or puts any other message back on its queue.

        The message goes last: a crash in between may send a message twice, which does nothing twice.
        """
        message = await self.messages.get(request.route_params.get("id", ""))
        if message is None:
            raise not_found("The message")
        outcome = await self._again(message, caller)
        await self.messages.remove(message)
        return answer({"id": message.id, "outcome": outcome}, HTTPStatus.ACCEPTED)

    async def _again(self, message: PoisonMessage, caller: Caller) -> str:
        if message.reason is not Reason.WORKER_CRASHED:
            await self.queues.put(message.queue, message.body)
            return "SentAgain"
        try:
            # The message alone would find a failed run, and leave it alone.
            run = await interventions.resume(self.engines[message.queue], message.run, caller.name)
        except NotPossibleError:
            return "NothingToDo"
        return "Retried" if run else "NothingToDo"

    async def _letter(self, message: PoisonMessage) -> dict[str, Any]:
        engine = self.engines[message.queue]
        run = await engine.store.load(message.run) if message.run else None
        return documents.poison_message(message, run.status(engine.plans[run.head.plan]) if run else None)

    async def _queue(self, queue: str) -> dict[str, Any]:
        count, messages = await asyncio.gather(self.queues.length(queue), self.queues.peek(queue))
        return {"queue": queue, "count": count, "messages": [documents.waiting(each) for each in messages]}
