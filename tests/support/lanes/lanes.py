"""Several lanes at the same time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from tests.support.lanes.lane import Lane
from tests.support.lanes.points import StuckError

Job = TypeVar("Job")


class Lanes:
    """Several lanes in parallel, which share the work."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes = lanes

    async def share(
        self, jobs: Iterable[Job], work: Callable[[Lane, Job], Awaitable[list[str]]]
    ) -> list[str]:
        """Let the lanes run all jobs; return everything that went wrong."""
        waiting = deque(jobs)
        found: list[str] = []

        async def take(lane: Lane) -> None:
            while waiting:
                job = waiting.popleft()
                found.extend(f"{_named(job)}: {problem}" for problem in await self._do(lane, job, work))

        await asyncio.gather(*map(take, self.lanes))
        return found

    async def _do(self, lane: Lane, job: Job, work: Callable[[Lane, Job], Awaitable[list[str]]]) -> list[str]:
        try:
            return await work(lane, job)
        except StuckError as error:
            await lane.recover()
            return [str(error)]


def _named(job: object) -> str:
    return ", ".join(map(str, job)) if isinstance(job, list | tuple) else str(job)
