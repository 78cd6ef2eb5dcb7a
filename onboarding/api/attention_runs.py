"""Runs that need attention: those that have failed, and those that wait for somebody to act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onboarding.api.attention_cases import UNREADABLE, Case, CaseCode, Kept, not_failed
from onboarding.api.told import Explained
from onboarding.errors import Actor
from onboarding.errors.catalogue import CATALOGUE
from onboarding.lifecycle.requests import TENANT
from onboarding.notices import failing_deliveries
from onboarding.storage.unreadable_rows import Dismissal, UnreadableRowError
from onboarding.texts.phrases import NOTHING, Said
from onboarding.workflow import interventions
from onboarding.workflow.blocked_steps import BlockedStep
from onboarding.workflow.index_entry import Entry
from onboarding.workflow.run import Author, Event, RunStatus
from onboarding.workflow.runtime import Runtime


class FailedRuns:
    """The failed runs of one kind that nobody has retried, undone or dismissed."""

    def __init__(self, code: CaseCode, runs: Runtime, path: str = "") -> None:
        """``path`` is that of the list of the runs, below /api."""
        self.codes = (code,)
        self._runs = runs
        self._path = path

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Case], str]:
        """Some of them, the newest first."""
        entries, continuation = await self._runs.index.marked(size=size, continuation=continuation)
        return [self._case(entry) for entry in entries], continuation

    async def find(self, identifier: str) -> Case | None:
        """A run. Its status shows later whether it needs attention."""
        run = await self._runs.load(identifier)
        return self._case(Entry.of(run.head, "")) if run else None

    async def retry(self, case: Case, author: Author) -> Kept | None:
        """Retries a run."""
        try:
            run = await interventions.retry(self._runs, case.id, author)
        except interventions.NotPossibleError as error:
            return not_failed(error.status)
        except UnreadableRowError as error:
            await self._runs.store.note(error)
            return UNREADABLE
        if run is None:
            await self._runs.index.dismiss(case.thing)
        return None

    async def dismiss(self, case: Case, author: Author, dismissal: Dismissal) -> Kept | None:
        """Records in the trail of a run who dismissed it and why, and removes it from the list."""
        try:
            run = await self._runs.load(case.id)
        except UnreadableRowError as error:
            await self._runs.store.note(error)
            run = None
        if run is not None:
            if self._runs.status(run) is not RunStatus.FAILED:
                return not_failed(self._runs.status(run))
            await self._runs.store.commit([], [_dismissed(case.id, author, dismissal)])
        await self._runs.index.dismiss(case.thing)
        return None

    def _case(self, entry: Entry) -> Case:
        known = CATALOGUE.get(entry.cause)
        return Case(
            code=self.codes[0],
            id=entry.run,
            cause=entry.cause,
            detail=Said(code=f"{known.code}/title", text=known.title) if known else NOTHING,
            tenant=entry.lists.get(TENANT, ""),
            since=entry.since or entry.announced_at,
            path=f"{self._path}/{entry.run}" if self._path else "",
            thing=entry,
        )


class FailedDeliveries(FailedRuns):
    """The notices that a channel does not accept. Only their requests show to which tenants they belong."""

    def __init__(self, runs: Runtime) -> None:
        super().__init__(CaseCode.DELIVERY_FAILING, runs)

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Case], str]:
        """Some of them, the newest first."""
        entries, continuation = await self._runs.index.marked(size=size, continuation=continuation)
        tenants = await failing_deliveries.tenants(self._runs, entries)
        found = [replace(self._case(entry), tenant=tenants.get(entry.run, "")) for entry in entries]
        return found, continuation


class WaitingRuns:
    """The steps of runs that wait for somebody to act, or that have repeated an error for long."""

    codes = (CaseCode.RUN_WAITS_FOR_OPERATOR, CaseCode.RUN_WAITS_FOR_CUSTOMER, CaseCode.RUN_RETRYING)

    def __init__(self, runs: Runtime, path: str) -> None:
        self._runs = runs
        self._path = path

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Case], str]:
        """Some of them."""
        steps, continuation = await self._runs.index.blocked.page(size=size, continuation=continuation)
        return [self._case(step) for step in steps if step.dismissed is None], continuation

    async def find(self, identifier: str) -> Case | None:
        """The first step of a run that waits."""
        steps = await self._runs.index.blocked.of_run(identifier)
        return next(map(self._case, steps), None)

    async def retry(self, case: Case, author: Author) -> Kept | None:
        """Lets a run continue at once."""
        try:
            await interventions.retry(self._runs, case.id, author, at_once=True)
        except interventions.NotPossibleError:
            return None  # it has continued by itself
        except UnreadableRowError as error:
            await self._runs.store.note(error)
            return UNREADABLE
        return None

    async def dismiss(self, case: Case, author: Author, dismissal: Dismissal) -> Kept | None:
        """Hides the step until it has another error."""
        await self._runs.index.blocked.dismiss(case.thing, dismissal)
        await self._runs.store.commit([], [_dismissed(case.id, author, dismissal)])
        return None

    def _case(self, step: BlockedStep) -> Case:
        return Case(
            code=code_of(step),
            id=step.run,
            cause=step.code,
            detail=Explained.model_validate(step).said("detail"),
            tenant=step.lists.get(TENANT, ""),
            since=step.since,
            path=f"{self._path}/{step.run}",
            thing=step,
        )


def code_of(step: BlockedStep) -> CaseCode:
    """The entry of the overview that a waiting step belongs to."""
    if step.actor is Actor.OPERATOR:
        return CaseCode.RUN_WAITS_FOR_OPERATOR
    return CaseCode.RUN_WAITS_FOR_CUSTOMER if step.actor.is_awaited else CaseCode.RUN_RETRYING


def _dismissed(run: str, author: Author, dismissal: Dismissal) -> Event:
    return Event.by(author, run=run, at=dismissal.at, kind="dismissed", detail=dismissal.reason)
