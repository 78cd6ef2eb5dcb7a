"""Runs in trouble: those that have failed, and those that wait for somebody to act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onboarding.api.troubles import UNREADABLE, Kept, Trouble, TroubleCode, not_failed
from onboarding.errors import Actor
from onboarding.errors.catalogue import CATALOGUE
from onboarding.lifecycle.requests import TENANT
from onboarding.notices import failing_deliveries
from onboarding.storage.unreadable_rows import Dismissal, UnreadableRowError
from onboarding.workflow import interventions
from onboarding.workflow.blocked_steps import BlockedStep
from onboarding.workflow.index_entry import Entry
from onboarding.workflow.run import Author, Event, RunStatus
from onboarding.workflow.runtime import Runtime


class FailedRuns:
    """The failed runs of one kind that nobody has resumed, undone or dismissed."""

    def __init__(self, code: TroubleCode, runs: Runtime, path: str = "") -> None:
        """``path`` is that of the list of the runs, below /api."""
        self.codes = (code,)
        self._runs = runs
        self._path = path

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Trouble], str]:
        """Some of them, the newest first."""
        entries, continuation = await self._runs.index.marked(size=size, continuation=continuation)
        return [self._trouble(entry) for entry in entries], continuation

    async def find(self, identifier: str) -> Trouble | None:
        """A run. Its status shows later whether it is in trouble."""
        run = await self._runs.load(identifier)
        return self._trouble(Entry.of(run.head, "")) if run else None

    async def retry(self, trouble: Trouble, author: Author) -> Kept | None:
        """Resumes a run."""
        try:
            run = await interventions.resume(self._runs, trouble.id, author)
        except interventions.NotPossibleError as error:
            return not_failed(error.status)
        except UnreadableRowError as error:
            await self._runs.store.note(error)
            return UNREADABLE
        if run is None:
            await self._runs.index.dismiss(trouble.thing)
        return None

    async def dismiss(self, trouble: Trouble, author: Author, dismissal: Dismissal) -> Kept | None:
        """Records in the trail of a run who dismissed it and why, and removes it from the list."""
        try:
            run = await self._runs.load(trouble.id)
        except UnreadableRowError as error:
            await self._runs.store.note(error)
            run = None
        if run is not None:
            if self._runs.status(run) is not RunStatus.FAILED:
                return not_failed(self._runs.status(run))
            await self._runs.store.commit([], [_dismissed(trouble.id, author, dismissal)])
        await self._runs.index.dismiss(trouble.thing)
        return None

    def _trouble(self, entry: Entry) -> Trouble:
        known = CATALOGUE.get(entry.cause)
        return Trouble(
            code=self.codes[0],
            id=entry.run,
            cause=entry.cause,
            detail=known.title if known else "",
            tenant=entry.lists.get(TENANT, ""),
            since=entry.since or entry.announced_at,
            path=f"{self._path}/{entry.run}" if self._path else "",
            thing=entry,
        )


class FailedDeliveries(FailedRuns):
    """The notices that a channel does not accept. Only their requests show to which tenants they belong."""

    def __init__(self, runs: Runtime) -> None:
        super().__init__(TroubleCode.CHANNEL_TROUBLE, runs)

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Trouble], str]:
        """Some of them, the newest first."""
        entries, continuation = await self._runs.index.marked(size=size, continuation=continuation)
        tenants = await failing_deliveries.tenants(self._runs, entries)
        found = [replace(self._trouble(entry), tenant=tenants.get(entry.run, "")) for entry in entries]
        return found, continuation


class WaitingRuns:
    """The steps of runs that wait for somebody to act, or that have repeated an error for long."""

    codes = (TroubleCode.OWN_TROUBLE, TroubleCode.WAITS, TroubleCode.STALLED)

    def __init__(self, runs: Runtime, path: str) -> None:
        self._runs = runs
        self._path = path

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Trouble], str]:
        """Some of them."""
        steps, continuation = await self._runs.index.blocked.page(size=size, continuation=continuation)
        return [self._trouble(step) for step in steps if step.dismissed is None], continuation

    async def find(self, identifier: str) -> Trouble | None:
        """The first step of a run that waits."""
        steps = await self._runs.index.blocked.of_run(identifier)
        return next(map(self._trouble, steps), None)

    async def retry(self, trouble: Trouble, author: Author) -> Kept | None:
        """Lets a run continue at once."""
        try:
            await interventions.resume(self._runs, trouble.id, author, retrying=True)
        except interventions.NotPossibleError:
            return None  # it has continued by itself
        except UnreadableRowError as error:
            await self._runs.store.note(error)
            return UNREADABLE
        return None

    async def dismiss(self, trouble: Trouble, author: Author, dismissal: Dismissal) -> Kept | None:
        """Hides the step until it has another error."""
        await self._runs.index.blocked.dismiss(trouble.thing, dismissal)
        await self._runs.store.commit([], [_dismissed(trouble.id, author, dismissal)])
        return None

    def _trouble(self, step: BlockedStep) -> Trouble:
        return Trouble(
            code=code_of(step),
            id=step.run,
            cause=step.code,
            detail=step.detail,
            tenant=step.lists.get(TENANT, ""),
            since=step.since,
            path=f"{self._path}/{step.run}",
            thing=step,
        )


def code_of(step: BlockedStep) -> TroubleCode:
    """The entry of the overview that a waiting step belongs to."""
    if step.actor is Actor.OPERATOR:
        return TroubleCode.OWN_TROUBLE
    return TroubleCode.WAITS if step.actor.is_awaited else TroubleCode.STALLED


def _dismissed(run: str, author: Author, dismissal: Dismissal) -> Event:
    return Event.by(author, run=run, at=dismissal.at, kind="dismissed", detail=dismissal.reason)
