"""One attempt of a step: the one place where an error becomes an outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from onboarding.calls import CloudCall, recorded
from onboarding.errors import (
    OnboardingError,
    PermanentError,
    ReplicationLagError,
    TransientError,
    requests,
    steps,
)
from onboarding.storage.codec import UnreadableError
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.texts import reasons
from onboarding.workflow.outcomes import Failed, Failure, Outcome, Retry, RetryReason
from onboarding.workflow.plan import Context, Plan
from onboarding.workflow.run import Run, StepState

log = logging.getLogger(__name__)

ServicesOf = Callable[[Plan[Any, Any]], Any]
"""Returns the services that the steps of a plan share."""


async def attempt(
    plan: Plan[Any, Any],
    services: ServicesOf,
    run: Run,
    step: StepState,
    *,
    limit: timedelta,
    lost: Callable[[], Awaitable[Run | None]],
) -> tuple[Outcome[Any], tuple[CloudCall, ...]]:
    """Runs a step; returns its outcome and the calls that it made.

    Args:
        plan: The plan of the run.
        services: Returns the services that the steps of a plan share.
        run: Its current state.
        step: The step, claimed for this attempt.
        limit: How long the attempt may take.
        lost: As in ``Context``.
    """
    with recorded() as calls:
        outcome = await _outcome(plan, services, run, step, limit=limit, lost=lost)
    return outcome, tuple(calls)


async def take_back(
    plan: Plan[Any, Any],
    services: ServicesOf,
    run: Run,
    step: StepState,
    outcome: Outcome[Any],
    *,
    limit: timedelta,
    lost: Callable[[], Awaitable[Run | None]],
) -> tuple[Failure | None, tuple[CloudCall, ...]]:
    """Undoes an attempt whose worker has lost its claim; returns why that failed, if it did, and the calls.

    Args:
        plan: As in ``attempt``, like ``services``, ``limit`` and ``lost``.
        services: As in ``attempt``.
        run: The present run.
        step: The step as the worker had claimed it.
        outcome: What the attempt ended with.
        limit: As in ``attempt``.
        lost: As in ``attempt``.
    """
    undo = plan.steps[step.name].undo
    with recorded() as calls:
        if undo is None:
            return None, ()
        try:
            async with asyncio.timeout(limit.total_seconds()):
                request = plan.request_of(run.head)
                context = Context(services=services(plan), request=request, run=run, step=step, lost=lost)
                await undo(context, outcome)
        except OnboardingError as error:
            return Failure.of(error), tuple(calls)
        except Exception:
            log.exception("step %s could not be undone", step.name, extra={"run": step.run})
            return Failure.of(requests.INTERNAL_ERROR.error()), tuple(calls)
    return None, tuple(calls)


async def _outcome(
    plan: Plan[Any, Any],
    services: ServicesOf,
    run: Run,
    step: StepState,
    *,
    limit: timedelta,
    lost: Callable[[], Awaitable[Run | None]],
) -> Outcome[Any]:
    try:
        async with asyncio.timeout(limit.total_seconds()):
            request = plan.request_of(run.head)
            context = Context(services=services(plan), request=request, run=run, step=step, lost=lost)
            return await plan.steps[step.name].handler(context)
    except OnboardingError as error:
        return outcome_of(error, persistent=plan.persistent)
    except UnreadableError as error:
        return outcome_of(_unreadable(error, step), persistent=plan.persistent)
    except TimeoutError:
        failure = Failure.of(steps.ATTEMPT_TIMED_OUT.error(limit=reasons.duration(limit)))
        return Retry(reason=RetryReason.TRANSIENT, error=failure)
    except Exception:
        log.exception("step %s failed unexpectedly", step.name, extra={"run": step.run})
        return Retry(reason=RetryReason.INTERNAL, error=Failure.of(requests.INTERNAL_ERROR.error()))


def _unreadable(error: UnreadableError, step: StepState) -> OnboardingError:
    row = error.row if isinstance(error, UnreadableRowError) else step.to_row()
    return requests.ROW_UNREADABLE.error(table=row.table, key=row.key, reason=error.said)


def outcome_of(error: OnboardingError, *, persistent: bool) -> Outcome[Any]:
    """The outcome for an error of this app; ``persistent`` as in ``Plan``.

    The actor decides: work waits for an actor who is not its requester, whatever the error is.
    """
    failure = Failure.of(error)
    match error:
        case OnboardingError() if error.actor.is_awaited and not persistent:
            return Retry(
                reason=RetryReason.BLOCKED,
                error=failure,
                retry_after=error.retry_after,
                actions=error.actions,
                memo=error.memo,
            )
        case ReplicationLagError(retry_after=retry_after):
            reason = RetryReason.REPLICATION
            return Retry(reason=reason, error=failure, retry_after=retry_after, memo=error.memo)
        case TransientError(retry_after=retry_after):
            reason = RetryReason.TRANSIENT
            return Retry(reason=reason, error=failure, retry_after=retry_after, memo=error.memo)
        case PermanentError() if not persistent:
            return Failed(error=failure)
        case _:
            return Retry(reason=RetryReason.INTERNAL, error=failure)
