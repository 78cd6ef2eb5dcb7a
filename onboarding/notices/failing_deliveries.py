"""The deliveries that fail, for operators: those that are retried, and those that were given up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from onboarding.notices import digests, notice
from onboarding.notices.delivery_plans import DIGEST, PLANS
from onboarding.workflow.run import Head, Run, RunStatus
from onboarding.workflow.run_index import Index
from onboarding.workflow.run_store import RunStore


class DeliveryState(StrEnum):
    """What happens to a delivery that failed."""

    RETRYING = "Retrying"
    FAILED = "Failed"  # given up


@dataclass(frozen=True, kw_only=True, slots=True)
class FailingDelivery:
    """A delivery that fails or failed."""

    delivery: str
    channel: str
    kind: str  # of the notice, or Digest
    connection: str  # its ID; empty for a digest
    tenant: str
    state: DeliveryState
    announced_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    error: Mapping[str, Any]  # code, title, detail, remedy?


class FailingDeliveries:
    """The failing deliveries. The cost of a page does not depend on the number of notices."""

    def __init__(self, *, index: Index, store: RunStore) -> None:
        self._index = index
        self._store = store

    async def note(self, head: Head) -> None:
        """Records that a delivery failed; safe to repeat."""
        await self._index.mark(head)

    async def forget(self, head: Head) -> None:
        """Records that the delivery succeeded after all."""
        await self._index.unmark(head)

    async def page(self, *, size: int, continuation: str = "") -> tuple[list[FailingDelivery], str]:
        """Some of them, the newest first, and the continuation (empty at the end)."""
        entries, following = await self._index.marked(size=size, continuation=continuation)
        runs = await asyncio.gather(*(self._store.load(entry.run) for entry in entries))
        return [failing for run in runs if run for failing in _of(run)], following


def _of(run: Run) -> Iterator[FailingDelivery]:
    """The failing delivery of a run; none if it has succeeded since, and a crash left the mark."""
    step = next((step for step in run.steps.values() if step.error), None)
    status = run.status(PLANS[run.head.plan])
    if step is None or step.error is None or status is RunStatus.SUCCEEDED:
        return
    if run.head.plan == DIGEST.name:
        channel, kind, connection = digests.REQUEST.read(run.head.request).channel, "Digest", ""
    else:
        request = notice.REQUEST.read(run.head.request)
        channel, kind, connection = request.channel, str(request.notice.kind), request.notice.connection
    yield FailingDelivery(
        delivery=run.head.id,
        channel=channel,
        kind=kind,
        connection=connection,
        tenant=run.head.tenant,
        state=DeliveryState.FAILED if status is RunStatus.FAILED else DeliveryState.RETRYING,
        announced_at=run.head.created_at,
        attempts=step.attempt,
        next_attempt_at=step.due_at,
        error=step.error,
    )
