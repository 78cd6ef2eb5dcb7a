"""Runs as callers see them, of whatever kind: a list, one with its steps, its audit trail."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func

from onboarding.api import documents
from onboarding.api.callers import Caller
from onboarding.api.front import Front, answer
from onboarding.api.paging import Page, bad_continuation
from onboarding.api.parameters import is_id, one_of, tenant_id
from onboarding.api.problems import ProblemError, conflict, not_found
from onboarding.storage.tables import InvalidContinuationError
from onboarding.workflow import interventions
from onboarding.workflow.engine import Engine
from onboarding.workflow.run import Head, Run, RunStatus
from onboarding.workflow.run_index import View

RETRY_AFTER: Final = {"Retry-After": "2"}

_TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """What the endpoints of all kinds of runs have in common."""

    front: Front
    engine: Engine
    path: str  # of the list, below /api
    noun: str  # what an error calls one of them
    summary: Callable[[Run], Mapping[str, Any]]

    async def list(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """A page, newest first; a requester's own, an operator's all."""
        page = Page.of(request, "status", "tenantId")
        parameters = {name: request.params[name] for name in ("status", "tenantId") if name in request.params}
        view = View(
            requester=None if caller.operates else caller.id,
            tenant=tenant_id(parameters),
            status=one_of(parameters, "status", RunStatus),
        )
        try:
            entries, continuation = await self.engine.index.page(
                view, size=page.size, continuation=page.continuation
            )
        except InvalidContinuationError as error:
            raise bad_continuation() from error
        runs = await asyncio.gather(*(self.engine.store.load(entry.run) for entry in entries))
        shown = {run.head.id: self.summary(run) for run in runs if run is not None and self._in(view, run)}
        url = self.front.url(request, self.path)
        return answer(page.answer(shown.values(), continuation, url, parameters))

    async def events(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """A page of the audit trail of one, oldest first."""
        page = Page.of(request)
        run = await self.find(request, caller)
        try:
            events, continuation = await self.engine.store.events(
                run.head.id, size=page.size, continuation=page.continuation
            )
        except InvalidContinuationError as error:
            raise bad_continuation() from error
        return answer(
            page.answer(map(documents.event, events), continuation, self.events_url(request, run), {})
        )

    async def find(self, request: func.HttpRequest, caller: Caller, parameter: str = "id") -> Run:
        """The run of a route, if the caller may see it. Others' look like none."""
        name = request.route_params.get(parameter, "")
        run = await self.engine.store.load(name) if is_id(name) else None
        if run is None or not caller.may_see(run.head.requester):
            raise not_found(self.noun)
        return run

    async def retry(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """Lets a failed one go on where it stopped: 202."""
        run = await self.find(request, caller)
        try:
            changed = await interventions.resume(self.engine, run.head.id, caller.name)
        except interventions.NotPossibleError as error:
            raise self.not_now(error.status, "retried", "Only what has failed can be retried.") from error
        return self.accepted(request, run.head, self.summary(changed or run))

    def accepted(
        self, request: func.HttpRequest, head: Head, document: Mapping[str, Any]
    ) -> func.HttpResponse:
        """202, with where to look for the status."""
        url = self.front.url(request, f"{self.path}/{head.id}")
        headers = {"Location": url, "Operation-Location": url, **RETRY_AFTER}
        return answer(document, HTTPStatus.ACCEPTED, headers)

    def not_now(self, status: RunStatus, what: str, detail: str) -> ProblemError:
        """The problem of asking for something that does not go with the status."""
        return conflict(
            "not-in-this-status",
            "This can't be done in the present status",
            f"{self.noun} is {status}, so it can't be {what}. {detail}",
        )

    def status(self, run: Run) -> RunStatus:
        """The status of a run."""
        return run.status(self.engine.plans[run.head.plan])

    def events_url(self, request: func.HttpRequest, run: Run) -> str:
        """Where the audit trail of a run is."""
        return self.front.url(request, f"{self.path}/{run.head.id}/events")

    def _in(self, view: View, run: Run) -> bool:
        """Whether a run is what a view shows, now that it is known whole."""
        head = run.head
        return (
            view.requester in {None, head.requester}
            and view.tenant in {None, head.tenant}
            and view.status in {None, self.status(run)}
        )


def traceparent(request: func.HttpRequest) -> str:
    """The caller's trace context (W3C Trace Context), if it is one."""
    text = request.headers.get("traceparent", "")
    return text if _TRACEPARENT.fullmatch(text) else ""
