"""The next state of a step: a pure function of its state, its outcome and the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from onboarding.calls import CloudCall
from onboarding.errors import steps
from onboarding.texts import reasons
from onboarding.workflow import retry
from onboarding.workflow.outcomes import Done, Failed, Failure, Outcome, Retry, Wait
from onboarding.workflow.plan import Step
from onboarding.workflow.run import StepState, StepStatus

_WAITS_FOR_NOTHING: Final[Mapping[str, Any]] = {
    "waiting_for": "",
    "waiting_code": "",
    "waiting_said": None,
    "actions": (),
}
"""The fields of a step that no longer waits."""


def after(
    declared: Step[Any, Any, Any],
    step: StepState,
    outcome: Outcome[Any],
    now: datetime,
    policies: retry.Policies,
) -> StepState:
    """The step after an outcome."""
    match outcome:
        case Done():
            return step.evolve(
                status=StepStatus.SUCCEEDED,
                changed_at=now,
                result=declared.dump(outcome.result),
                error=None,
                **_WAITS_FOR_NOTHING,
                tries=0,
                since=None,
                memo="",
            )
        case Wait():
            return _after_wait(step, outcome, now)
        case Retry():
            return _after_retry(step, outcome, now, policies[outcome.reason])
        case Failed():
            return _failed(step, outcome.error, now)
        case _:
            raise TypeError(f"step {step.name} answered {outcome!r}")


def is_news(before: StepState, step: StepState, outcome: Outcome[Any], calls: Sequence[CloudCall]) -> bool:
    """Whether the outcome of a step is worth an audit event.

    It is not if the step still waits for the same condition or person, and has changed nothing in the
    meantime.
    """
    if any(call.changes for call in calls):
        return True
    if isinstance(outcome, Wait):
        return before.waiting_for != step.waiting_for
    if not step.is_blocked or before.error is None or step.error is None:
        return True
    return before.error.code != step.error.code


def described(step: StepState, outcome: Outcome[Any]) -> tuple[str, str]:
    """The kind of the audit event of an outcome, and its text for people."""
    kind = {
        StepStatus.SUCCEEDED: "succeeded",
        StepStatus.FAILED: "failed",
        StepStatus.WAITING: "retrying" if step.error else "waiting",
    }[step.status]
    detail = step.waiting_for if step.status is StepStatus.WAITING else ""
    return kind, outcome.note if isinstance(outcome, Done) else detail


def cancelled(step: StepState, now: datetime) -> StepState:
    """A step that does not continue, because its run was stopped."""
    return step.evolve(
        status=StepStatus.CANCELLED,
        changed_at=now,
        due_at=None,
        **_WAITS_FOR_NOTHING,
        signal="",
    )


def renewed(declared: Step[Any, Any, Any], step: StepState, now: datetime) -> StepState:
    """A step that starts again. It keeps its number of attempts, because some steps clean up after them."""
    return step.evolve(
        status=StepStatus.PENDING,
        changed_at=now,
        due_at=None,
        **_WAITS_FOR_NOTHING,
        tries=0,
        since=None,
        error=None,
        memo=step.memo if declared.keeps_memo else "",  # people may have changed its subject
    )


def _continues(before: Failure | None, now: Failure) -> bool:
    """Whether an error continues the previous errors of a step.

    A wait for a person can be long. What happens after it has a separate time limit.
    """
    return before is not None and (now.actor.is_awaited or not before.actor.is_awaited)


def _failed(step: StepState, error: Failure, now: datetime) -> StepState:
    return step.evolve(
        status=StepStatus.FAILED,
        changed_at=now,
        error=error,
        **_WAITS_FOR_NOTHING,
    )


def _after_wait(step: StepState, outcome: Wait, now: datetime) -> StepState:
    since = step.since if step.since and step.error is None else now
    if now - since >= outcome.give_up_after:
        error = Failure.of(
            steps.WAIT_TIMED_OUT.error(
                condition=outcome.reason, limit=reasons.duration(outcome.give_up_after)
            )
        )
        return _failed(step, error, now)
    return step.evolve(
        status=StepStatus.WAITING,
        changed_at=now,
        due_at=now + outcome.after,
        waiting_for=str(outcome.reason),
        waiting_code=outcome.code,
        waiting_said=outcome.reason,
        actions=outcome.actions,
        tries=step.tries + 1,
        since=since,
        error=None,
        memo=outcome.memo or step.memo,
    )


def _after_retry(step: StepState, outcome: Retry, now: datetime, policy: retry.Policy) -> StepState:
    begun = step.since if step.since and _continues(step.error, outcome.error) else None
    tries = step.tries + 1 if begun else 1
    pause = retry.delay(policy, tries=tries, since=begun or now, now=now, retry_after=outcome.retry_after)
    if pause is None:
        return _failed(step, outcome.error, now)
    return step.evolve(
        status=StepStatus.WAITING,
        changed_at=now,
        due_at=now + pause,
        waiting_for="",
        waiting_code="",
        waiting_said=None,
        actions=outcome.actions,
        tries=tries,
        since=begun or now,
        error=outcome.error,
        memo=outcome.memo or step.memo,
    )
