"""The documents of runs of any kind: a list, one run with its steps, its audit trail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import Field

from onboarding.api.documents import CloudService, Document, StepError, StepName
from onboarding.api.endpoint import Call, Reply
from onboarding.api.paging import Page, PageQuery
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Id, Traced, is_id
from onboarding.errors import requests
from onboarding.lifecycle.requests import ASKER, REQUESTER, TENANT, Asker
from onboarding.workflow import interventions, plan
from onboarding.workflow.run import Head, Run, RunStatus, StepState, StepStatus
from onboarding.workflow.run_index import RunView
from onboarding.workflow.runtime import Runtime

RETRY_AFTER: Final = {"Retry-After": "2"}

_OVER: Final = {StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.CANCELLED}


AnyTraced = TypeVar("AnyTraced", bound=Traced)


class RunQuery(PageQuery):
    """Which runs are requested."""

    status: RunStatus | None = Field(None, description="Only runs with this status.")
    tenant_id: Id | None = Field(None, description="Only runs of this tenant.")


class Requester(Document):
    """The caller who requested a run."""

    id: str
    name: str

    @classmethod
    def of(cls, head: Head) -> Self:
        """The requester of a run."""
        return cls(id=head.lists.get(ASKER, head.lists[REQUESTER]), name=head.actor)


class Step(Document):
    """One step of a run."""

    name: StepName
    title: str
    status: StepStatus
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    next_attempt_at: datetime | None
    waiting_for: str | None
    action_urls: Annotated[tuple[str, ...], Field(description="Where a person must do something.")]
    error: StepError | None

    @classmethod
    def of(cls, step: StepState, title: str) -> Self:
        """The current state of a step."""
        waiting = step.status is StepStatus.WAITING
        return cls(
            name=step.name,
            title=title,
            status=step.status,
            attempts=step.attempt,
            started_at=step.started_at,
            finished_at=step.changed_at if step.status in _OVER else None,
            next_attempt_at=step.due_at if waiting else None,
            waiting_for=(step.waiting_for or None) if waiting else None,
            action_urls=step.actions if waiting else (),
            error=step.error,
        )


class CloudCall(Document):
    """One call to the cloud. Status 0 means that there was no answer."""

    service: CloudService
    method: str
    path: str
    status: int
    request_id: str
    client_request_id: str


class Event(Document):
    """An entry of the audit trail."""

    at: datetime
    kind: str
    actor: str
    actor_id: Annotated[
        str,
        Field(description="Object ID of the caller. Empty: nobody signed in."),
    ] = ""
    step: StepName = ""
    attempt: int = 0
    detail: str = ""
    error: StepError | None = None
    calls: tuple[CloudCall, ...]


class EventList(Page[Event]):
    """A page of an audit trail."""


class Runs:
    """What the endpoints of all kinds of runs have in common."""

    def __init__(self, *, runs: Runtime, path: str, noun: str) -> None:
        """``path`` is that of the list, below /api. Problems call a run ``noun``."""
        self._runs = runs
        self._path = path
        self._noun = noun

    async def page(self, call: Call[RunQuery, None]) -> tuple[Sequence[Run], str]:
        """A page, the newest first, and the link to the next one. Requesters see only their own runs."""
        query = call.query
        lists = {} if call.caller.operates else {REQUESTER: call.caller.id}
        if query.tenant_id:
            lists[TENANT] = query.tenant_id
        view = RunView(lists=lists, status=query.status)
        entries, continuation = await self._runs.index.page(
            view, size=query.size, continuation=query.continuation
        )
        found = await asyncio.gather(*(self._runs.store.load(entry.run) for entry in entries))
        shown = {run.head.id: run for run in found if run is not None and self._in(view, run)}
        return list(shown.values()), call.next_link(continuation, maxpagesize=query.size)

    async def events(self, call: Call[PageQuery, None]) -> EventList:
        """A page of the audit trail of a run, the oldest first."""
        run = await self.find(call)
        size = call.query.size
        events, continuation = await self._runs.store.events(
            run.head.id, size=size, continuation=call.query.continuation
        )
        return EventList(value=events, next_link=call.next_link(continuation, maxpagesize=size))

    async def find(self, call: Call[Any, Any], parameter: str = "id") -> Run:
        """The run in the path, if the caller may see it. Runs of others do not seem to exist."""
        name = call.path[parameter]
        run = await self._runs.store.load(name) if is_id(name) else None
        if run is None or not call.caller.may_see(run.head.lists[REQUESTER]):
            raise self.not_found()
        return run

    async def resume(self, call: Call[Any, Any]) -> Run:
        """Resumes the run in the path, which has failed or waits for somebody to act."""
        run = await self.find(call)
        try:
            resumed = await interventions.resume(
                self._runs, run.head.id, call.caller.author, keep_authority=call.caller.operates
            )
        except interventions.NotPossibleError as error:
            raise self.not_now(
                error.status,
                "retried",
                "Only a run that has failed, or that waits for somebody to act, can be retried.",
            ) from error
        return resumed or run

    async def confirm(self, call: Call[Any, Any], run: Run, step: plan.Step[Any, Any, Any], text: str) -> Run:
        """Signals a confirmation to a waiting step; does nothing if the step is done."""
        if step.is_done(run):
            return run
        try:
            signalled = await interventions.signal(
                self._runs, run.head.id, step.name, text, call.caller.author
            )
        except interventions.NotPossibleError as error:
            latest = await self._runs.store.load(run.head.id)
            if latest and step.is_done(latest):  # another confirmation came first
                return latest
            hint = f"Confirm it while its step '{step.name}' is waiting."
            raise self.not_now(error.status, "confirmed", hint) from error
        return signalled or run

    def accepted(self, call: Call[Any, Any], run: Run, document: Document, **headers: str) -> Reply:
        """202, with the URL of the status, and the time of the next call unless the run has ended."""
        url = call.url(f"{self._path}/{run.head.id}")
        shown = self.shown(run, document).headers
        headers = {"Location": url, "Operation-Location": url, **shown, **headers}
        return Reply(content=document, status=HTTPStatus.ACCEPTED, headers=headers)

    def shown(self, run: Run, document: Document) -> Reply:
        """200, with the time of the next call unless the run has ended."""
        return Reply(content=document, headers={} if self.status(run).final else RETRY_AFTER)

    def status(self, run: Run) -> RunStatus:
        """The status of a run."""
        return self._runs.status(run)

    def steps(self, run: Run) -> list[Step]:
        """The steps of a run, in the order of its plan."""
        plan = self._runs.plan(run.head)
        return [
            Step.of(run.steps[name], step.title) for name, step in plan.steps.items() if name in run.steps
        ]

    def events_url(self, call: Call[Any, Any], run: Run) -> str:
        """The URL of the audit trail of a run."""
        return call.url(f"{self._path}/{run.head.id}/events")

    def not_found(self) -> ProblemError:
        """The problem of a run that does not exist, for this caller at least."""
        return ProblemError(requests.NOT_FOUND, what=self._noun)

    def not_now(self, status: RunStatus, what: str, rule: str) -> ProblemError:
        """The problem of a request that the status does not allow."""
        return ProblemError(
            requests.NOT_IN_THIS_STATUS, what=self._noun, current=status, participle=what, rule=rule
        )

    def _in(self, view: RunView, run: Run) -> bool:
        """Whether a run belongs to a view, now that it is read as a whole."""
        return view.shows(run.head.lists) and view.status in {None, self.status(run)}


def error_of(run: Run) -> StepError | None:
    """The error of the step that failed, or at which the run waits for somebody to act."""
    steps = sorted(run.steps.values(), key=lambda step: step.status is not StepStatus.FAILED)
    failed = next((step for step in steps if step.status is StepStatus.FAILED or step.is_blocked), None)
    if failed is None or failed.error is None:
        return None
    return StepError.model_validate(failed.error).model_copy(update={"step": failed.name})


def asker(call: Call[AnyTraced, Any]) -> Asker:
    """The caller, as the requester of a run."""
    return Asker(
        id=call.caller.id,
        name=call.caller.name,
        traceparent=call.query.traceparent,
        operates=call.caller.operates,
    )
