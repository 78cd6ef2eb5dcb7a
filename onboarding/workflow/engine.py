"""The engine: processes a queue message, and continues its run as far as possible.

The order is always the same. One transaction writes the outcome of a step, its audit event and the claims on
the next steps. Then delayed messages are put on the queue. Then the host completes the message. A crash
anywhere is repaired when the message is delivered again: the engine recognizes its claims and continues them.

It knows nothing about what the steps do.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import replace
from datetime import timedelta
from typing import Final
from weakref import WeakValueDictionary

from onboarding.errors import steps
from onboarding.workflow import received_message
from onboarding.workflow.drive import Drive
from onboarding.workflow.failure_log import log_failure
from onboarding.workflow.outcomes import Failure
from onboarding.workflow.poison_messages import PoisonMessage, PoisonMessages, PoisonReason
from onboarding.workflow.received_message import HopelessError
from onboarding.workflow.run import Run, StepStatus
from onboarding.workflow.runtime import Runtime
from onboarding.workflow.shares import Shares
from onboarding.workflow.step_message import StepMessage
from onboarding.workflow.sweep import Sweep

log = logging.getLogger(__name__)

_PAUSES: Final = (1, 2, 3, 5, 8, 13, 21)
"""Seconds until a message is delivered again if its owner already has its share of the workers.

They grow with the wait of the message: each delivery takes time from the messages of others.
"""


class Engine:
    """Processes the messages of a queue. There is one engine for each process and queue."""

    def __init__(self, runtime: Runtime, poison_messages: PoisonMessages) -> None:
        self._runtime = runtime
        self._poison_messages = poison_messages
        self._shares = Shares(runtime.limits.share, runtime.index.owner)
        # By delivery: the messages that this process handles now.
        self._working: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def handle(self, body: bytes, delivery: str) -> None:
        """Processes a message.

        Args:
            body: The message.
            delivery: The queue's ID of the message. It is the same when the message is delivered again,
                which happens only after its lock has expired: the worker has crashed, or it is this process,
                which could not renew the lock in time and finishes first.

        Raises what storage raises; the host then delivers the message again.
        """
        try:
            message = received_message.read(body)
            await self._work_on(message, delivery)
        except HopelessError as error:
            await self._give_up(body, error)

    async def _work_on(self, message: StepMessage, delivery: str) -> None:
        """Processes a message. Raises ``HopelessError``."""
        async with self._working.setdefault(delivery, asyncio.Lock()):
            run = await received_message.run_of(self._runtime, message)
            lists = run.head.lists
            if not self._shares.free(lists) and not _began(run, delivery):
                await self._postpone(message)
                return
            with self._shares.taken(lists):
                async with self._runtime.store.gathering(run.head) as gathered:
                    # Even if nothing happens: an earlier delivery can have ended before its events were
                    # copied.
                    gathered.whole = not any(step.attempt for step in run.steps.values())
                    drive = Drive(self._runtime, run, message, delivery)
                    await drive.go()
                    gathered.whole |= self._runtime.status(drive.run).final

    async def _postpone(self, message: StepMessage) -> None:
        """Puts a message back behind those of others. It costs one read and one write."""
        number = message.postponed
        pause = _PAUSES[min(number, len(_PAUSES) - 1)] * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        await self._runtime.send(replace(message, postponed=number + 1), timedelta(seconds=pause))

    async def abandon(self, body: bytes) -> None:
        """Fails the steps and the run of a message that failed on every retry of the host."""
        try:
            message = received_message.read(body)
            run = await received_message.run_of(self._runtime, message)
        except HopelessError as error:
            await self._give_up(body, error)
            return
        held = [
            step
            for step in run.steps.values()
            if (step.status is StepStatus.RUNNING and step.key == message.key)
            or (step.name == message.step and step.status is StepStatus.PENDING)
        ]
        crash = steps.WORKER_CRASHED.error(steps=[step.name for step in held])
        now, crashed = self._runtime.clock.now(), Failure.of(crash)
        failed = [step.evolve(status=StepStatus.FAILED, changed_at=now, error=crashed) for step in held]
        if failed:
            await self._give_up(body, HopelessError(PoisonReason.WORKER_CRASHED, crash, run.head.id))
            events = [self._runtime.event(step, "failed", error=crashed) for step in failed]
            await self._runtime.store.commit(failed, events)
            for step in failed:
                log_failure(run.head, step)
        await self._runtime.settle(run.having(failed))

    async def sweep(self) -> int:
        """Continues runs without progress; returns how many."""
        sweep = Sweep(runtime=self._runtime)
        await sweep.run()
        await self._runtime.store.complete_trail()
        return sweep.driven

    async def collect(self) -> int:
        """Keeps the messages on the poison queue that the host cannot read, and therefore never delivers."""

        async def keep(body: bytes) -> None:
            await self._give_up(body, received_message.undecodable())

        return await self._runtime.queues.take_unreadable(f"{self._runtime.queue}-poison", keep)

    async def _give_up(self, body: bytes, error: HopelessError) -> None:
        """Keeps a poison message, so that people can see it."""
        log.error("poison message (%s): %s", error.reason, error.detail, extra={"run": error.run})
        runtime = self._runtime
        message = PoisonMessage(
            queue=runtime.queue,
            body=body,
            reason=error.reason,
            detail=error.detail,
            args=error.values,
            run=error.run,
            at=runtime.clock.now(),
        )
        await self._poison_messages.keep(message)


def _began(run: Run, delivery: str) -> bool:
    """Whether a worker of this delivery began a step: it is continued, since only this delivery can do so."""
    return any(step.delivery == delivery for step in run.steps.values())
