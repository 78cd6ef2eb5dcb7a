"""What the timers did last, so that a job that fails or does not run is noticed.

Each job has one row. Its period is what the deployment is set up for, or what was observed if that is longer:
the schedule is a setting of the host. A job is late three periods after its last success.
"""

from __future__ import annotations

import logging
import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onboarding.storage import names
from onboarding.storage.codec import Codec, renamed
from onboarding.storage.tables import Row, Tables, Write
from onboarding.storage.unreadable_rows import load, readable

log = logging.getLogger(__name__)

VERIFY_TRAIL: Final = "verify_trail"
"""The daily verification of the audit trail. ``sweep_directory`` carries it out, in many runs."""

PERIODS: Final[Mapping[str, timedelta]] = {
    "sweep_onboardings": timedelta(minutes=5),
    "sweep_expirations": timedelta(hours=1),
    "sweep_directory": timedelta(hours=1),
    VERIFY_TRAIL: timedelta(days=1),
}
"""How often each job runs with the schedules that Bicep sets, by its name, which is that of its function."""

_PARTITION: Final = "jobs"
_LATE: Final = 3  # periods
_KEPT: Final = 5  # gaps between two successes
_ENOUGH: Final = 3  # gaps of which the median is not that of an outage
_AHEAD: Final = timedelta(minutes=5)
"""The time by which the clocks of two instances can differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """What a part of a job found to do, and what it did (started, announced or removed)."""

    found: int
    done: int


Work = Callable[[], Awaitable[int | Tally]]
"""A part of a job. It returns what it did, or also what it found where that can be more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PeriodicJob:
    """A job, and what it did last."""

    name: str
    last_success_at: datetime | None = None
    found: int = 0  # what the last run that succeeded found to do
    done: int = 0  # what it did: started, announced or removed
    gaps: tuple[float, ...] = ()  # seconds between its last successes
    last_failure_at: datetime | None = None
    last_error: str = ""
    failing_since: datetime | None = None  # the first failure after the last success
    watched_since: datetime | None = None  # when this deployment first looked at the job

    @property
    def period(self) -> timedelta:
        """How often it runs. One long silence changes little, because the median counts."""
        declared = PERIODS.get(self.name, timedelta(0))
        if len(self.gaps) < _ENOUGH:
            return declared
        return max(declared, timedelta(seconds=statistics.median(self.gaps)))

    @property
    def due_at(self) -> datetime | None:
        """When it should run next; None if it has never succeeded."""
        return self.last_success_at + self.period if self.last_success_at else None

    @property
    def late_at(self) -> datetime | None:
        """When it is late: three periods after its last success, or after the deployment if there is none."""
        last = self.last_success_at or self.watched_since
        return last + _LATE * self.period if last else None

    def is_late(self, now: datetime) -> bool:
        """Whether it has not succeeded for three periods."""
        return self.late_at is not None and now > self.late_at

    @property
    def fails(self) -> bool:
        """Whether its last run failed."""
        failed, succeeded = self.last_failure_at, self.last_success_at
        return failed is not None and (succeeded is None or failed > succeeded)

    @property
    def fails_since(self) -> datetime | None:
        """When its failures began."""
        return self.failing_since or self.last_failure_at

    def watched(self, now: datetime) -> PeriodicJob:
        """The job as it is watched from now on, unless it was before.

        A success in the future, from a clock that was ahead, shows nothing.
        """
        if self._is_ahead(now):
            return replace(self, last_success_at=None, gaps=(), watched_since=now)
        if self.last_success_at or (self.watched_since and self.watched_since <= now):
            return self
        return replace(self, watched_since=now)

    def succeeded(self, now: datetime, tally: Tally) -> PeriodicJob:
        """The job after a success. Times from a clock that was ahead are not gaps."""
        gaps, last = self.gaps, self.last_success_at
        if self._is_ahead(now):
            gaps = ()
        elif last and last < now:
            gaps = (*gaps, (now - last).total_seconds())[-_KEPT:]
        return replace(
            self,
            last_success_at=now,
            failing_since=None,
            found=tally.found,
            done=tally.done,
            gaps=gaps,
        )

    def _is_ahead(self, now: datetime) -> bool:
        return self.last_success_at is not None and self.last_success_at > now + _AHEAD


CODEC: Final = Codec(
    PeriodicJob,
    upgrades={1: renamed(last_succeeded_at="last_success_at", last_failed_at="last_failure_at")},
)


class PeriodicJobs:
    """Runs the jobs of the timers, and records how they ended."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def run(self, name: str, *parts: Work) -> None:
        """Runs all parts of a job, even if some of them fail. Raises the first error."""
        found, done, failures = 0, 0, list[Exception]()
        for part in parts:
            try:
                worked = await part()
            except Exception as error:
                log.exception("a part of the periodic job %s failed", name)
                failures.append(error)
            else:
                tally = Tally(found=worked, done=worked) if isinstance(worked, int) else worked
                found, done = found + tally.found, done + tally.done
        log.info("the periodic job %s found %d and did %d", name, found, done)
        known, now = await self._get(name), self._tables.clock.now()
        if failures:
            since = known.fails_since if known.fails else now
            failed = replace(known, last_failure_at=now, failing_since=since)
            await self._put(replace(failed, last_error=type(failures[0]).__name__))
            raise failures[0]
        await self._put(known.succeeded(now, Tally(found=found, done=done)))

    async def succeeded(self, name: str, tally: Tally) -> None:
        """Records the success of a job that other jobs carry out, part by part."""
        await self._put((await self._get(name)).succeeded(self._tables.clock.now(), tally))

    async def all(self) -> list[PeriodicJob]:
        """Each job of the timers. From the first call, a job that never runs is late."""
        now, jobs = self._tables.clock.now(), list[PeriodicJob]()
        for name in PERIODS:
            known = await self._get(name)
            jobs.append(known.watched(now))
            if jobs[-1] != known:
                await self._put(jobs[-1])
        return jobs

    async def need_punctual(self) -> None:
        """Raises ``RuntimeError`` if a job is late."""
        now = self._tables.clock.now()
        if late := [job.name for job in await self.all() if job.is_late(now)]:
            raise RuntimeError(f"late: {', '.join(late)}")

    async def _get(self, name: str) -> PeriodicJob:
        row = await self._tables.get(names.SERVICE, _PARTITION, name)
        known = await readable(self._tables, [row] if row else [], lambda row: load(CODEC, row))
        return known[0] if known else PeriodicJob(name=name)

    async def _put(self, job: PeriodicJob) -> None:
        row = Row(partition=_PARTITION, key=job.name, columns={"document": CODEC.dump(job)})
        await self._tables.write(names.SERVICE, row, Write.UPSERT)
