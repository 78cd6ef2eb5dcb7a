"""The claim of a worker on a step. The worker renews it, which shows others that the worker is alive.

No clock of a host decides whether a worker is dead: a clock can jump. A worker renews its claim at intervals
of its own monotonic clock. To check whether it is alive, another process puts a message on the queue with the
current version of the claim, and storage delivers the message when the lease is over. If the claim still has
that version, it was not renewed during that time: its worker is dead or suspended. Another worker then takes
the step, in a transaction with that version.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

from azure.core.exceptions import AzureError

from onboarding.storage.tables import ConflictError
from onboarding.workflow.run import Run, StepState, StepStatus
from onboarding.workflow.runtime import Runtime
from onboarding.workflow.step_message import StepMessage

log = logging.getLogger(__name__)


class Claim:
    """A worker's claim on a step."""

    def __init__(self, runtime: Runtime, step: StepState) -> None:
        self._runtime = runtime
        self._stored = step  # newer than the next one if a person has sent a signal
        self.step = step
        """The step as this worker has claimed it, with the version of its last renewal."""

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renews the claim at intervals. No renewal is cut off, so its version is known at the end."""
        ended = asyncio.Event()
        renewing = asyncio.create_task(self._renew_until(ended))
        try:
            yield
        finally:
            ended.set()
            await renewing

    async def lost(self) -> Run | None:
        """The current run if another worker has claimed the step, or if nobody may run it any longer."""
        run = await self._runtime.load(self.step.run)
        return run if run and not is_same(run.steps[self.step.name], self.step) else None

    async def _renew_until(self, ended: asyncio.Event) -> None:
        while True:
            try:
                async with asyncio.timeout(self._runtime.limits.beat.total_seconds()):
                    await ended.wait()
            except TimeoutError:
                try:
                    if await self._renew():
                        continue
                except AzureError:
                    log.warning("the claim on a step was not renewed", extra={"run": self.step.run})
                    continue
            return

    async def _renew(self) -> bool:
        """Renews the claim once; False if it is lost."""
        while True:
            wanted = self._stored.evolve(beat=self._stored.beat + 1)
            try:
                (written,) = (await self._runtime.store.commit([wanted], [])).steps
            except ConflictError:
                run = await self._runtime.load(self.step.run)
                now = run.steps[self.step.name] if run else None
                if now is None or not is_same(now, self.step):
                    return False
                if replace(now, etag="", table="") != replace(wanted, etag="", table=""):
                    self._stored = now  # a person has sent a signal
                    continue
                written = now  # the response to this renewal was lost
            if self._stored.etag == self.step.etag:
                self.step = written
            self._stored = written
            return True


def is_same(step: StepState, claimed: StepState) -> bool:
    """Whether a step has the claim that a worker wrote, whatever has happened to its row since then."""
    return (step.status, step.attempt, step.delivery) == (claimed.status, claimed.attempt, claimed.delivery)


async def doubt(runtime: Runtime, step: StepState) -> None:
    """Sends a message to check, when the lease is over, whether a worker has renewed its claim."""
    message = StepMessage(run=step.run, step=step.name, attempt=step.attempt, claim=step.etag)
    await runtime.send(message, runtime.limits.lease)


def is_dead(step: StepState, message: StepMessage) -> bool:
    """Whether a message shows that the worker of a step has not renewed its claim for the whole lease."""
    running = step.status is StepStatus.RUNNING and step.name == message.step
    return running and message.claim == step.etag
