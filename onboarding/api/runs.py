"""The documents of runs of any kind: a list, one run with its steps, its audit trail."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, TypeVar

from pydantic import Field

from onboarding.api.documents import Document
from onboarding.api.endpoint import Call, Reply
from onboarding.api.filters import REQUESTED_BY, Statuses, Who, filled, requester
from onboarding.api.paging import PageQuery
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Id, Traced, is_id
from onboarding.api.run_documents import Step, TrailEventList
from onboarding.cmg.fields import Timestamp
from onboarding.errors import requests
from onboarding.lifecycle.requests import REQUESTER, TENANT, Asker
from onboarding.storage.unreadable_rows import Readable
from onboarding.texts import phrases
from onboarding.texts.phrases import Said
from onboarding.workflow import interventions, plan
from onboarding.workflow.run import Run, RunStatus, StepStatus
from onboarding.workflow.run_view import RunView
from onboarding.workflow.runtime import Runtime

_IN_PROGRESS: Final = {RunStatus.NOT_STARTED, RunStatus.RUNNING, RunStatus.WAITING}

SOON: Final = 2
_LATE: Final = 300
"""The shortest and the longest time until the next poll, in seconds."""


Shown = TypeVar("Shown", bound=Document)
AnyTraced = TypeVar("AnyTraced", bound=Traced)


class RunQuery(PageQuery):
    """Which runs are requested."""

    status: Statuses | None = Field(None, description="Only runs with one of these statuses.")
    tenant_id: Id | None = Field(None, description="Only runs of this tenant.")
    requested_by: Who | None = REQUESTED_BY
    created_after: Timestamp | None = Field(None, description="Only runs that were requested later.")

    def lists(self) -> dict[str, str]:
        """More lists of the index that contain a run, the shortest first."""
        return {}

    def shows(self, _run: Run) -> bool:
        """Whether a run passes the filters that the index does not know."""
        return True


AnyRunQuery = TypeVar("AnyRunQuery", bound=RunQuery)


class Runs:
    """What the endpoints of all kinds of runs have in common."""

    def __init__(self, *, runs: Runtime, path: str, noun: Said, asker: str = REQUESTER) -> None:
        """``path`` is that of the list, below /api. Problems call a run ``noun``.

        ``asker`` is the kind of list of the index that names the requester of a run.
        """
        self._asker = asker
        self._runs = runs
        self._path = path
        self._noun = noun

    async def page(
        self, call: Call[AnyRunQuery, None], show: Callable[[Run], Awaitable[Shown]]
    ) -> tuple[Readable[Shown], str]:
        """A page, the newest first, and the link to the next one. Requesters see only their own runs."""
        view = self._view(call)
        if view is None:
            return Readable(), ""

        async def shown_in_view(run: Run) -> tuple[Shown, ...]:
            return (await show(run),) if self._in(view, call.query, run) else ()

        async def some(size: int, continuation: str) -> tuple[Readable[Shown], str]:
            entries, continuation = await self._runs.index.page(view, size=size, continuation=continuation)
            listed = {entry.run: entry for entry in entries if entry.run not in seen}
            seen.update(listed)
            found = await self._runs.load_all(listed.values(), shown_in_view)
            shown = (document for some in found for document in some)
            return Readable(shown, found.unreadable), continuation

        seen: set[str] = set()
        size = call.query.size
        shown, continuation = await filled(some, size=size, continuation=call.query.continuation)
        return shown, call.next_link(continuation, maxpagesize=size)

    def passes(self, call: Call[AnyRunQuery, None], run: Run) -> bool:
        """Whether a run that was found without a list passes the filters of the list."""
        view = self._view(call)
        return view is not None and self._in(view, call.query, run)

    async def events(self, call: Call[PageQuery, None]) -> TrailEventList:
        """A page of the audit trail of a run, the oldest first."""
        run = await self.find(call)
        size = call.query.size
        events, continuation = await self._runs.store.events(
            run.head.id, size=size, continuation=call.query.continuation
        )
        return TrailEventList.of(events, call.next_link(continuation, maxpagesize=size))

    async def find(self, call: Call[Any, Any], parameter: str = "id") -> Run:
        """The run in the path, if the caller may see it. Runs of others do not seem to exist."""
        name = call.path[parameter]
        run = await self._runs.load(name) if is_id(name) else None
        if run is None or not call.caller.may_see(run.head.lists[REQUESTER]):
            raise self.not_found()
        return run

    async def retry(self, call: Call[Any, Any]) -> Run:
        """Retries the run in the path, which has failed or waits for somebody to act."""
        run = await self.find(call)
        try:
            retried = await interventions.retry(
                self._runs, run.head.id, call.caller.author, keep_authority=call.caller.operates
            )
        except interventions.NotPossibleError as error:
            latest = await self._runs.load(run.head.id) or run
            repeated = error.status is RunStatus.SUCCEEDED and latest.head.retried_at is not None
            if error.status in _IN_PROGRESS or repeated:  # the same call came first
                return latest
            raise self.not_now(
                error.status,
                phrases.RETRIED.of(),
                phrases.RETRY_WHEN.of(),
            ) from error
        return retried or run

    async def confirm(self, call: Call[Any, Any], run: Run, step: plan.Step[Any, Any, Any], text: str) -> Run:
        """Signals a confirmation to a waiting step; does nothing if the step is done."""
        if step.is_done(run):
            return run
        try:
            signalled = await interventions.signal(
                self._runs, run.head.id, step.name, text, call.caller.author
            )
        except interventions.NotPossibleError as error:
            latest = await self._runs.load(run.head.id)
            if latest and step.is_done(latest):  # another confirmation came first
                return latest
            hint = phrases.CONFIRM_WHEN.of(step=step.name)
            raise self.not_now(error.status, phrases.CONFIRMED.of(), hint) from error
        return signalled or run

    def accepted(self, call: Call[Any, Any], run: Run, document: Document, **headers: str) -> Reply:
        """202, with the URL of the status, and the time of the next call unless the run has ended."""
        url = call.url(f"{self._path}/{run.head.id}")
        shown = self.shown(document, self.retry_after(run)).headers
        headers = {"Location": url, "Operation-Location": url, **shown, **headers}
        return Reply(content=document, status=HTTPStatus.ACCEPTED, headers=headers)

    def shown(self, document: Document, seconds: int | None) -> Reply:
        """200, with the time of the next poll (``retry_after``)."""
        return Reply(content=document, headers={"Retry-After": str(seconds)} if seconds else {})

    def retry_after(self, run: Run) -> int | None:
        """The seconds after which a run can have changed; None if only a person can change it."""
        status = self.status(run)
        if status.final:
            return None
        dues = [step.due_at for step in run.steps.values() if step.status is StepStatus.WAITING]
        if status is not RunStatus.WAITING or not all(dues):
            return SOON
        left = min(due for due in dues if due) - self._runs.clock.now()
        return min(max(math.ceil(left.total_seconds()), SOON), _LATE)

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

    async def load(self, run: str) -> Run | None:
        """A run by its ID, whoever may see it."""
        return await self._runs.load(run)

    async def resume(self, call: Call[Any, Any]) -> Run:
        """Lets the waiting steps of the run in the path check now."""
        run = await self.find(call)
        return await interventions.resume(self._runs, run.head.id, call.caller.author) or run

    def not_found(self) -> ProblemError:
        """The problem for a run that does not exist, or not for this caller."""
        return ProblemError(requests.NOT_FOUND, what=self._noun)

    def not_now(self, status: RunStatus, what: Said, rule: Said) -> ProblemError:
        """The problem for a request that the status does not allow."""
        return ProblemError(
            requests.NOT_IN_THIS_STATUS, what=self._noun, current=status, participle=what, rule=rule
        )

    def _view(self, call: Call[AnyRunQuery, None]) -> RunView | None:
        """The part of the index that a caller requests. None if no run can be in it."""
        query, caller = call.query, call.caller
        lists = query.lists()
        if not caller.operates:
            lists[REQUESTER] = caller.id
        if asked := requester(query.requested_by, caller):
            if lists.get(self._asker, asked) != asked:
                return None
            lists[self._asker] = asked
        if query.tenant_id:
            lists[TENANT] = query.tenant_id
        (status,) = query.status if query.status and len(query.status) == 1 else (None,)
        return RunView(lists=lists, status=status, since=query.created_after)

    def _in(self, view: RunView, query: RunQuery, run: Run) -> bool:
        """Whether a run passes all filters, after it has been read completely."""
        return (
            view.shows(run.head.lists)
            and (view.since is None or run.head.created_at > view.since)
            and (not query.status or self.status(run) in query.status)
            and query.shows(run)
        )


def asker(call: Call[AnyTraced, Any]) -> Asker:
    """The caller, as the requester of a run."""
    return Asker(
        id=call.caller.id,
        name=call.caller.name,
        on_behalf_of=call.caller.on_behalf_of,
        traceparent=call.query.traceparent,
        operates=call.caller.operates,
    )
