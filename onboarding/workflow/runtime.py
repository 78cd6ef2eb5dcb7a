"""The runs of one queue: how they are accepted, stored and found, and what the engine needs for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from azure.core.exceptions import AzureError

from onboarding.clock import Clock
from onboarding.errors import OnboardingError
from onboarding.storage.queues import Queues
from onboarding.storage.tables import Row
from onboarding.storage.unreadable_rows import Readable, UnreadableRow, UnreadableRowError, describe
from onboarding.texts import reasons
from onboarding.workflow import decisions, retry
from onboarding.workflow.index_entry import UNKNOWN, Cause, Entry
from onboarding.workflow.outcomes import Outcome
from onboarding.workflow.plan import Plan
from onboarding.workflow.run import SERVICE, Event, Head, Run, RunStatus, StepState, StepStatus
from onboarding.workflow.run_index import RunIndex
from onboarding.workflow.run_store import RunStore
from onboarding.workflow.step_message import MESSAGES, StepMessage

Shown = TypeVar("Shown")


class TooManyOpenError(Exception):
    """The owner of a run has reached the limit of open runs."""


class Watch(Protocol):
    """Who is told what becomes of runs. Each call can come again with the same facts."""

    async def ended(self, run: Run, status: RunStatus) -> None:
        """A run has ended. Raises what storage raises; the run is settled again then."""
        ...

    async def waits(self, run: Run, step: StepState) -> None:
        """A step begins to wait, or waits for something else. Raises what storage raises."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Time limits."""

    step: timedelta = timedelta(minutes=2)  # for one attempt of a step; then it is retried
    invocation: timedelta = timedelta(minutes=1)  # then steps that become ready get separate messages
    share: int = 6  # runs of one owner that a process works on at the same time; twice as many of a tenant
    open_runs: int = 0  # of one owner, at the same time; 0: any number
    stalled: timedelta = timedelta(minutes=15)  # without progress: the sweep continues the run
    beat: timedelta = timedelta(seconds=20)  # between two renewals of the claim on a step
    lease: timedelta = timedelta(seconds=90)  # without a renewal: the worker of a step is dead
    swept: int = 250  # runs that one sweep checks; the next one continues after them
    sweep: timedelta = timedelta(seconds=45)  # for one sweep of one queue


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """The runs of one queue, and what the engine needs for them."""

    store: RunStore
    index: RunIndex
    queues: Queues
    queue: str
    plans: Mapping[str, Plan[Any, Any]]
    services: Callable[[Plan[Any, Any]], Any]  # what a plan's steps share; called when the first step runs
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    policies: retry.Policies = field(default_factory=lambda: retry.CLOUD)
    watch: Watch | None = None
    rebuild: Callable[[str], Awaitable[Head | None]] | None = None
    """Returns the head of a run, made of its other rows; None if they do not contain it."""

    def plan(self, head: Head) -> Plan[Any, Any]:
        """The plan of a run. Raises ``UnreadableRowError`` if this release does not know it."""
        if head.plan not in self.plans:
            raise UnreadableRowError(head.to_row(), reasons.ROW_NO_PLAN.of(plan=head.plan))
        return self.plans[head.plan]

    async def load(self, run_id: str) -> Run | None:
        """A run with all steps of its plan, or None. Raises ``UnreadableRowError``."""
        run = await (self._rebuilt(run_id) if self.rebuild else self.store.load(run_id))
        return self.plan(run.head).complete(run) if run else None

    async def _rebuilt(self, run_id: str) -> Run | None:
        """A run whose head is written again if it is missing or cannot be read."""
        run, damaged = None, None
        try:
            run = await self.store.load(run_id)
            if run and self.plan(run.head).request_of(run.head):
                return run
        except UnreadableRowError as error:
            damaged = error
        head = await self.rebuild(run_id) if self.rebuild else None
        if head:
            await self.store.rewrite(head)
            return await self.store.load(run_id)
        if damaged and run is None:
            raise damaged
        return run

    async def load_all(
        self, entries: Iterable[Entry], show: Callable[[Run], Awaitable[Shown]]
    ) -> Readable[Shown]:
        """The results of ``show`` for those runs that exist. Each unreadable run is kept in the index."""
        found = await asyncio.gather(*(self._load(entry, show) for entry in entries))
        return Readable(
            (shown for shown in found if shown is not None and not isinstance(shown, UnreadableRow)),
            (shown for shown in found if isinstance(shown, UnreadableRow)),
        )

    async def _load(
        self, entry: Entry, show: Callable[[Run], Awaitable[Shown]]
    ) -> Shown | UnreadableRow | None:
        try:
            run = await self.load(entry.run)
        except UnreadableRowError as error:
            return await self.store.note(error)
        if run is None:
            return None
        try:
            return await show(run)
        except UnreadableRowError as error:
            return await self.store.note(error)
        except (AzureError, OnboardingError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one run is no reason to stop
            return await self.store.note(UnreadableRowError(run.head.to_row(), describe(error)))

    def status(self, run: Run) -> RunStatus:
        """The status of a run."""
        return self.plan(run.head).status(run)

    async def start(self, head: Head) -> Run | None:
        """Accepts a run: announces it, writes it, sends its first message. Four storage calls.

        If a run with this ID exists, it returns that run unchanged. Raises ``TooManyOpenError``.
        """
        plan = self.plan(head)
        await self.index.announce(head)
        if await self.is_full(head.lists, head) and await self.load(head.id) is None:
            await self.index.retract(head)
            raise TooManyOpenError
        accepted = Event.by(head.author, run=head.id, at=head.created_at, kind="accepted")
        existing = None
        if not await self.store.create(plan.new(head), accepted):
            existing = await self.load(head.id)
            if existing is None or not self.index.same_entry(existing.head, head):
                await self.index.retract(head)
        if existing is None or plan.status(existing) is RunStatus.NOT_STARTED:
            # Also for an existing run: its writer may have crashed before the message was sent.
            first = StepMessage(run=head.id, step=plan.first, attempt=1, traceparent=head.traceparent)
            await self.send(first)
        return existing

    async def is_full(self, lists: Mapping[str, str], head: Head | None = None) -> bool:
        """Whether an owner has reached the limit of open runs (those older than an announced one)."""
        most = self.limits.open_runs
        return bool(most) and await self.index.count_open(lists, most=most, before=head) >= most

    async def send(self, message: StepMessage, delay: timedelta = timedelta(0)) -> None:
        """Puts a step's message on the queue."""
        await self.queues.put(self.queue, MESSAGES.dump(message).encode(), delay=delay)

    def event(self, step: StepState, kind: str, **more: Any) -> Event:
        """An audit event of a step, now."""
        fields = {"run": step.run, "step": step.name, "attempt": step.attempt, "at": self.clock.now(), **more}
        return Event.by(SERVICE, kind=kind, **fields)

    async def settle(self, run: Run, *, again: bool = False) -> None:
        """Closes the index of a run that has finished.

        Others can change the run before the index is written, or settle it at the same time. So it checks
        again after it has written, until the index shows the state of the run. Only then the run leaves the
        open
        ones: a worker that dies earlier leaves the rest to the sweep.

        Args:
            run: The run.
            again: Whether it was retried or stopped. Its index is then opened, and shows no earlier status.
        """
        if not (again or self.status(run).final):
            return
        while True:
            status, held = self.status(run), list[Row]()
            if not status.final:
                await self.index.reopen(run.head)
            else:
                for step in (step for step in run.steps.values() if step.attempt > 1):
                    await self.index.blocked.leave(step)  # a crash can have left it
                held = await self.index.close(run.head, status, cause=_cause(run), again=again)
            fresh = await self.load(run.head.id)
            if fresh is None or self._final(fresh) is self._final(run):
                if self.watch and status.final:  # a crash before the end brings the run here again
                    await self.watch.ended(run, status)
                await self.index.end(held)
                return
            run, again = fresh, True

    async def tell_wait(self, run: Run, before: StepState, step: StepState, outcome: Outcome[Any]) -> None:
        """Tells that a step begins to wait, before that is written: a crash in between repeats both."""
        waits = step.status is StepStatus.WAITING and decisions.is_news(before, step, outcome, ())
        if self.watch and waits:
            await self.watch.waits(run, step)

    def _final(self, run: Run) -> RunStatus | None:
        """The final status of a run; None if it continues."""
        status = self.status(run)
        return status if status.final else None

    def overdue(self, run: Run, step: StepState) -> bool:
        """Whether a step should have started or continued long ago; see ``claims`` for a running step.

        This includes a step of the future, which a clock that was ahead has left.
        """
        now, limit = self.clock.now(), self.limits.stalled
        match step.status:
            case StepStatus.PENDING:
                last = max((other.changed_at or run.head.created_at) for other in run.steps.values())
                return self.plan(run.head).ready(run, step.name) and abs(now - last) > limit
            case StepStatus.WAITING:
                ahead = step.changed_at is not None and step.changed_at > now + limit
                return step.due_at is not None and (ahead or step.due_at < now - limit)
            case _:
                return False


def _cause(run: Run) -> Cause:
    """Why a run has failed, and when."""
    for step in run.steps.values():
        if step.status is StepStatus.FAILED and step.error:
            return Cause(code=step.error.code, since=step.changed_at)
    return UNKNOWN
