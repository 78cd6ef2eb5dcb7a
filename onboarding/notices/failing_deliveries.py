"""What operators have to see of notices: those that a channel does not take, or did not take in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from onboarding.notices.delivery_plans import PLANS
from onboarding.workflow.run import Head, Run, RunStatus
from onboarding.workflow.run_index import Index
from onboarding.workflow.run_store import RunStore


class DeliveryState(StrEnum):
    """What happens to a notice that was not taken."""

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
    error: Mapping[str, Any]  # code, title, detail, remedy?


@dataclass(frozen=True, kw_only=True, slots=True)
class FailingDeliveries:
    """The deliveries in trouble. Reading some costs the same however many notices there are."""

    index: Index
    store: RunStore

    async def note(self, head: Head) -> None:
        """Remembers that a channel did not take something; safe to repeat."""
        await self.index.mark(head)

    async def forget(self, head: Head) -> None:
        """It did take it after all."""
        await self.index.unmark(head)

    async def page(self, *, size: int, continuation: str = "") -> tuple[list[FailingDelivery], str]:
        """Some of them, the newest notice first, and the continuation (empty at the end)."""
        entries, following = await self.index.marked(size=size, continuation=continuation)
        runs = await asyncio.gather(*(self.store.load(entry.run) for entry in entries))
        return [trouble for run in runs if run is not None for trouble in _of(run)], following


def _of(run: Run) -> Iterator[FailingDelivery]:
    """The trouble of a run, unless it is over: a crash may have left the mark."""
    step = next((step for step in run.steps.values() if step.error), None)
    if "channel" not in run.head.request or step is None or step.error is None:
        return
    status = run.status(PLANS[run.head.plan])
    if status is RunStatus.SUCCEEDED:
        return
    notice = run.head.request.get("notice", {"kind": "Digest", "connection": ""})
    yield FailingDelivery(
        delivery=run.head.id,
        channel=run.head.request["channel"],
        kind=notice["kind"],
        connection=notice["connection"],
        tenant=run.head.tenant,
        state=DeliveryState.FAILED if status is RunStatus.FAILED else DeliveryState.RETRYING,
        announced_at=run.head.created_at,
        attempts=step.attempt,
        next_attempt_at=step.due_at,
        error=step.error,
    )
