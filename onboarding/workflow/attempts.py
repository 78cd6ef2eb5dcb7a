"""One attempt of a step: the one place where an error becomes an outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A step, claimed by a worker."""

    plan: Plan[Any, Any]  # of the run
    services: Callable[[Plan[Any, Any]], Any]  # returns what the steps of a plan share
    run: Run  # its current state
    step: StepState
    limit: timedelta  # how long the attempt may take
    lost: Callable[[], Awaitable[Run | None]]  # as in ``Context``

    async def work(self) -> tuple[Outcome[Any], tuple[CloudCall, ...]]:
        """Runs the step; returns its outcome and the calls that it made."""
        with recorded() as calls:
            outcome = await self._outcome()
        return outcome, tuple(calls)

    async def take_back(self, outcome: Outcome[Any]) -> tuple[Failure | None, tuple[CloudCall, ...]]:
        """Undoes an attempt with this outcome whose worker has lost its claim.

        Returns why that failed, if it did, and the calls.
        """
        undo = self.plan.steps[self.step.name].undo
        if undo is None:
            return None, ()
        with recorded() as calls:
            try:
                async with asyncio.timeout(self.limit.total_seconds()):
                    await undo(self._context(), outcome)
            except OnboardingError as error:
                return Failure.of(error), tuple(calls)
            except Exception:
                log.exception("step %s could not be undone", self.step.name, extra={"run": self.step.run})
                return Failure.of(requests.INTERNAL_ERROR.error()), tuple(calls)
        return None, tuple(calls)

    async def _outcome(self) -> Outcome[Any]:
        try:
            async with asyncio.timeout(self.limit.total_seconds()):
                return await self.plan.steps[self.step.name].handler(self._context())
        except OnboardingError as error:
            return outcome_of(error, persistent=self.plan.persistent)
        except UnreadableError as error:
            return outcome_of(_unreadable(error, self.step), persistent=self.plan.persistent)
        except TimeoutError:
            failure = Failure.of(steps.ATTEMPT_TIMED_OUT.error(limit=reasons.duration(self.limit)))
            return Retry(reason=RetryReason.TRANSIENT, error=failure)
        except Exception:
            log.exception("step %s failed unexpectedly", self.step.name, extra={"run": self.step.run})
            return Retry(reason=RetryReason.INTERNAL, error=Failure.of(requests.INTERNAL_ERROR.error()))

    def _context(self) -> Context[Any, Any]:
        return Context(
            services=self.services(self.plan),
            request=self.plan.request_of(self.run.head),
            run=self.run,
            step=self.step,
            lost=self.lost,
        )


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
