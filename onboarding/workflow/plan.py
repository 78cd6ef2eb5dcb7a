"""A plan: the steps of a run, their handlers, and the steps that each waits for. It is checked when created.

A plan knows the type of its runs' request, and a step the type of its result, so a type checker finds a
misspelled field in either.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any, Generic, TypeVar

from onboarding.errors import steps
from onboarding.storage.codec import Codec, UnreadableError
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.texts import reasons
from onboarding.workflow.outcomes import Outcome
from onboarding.workflow.run import STOPPING, Author, Head, Run, RunStatus, StepState, StepStatus

Services = TypeVar("Services")
Request = TypeVar("Request")
Result = TypeVar("Result")


async def _held() -> Run | None:
    """Used if the step is not recorded, so that nobody else has a claim on it."""
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Context(Generic[Services, Request]):
    """One attempt of one step, whatever its plan."""

    services: Services
    request: Request
    run: Run
    step: StepState
    lost: Callable[[], Awaitable[Run | None]] = _held
    """Returns the current run if the worker has lost its claim on the step; None while it has the claim."""

    async def need_claim(self) -> None:
        """Raises ``TransientError``, which nobody records, if the worker has lost its claim on the step."""
        if await self.lost() is not None:
            raise steps.CLAIM_LOST.error()

    @property
    def id(self) -> str:
        """The ID of the run."""
        return self.run.head.id

    @property
    def accepted_at(self) -> datetime:
        """When the run was requested."""
        return self.run.head.created_at

    def result(self, step: Step[Any, Any, Result]) -> Result:
        """The result of an earlier step. Raises ``LookupError`` if that step is not done."""
        return step.result_of(self.run)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step(Generic[Services, Request, Result]):
    """One step of a plan."""

    name: str  # stable: part of the API and of storage keys
    title: str  # what it does, for a person
    handler: Callable[[Context[Services, Request]], Awaitable[Outcome[Result]]]
    """Runs the step. It is safe to run twice, and raises ``OnboardingError`` for errors that it expects."""
    result: Codec[Result] | None = None  # None: the step has no result
    after: tuple[str, ...] = ()  # the steps whose results it needs
    notes: Callable[[Request, StepState], Iterable[str]] | None = None
    """What the next attempt can create. It is stored with the claim, before the attempt begins."""
    undo: Callable[[Context[Services, Request], Outcome[Result]], Awaitable[None]] | None = None
    """Undoes an attempt whose worker has lost its claim: removes what it created and nobody uses.

    ``context.run`` is the current run, and the outcome is that of the attempt. It is safe to repeat."""
    keeps_memo: bool = False  # even when people retry the run, because it is about what the service has done

    def dump(self, result: Result) -> str:
        """A result as it is stored with the step."""
        if self.result is None and result is not None:
            raise TypeError(f"step {self.name} declares no result")
        return self.result.dump(result) if self.result else ""

    def is_done(self, run: Run) -> bool:
        """Whether a run has this step, and has done it."""
        return self.name in run.steps and run.steps[self.name].status is StepStatus.SUCCEEDED

    def result_of(self, run: Run) -> Result:
        """The result of this step in a run. Raises ``LookupError`` when the step is not done."""
        if not self.is_done(run) or self.result is None:
            raise LookupError(f"step {self.name} of run {run.head.id} has no result")
        step = run.steps[self.name]
        try:
            return self.result.load(step.result)
        except UnreadableError as error:
            raise UnreadableRowError(
                step.to_row(), reasons.ROW_COLUMN.of(column="result", fault=error.said)
            ) from error

    def found_in(self, run: Run | None) -> Result | None:
        """The result of this step in a run; None when the step is not done, or there is no such run."""
        return self.result_of(run) if run and self.is_done(run) else None


class Plan(Generic[Services, Request]):
    """The steps of one kind of run, in an order that respects their dependencies."""

    def __init__(
        self,
        name: str,
        request: Codec[Request],
        *steps: Step[Services, Request, Any],
        persistent: bool = False,
    ) -> None:
        """With ``persistent``, permanent errors are retried too, because people can correct their cause.

        Raises ``ValueError`` for an unknown or repeated step, ``graphlib.CycleError`` for a circle.
        """
        self.name = name
        self.persistent = persistent
        self._request = request
        known = {step.name: step for step in steps}
        if len(known) != len(steps):
            raise ValueError(f"plan {name}: a step is named twice")
        for step in steps:
            if unknown := set(step.after) - set(known):
                raise ValueError(f"plan {name}: step {step.name} waits for unknown {sorted(unknown)}")
        order = TopologicalSorter({step.name: step.after for step in steps}).static_order()
        self.steps: Mapping[str, Step[Services, Request, Any]] = {name: known[name] for name in order}
        self.first = next(iter(self.steps))

    def head(
        self, identifier: str, request: Request, *, author: Author, created_at: datetime, **more: Any
    ) -> Head:
        """The head of a new run; ``more`` are other fields of ``Head``."""
        return Head(
            id=identifier,
            plan=self.name,
            request=self._request.dump(request),
            actor=author.name,
            actor_id=author.id,
            on_behalf_of=author.on_behalf_of,
            created_at=created_at,
            **more,
        )

    def request_of(self, head: Head) -> Request:
        """The request of a run of this plan. Raises ``UnreadableRowError``."""
        try:
            return self._request.load(head.request)
        except UnreadableError as error:
            raise UnreadableRowError(
                head.to_row(), reasons.ROW_COLUMN.of(column="request", fault=error.said)
            ) from error

    def new(self, head: Head) -> Run:
        """A run that has not started."""
        return Run(head=head, steps={name: StepState(run=head.id, name=name) for name in self.steps})

    def successors(self, name: str) -> tuple[str, ...]:
        """The steps that wait for this one directly."""
        return tuple(step.name for step in self.steps.values() if name in step.after)

    def complete(self, run: Run) -> Run:
        """The run with any missing steps added: a row was removed, or another release began the run."""
        if run.steps and all(step.status is StepStatus.SUCCEEDED for step in run.steps.values()):
            return run  # it has completed everything with which it began
        return replace(run, steps={**self.new(run.head).steps, **run.steps})

    def notes_of(self, head: Head, step: StepState) -> tuple[str, ...]:
        """What the attempt of a step can create and no earlier attempt has noted."""
        notes = self.steps[step.name].notes
        if notes is None:
            return ()
        try:
            found = notes(self.request_of(head), step)
        except UnreadableRowError:
            return ()  # the attempt ends with this error
        return tuple(note for note in found if note not in step.noted)

    def ready(self, run: Run, name: str) -> bool:
        """Whether a step has not started and all steps that it waits for are done."""
        return run.steps[name].status is StepStatus.PENDING and all(
            run.steps[other].status is StepStatus.SUCCEEDED for other in self.steps[name].after
        )

    def status(self, run: Run) -> RunStatus:
        """The status of a run, which follows from its steps and from whether it was stopped."""
        if run.head.stop_as:
            return run.head.stop_as if run.head.undone else STOPPING.get(run.head.stop_as, RunStatus.RUNNING)
        statuses = {step.status for step in run.steps.values()}
        if statuses == {StepStatus.SUCCEEDED}:
            return RunStatus.SUCCEEDED
        if StepStatus.RUNNING in statuses:
            return RunStatus.RUNNING
        if StepStatus.FAILED in statuses:
            return RunStatus.FAILED
        if not any(step.attempt for step in run.steps.values()):
            return RunStatus.NOT_STARTED
        begins = any(self.ready(run, name) for name in self.steps)
        return RunStatus.RUNNING if begins else RunStatus.WAITING
