"""Sends poison messages again. A message that would fail again is not sent: it stays, and is counted."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from onboarding.workflow import interventions, received_message
from onboarding.workflow.interventions import NotPossibleError
from onboarding.workflow.poison_messages import PoisonMessage, PoisonMessages, PoisonReason
from onboarding.workflow.received_message import HopelessError
from onboarding.workflow.run import Author
from onboarding.workflow.runtime import Runtime


class RedriveOutcome(StrEnum):
    """What happened to a poison message."""

    RETRIED = "Retried"  # its run was retried
    SENT_AGAIN = "SentAgain"
    NOTHING_TO_DO = "NothingToDo"  # its run no longer needs it
    KEPT = "Kept"  # it would fail again


async def redrive(
    messages: PoisonMessages, runs: Runtime, message: PoisonMessage, author: Author
) -> RedriveOutcome:
    """Sends a message again, or retries its run.

    The message is deleted last. A crash in between may send it twice, which does nothing twice.
    """
    now = runs.clock.now()
    try:
        step = received_message.read(message.body)
        await received_message.run_of(runs, step)
    except HopelessError as error:
        why = replace(message, reason=error.reason, detail=error.detail, args=error.values)
        await messages.keep(replace(why, at=now, retried_at=now, key=message.id))
        return RedriveOutcome.KEPT
    outcome = RedriveOutcome.SENT_AGAIN
    if (
        message.reason is PoisonReason.WORKER_CRASHED
    ):  # the message alone would find a failed run and do nothing
        outcome = await _retry(runs, message.run, author)
    else:
        await runs.queues.put(runs.queue, message.body)
    await messages.retried(message, now)
    return outcome


async def _retry(runs: Runtime, run: str, author: Author) -> RedriveOutcome:
    try:
        return (
            RedriveOutcome.RETRIED
            if await interventions.retry(runs, run, author)
            else RedriveOutcome.NOTHING_TO_DO
        )
    except NotPossibleError:
        return RedriveOutcome.NOTHING_TO_DO
