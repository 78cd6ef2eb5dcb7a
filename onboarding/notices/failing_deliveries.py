"""The deliveries that operators must know about: those that a channel does not accept, or never accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from onboarding.errors import OnboardingError
from onboarding.notices import delivery_log
from onboarding.notices.delivery_context import DeliveryServices
from onboarding.notices.notice import DIGEST, DeliveryRequest, DigestRequest
from onboarding.workflow.index_entry import Cause, Entry
from onboarding.workflow.outcomes import Failure, Outcome
from onboarding.workflow.plan import Context
from onboarding.workflow.run import Run, RunStatus
from onboarding.workflow.runtime import Runtime


class DeliveryState(StrEnum):
    """What happens to a delivery that failed."""

    RETRYING = "Retrying"
    FAILED = "Failed"  # the service no longer retries it


@dataclass(frozen=True, kw_only=True, slots=True)
class FailingDelivery:
    """A notice or a digest that was not delivered."""

    delivery: str
    channel: str
    kind: str  # of the notice, or Digest
    connection: str  # its ID; empty for a digest, which can be about several
    tenant: str
    state: DeliveryState
    announced_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    error: Failure


Request = TypeVar("Request")
Result = TypeVar("Result")


def noted(
    handler: Callable[[Context[DeliveryServices, Request]], Awaitable[Outcome[Result]]],
) -> Callable[[Context[DeliveryServices, Request]], Awaitable[Outcome[Result]]]:
    """The handler of a step; operators see its delivery as long as it fails."""

    async def run(context: Context[DeliveryServices, Request]) -> Outcome[Result]:
        index, head = context.services.runs.index, context.run.head
        if context.step.error is None:  # no attempt has ended: also if a host died before it was logged
            target = getattr(context.request, "channel", "")
            await delivery_log.enter(
                context.services.tables, head, context.services.routing.address(target)[0]
            )
        try:
            outcome = await handler(context)
        except OnboardingError as error:
            since = context.step.since or context.services.clock.now()
            await index.mark(head, Cause(code=error.code, since=since))
            raise
        if context.step.error:
            await index.unmark(head)
        return outcome

    return run


async def page(runs: Runtime, *, size: int, continuation: str = "") -> tuple[list[FailingDelivery], str]:
    """Some failing deliveries, the newest first, and the continuation (empty at the end).

    A page costs the same however many notices there are.
    """
    entries, following = await runs.index.marked(size=size, continuation=continuation)

    async def failing(run: Run) -> list[FailingDelivery]:
        return list(_failing(runs, run))

    found = await runs.load_all(entries, failing)
    return [delivery for some in found for delivery in some], following


async def tenants(runs: Runtime, entries: Iterable[Entry]) -> Mapping[str, str]:
    """The tenants of those runs that are deliveries of a notice about a connection."""

    async def tenant(run: Run) -> tuple[str, str]:
        request = runs.plan(run.head).request_of(run.head)
        about = request.notice.connection if isinstance(request, DeliveryRequest) else ""
        return run.head.id, about.partition(".")[0]

    return dict(await runs.load_all(entries, tenant))


def _failing(runs: Runtime, run: Run) -> Iterator[FailingDelivery]:
    """The delivery of a run, unless it has succeeded: after a crash, its mark can remain."""
    step = next((step for step in run.steps.values() if step.error), None)
    request, status = runs.plan(run.head).request_of(run.head), runs.status(run)
    if step is None or step.error is None or status is RunStatus.SUCCEEDED:
        return
    match request:
        case DeliveryRequest(notice=notice):
            kind, connection = str(notice.kind), notice.connection
        case DigestRequest():
            kind, connection = DIGEST, ""
        case _:  # an inspection
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
