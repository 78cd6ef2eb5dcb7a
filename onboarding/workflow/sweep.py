"""The sweep: continues runs that have made no progress (a crash between a row and its message).

One sweep checks a limited number of runs, for a limited time, and the next one continues after them. So its
cost does not depend on the number of open runs, and each of them has its turn: new runs are before the place
where it continues, and a run that cannot be checked is skipped.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.workflow import claims
from onboarding.workflow.index_entry import Entry
from onboarding.workflow.run import StepState, StepStatus
from onboarding.workflow.run_index import NEW
from onboarding.workflow.runtime import Runtime
from onboarding.workflow.step_message import StepMessage
from onboarding.workflow.sweep_place import START, Place

log = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Sweep:
    """One sweep of the runs of a queue."""

    runtime: Runtime
    driven: int = 0
    """How many runs it has continued."""

    async def run(self) -> None:
        """Checks the next runs. Raises the first error of a run, after it has checked the others."""
        runtime, limits = self.runtime, self.runtime.limits
        begun = place = await runtime.index.sweep_place.get()
        checked, ends_at = 0, time.monotonic() + limits.sweep.total_seconds()
        failures: list[Exception] = []
        async for entry in runtime.index.unfinished(begun):
            if checked == limits.swept or time.monotonic() > ends_at:
                break
            place, checked = Place(partition=entry.partition, key=entry.key), checked + 1
            try:
                self.driven += await self._check(entry)
            except UnreadableRowError as error:
                await runtime.store.note(error)
            except Exception as error:
                log.exception("a run could not be swept", extra={"run": entry.run})
                failures.append(error)
            await asyncio.sleep(0)
        else:
            place = START
        if place != begun:
            await runtime.index.sweep_place.put(place)
        if failures:
            raise failures[0]

    async def _check(self, entry: Entry) -> bool:
        """Whether a run of the index needed a message. An entry that is out of date is removed."""
        runtime = self.runtime
        run = await runtime.load(entry.run)
        if run is None or not entry.points_to(run.head):
            # Announced, but never written (or written by an earlier request with the same key).
            if entry.announced_at < runtime.clock.now() - runtime.limits.stalled:
                await runtime.index.forget(entry)
            return False
        if run.is_damaged:
            return False
        if runtime.status(run).final:
            await runtime.settle(run, again=True)
            if entry.partition == NEW:  # the announcement of a repeated request
                await runtime.index.forget(entry)
            return False
        doubted = [step for step in run.steps.values() if _is_doubtful(runtime, step)]
        for step in doubted:
            await claims.doubt(runtime, step)
        if any(runtime.overdue(run, step) for step in run.steps.values()):
            await runtime.send(StepMessage(run=run.head.id, traceparent=run.head.traceparent))
            return True
        return bool(doubted)


def _is_doubtful(runtime: Runtime, step: StepState) -> bool:
    """Whether a step has run for so long that its worker may be dead, or began by a clock that was ahead.

    This only begins the check. The claim decides.
    """
    if step.status is not StepStatus.RUNNING or step.changed_at is None:
        return False
    return abs(runtime.clock.now() - step.changed_at) > runtime.limits.stalled
