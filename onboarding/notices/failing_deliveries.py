"""What operators have to see of notices: those that a channel does not take, or did not take in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from onboarding.errors import OnboardingError
from onboarding.notices.notice import DeliveryRequest, DigestRequest
from onboarding.workflow.outcomes import Failure, Outcome
from onboarding.workflow.plan import Context
from onboarding.workflow.run import Head, Run, RunStatus
from onboarding.workflow.runtime import Runtime


class DeliveryState(StrEnum):
    """What happens to a delivery that failed."""

    RETRYING = "Retrying"  # it is tried again
    FAILED = "Failed"  # it was given up


@dataclass(frozen=True, kw_only=True, slots=True)
class FailingDelivery:
    """A notice that did not get through."""

    delivery: str
    channel: str
    kind: str  # of the notice, or Digest
    connection: str  # its id; a digest is about several
    tenant: str
    state: DeliveryState
    announced_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    error: Failure


@dataclass(frozen=True, kw_only=True, slots=True)
class FailingDeliveries:
    """The deliveries in trouble. Reading some costs the same however many notices there are."""

    runs: Runtime

    async def note(self, head: Head) -> None:
        """Remembers that a channel did not take something; safe to repeat."""
        await self.runs.index.mark(head)

    async def forget(self, head: Head) -> None:
        """It did take it after all."""
        await self.runs.index.unmark(head)

    async def page(self, *, size: int, continuation: str = "") -> tuple[list[FailingDelivery], str]:
        """Some of them, the newest notice first, and the continuation (empty at the end)."""
        entries, following = await self.runs.index.marked(size=size, continuation=continuation)
        runs = await asyncio.gather(*(self.runs.store.load(entry.run) for entry in entries))
        return [trouble for run in runs if run is not None for trouble in self._of(run)], following

    def _of(self, run: Run) -> Iterator[FailingDelivery]:
        """The trouble of a run, unless it is over: a crash may have left the mark."""
        step = next((step for step in run.steps.values() if step.error), None)
        request, status = self.runs.plan(run.head).request_of(run.head), self.runs.status(run)
        if step is None or step.error is None or status is RunStatus.SUCCEEDED:
            return
        match request:
            case DeliveryRequest(notice=notice):
                kind, connection = str(notice.kind), notice.connection
            case DigestRequest():
                kind, connection = "Digest", ""
            case _:  # not a delivery
                return
        yield FailingDelivery(
            delivery=run.head.id,
            channel=request.channel,
            kind=kind,
            connection=connection,
            tenant=connection.partition(".")[0],
            state=DeliveryState.FAILED if status is RunStatus.FAILED else DeliveryState.RETRYING,
            announced_at=run.head.created_at,
            attempts=step.attempt,
            next_attempt_at=step.due_at,
            error=step.error,
        )


class Delivering(Protocol):
    """What steps share that deliver something."""

    @property
    def failing(self) -> FailingDeliveries:
        """Where operators see that a delivery fails."""
        ...


Services = TypeVar("Services", bound=Delivering)
Request = TypeVar("Request")
Result = TypeVar("Result")


def noted(
    handler: Callable[[Context[Services, Request]], Awaitable[Outcome[Result]]],
) -> Callable[[Context[Services, Request]], Awaitable[Outcome[Result]]]:
    """The handler of a step; operators see its delivery as long as it fails."""

    async def run(context: Context[Services, Request]) -> Outcome[Result]:
        failing, head = context.services.failing, context.run.head
        try:
            outcome = await handler(context)
        except OnboardingError:
            await failing.note(head)
            raise
        if context.step.error:
            await failing.forget(head)
        return outcome

    return run
