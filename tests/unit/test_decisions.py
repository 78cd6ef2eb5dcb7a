from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.errors import (
    Action,
    Actor,
    ErrorType,
    Finding,
    PermanentError,
    ReplicationLagError,
    Severity,
    TransientError,
    first_actor,
)
from onboarding.storage.codec import Codec
from onboarding.texts import phrases, reasons
from onboarding.workflow import decisions, retry
from onboarding.workflow.attempts import outcome_of
from onboarding.workflow.outcomes import Done, Failed, Failure, Retry, RetryReason, Wait
from onboarding.workflow.plan import Context, Step
from onboarding.workflow.run import StepState, StepStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = retry.Policy(delays=(1, 5, 60), give_up_after=timedelta(minutes=30))
POLICIES = dict.fromkeys(RetryReason, POLICY)
ERROR = Failure(code="throttled", title="t", detail="d")


async def nothing(_context: Context[None, dict[str, Any]]) -> Done[dict[str, Any]]:
    """Do nothing."""
    return Done(result={})


STEP = Step(name="s", title="", handler=nothing, result=Codec(dict))


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def running(**more) -> StepState:
    return StepState(run="r", name="s", status=StepStatus.RUNNING, attempt=1, changed_at=NOW, **more)


@pytest.mark.parametrize(
    ("tries", "begun_ago", "asked", "expected"),
    [
        (1, 0, None, 1),  # the delays, one after the other ...
        (2, 1, None, 5),
        (3, 6, None, 60),
        (4, 66, None, 60),  # ... and the last one repeatedly
        (40, 1799, None, 60),
        (1, 0, 30, 30),  # never earlier than the service requests ...
        (3, 6, 10, 60),  # ... and never earlier than our own delay
        (1, 0, 0, 1),
        (1, 0, 0.4, 1),
        (5, 1800, None, None),  # the retries have lasted too long
        (5, 1800, 10, None),
        (1, 90_000, None, None),
    ],
)
def test_a_delay_follows_from_how_often_and_how_long(tries, begun_ago, asked, expected):
    """The delay of a retry depends only on the number of attempts and their duration."""
    decided = retry.delay(POLICY, tries=tries, since=NOW - seconds(begun_ago), now=NOW, retry_after=asked)
    assert decided == (None if expected is None else seconds(expected))


@pytest.mark.parametrize(("trouble", "policy"), retry.CLOUD.items(), ids=str)
def test_delays_of_the_cloud_grow_until_the_end(trouble, policy):
    """The delays of each retry reason grow, and its time limit leaves room for all of them."""
    assert list(policy.delays) == sorted(policy.delays), trouble
    assert seconds(sum(policy.delays)) < policy.give_up_after
    assert set(retry.CLOUD) == set(RetryReason)


def test_done_keeps_the_result_and_forgets_the_trouble():
    """A step that succeeds after retries no longer shows an error."""
    step = running(tries=3, since=NOW, error=ERROR, waiting_for="x", due_at=NOW)
    after = decisions.after(STEP, step, Done(result={"id": "1"}), NOW, POLICIES)
    assert (after.status, after.result) == (StepStatus.SUCCEEDED, STEP.dump({"id": "1"}))
    assert (after.error, after.waiting_for, after.tries, after.since) == (None, "", 0, None)


def test_failed_keeps_the_error():
    """A permanent error ends the step at once."""
    after = decisions.after(STEP, running(), Failed(error=ERROR), NOW, POLICIES)
    assert (after.status, after.error, after.due_at) == (StepStatus.FAILED, ERROR, None)


def test_trouble_waits_longer_each_time_and_then_gives_up():
    """The first failure starts the time limit of its retry reason; after that limit, the step fails."""
    step, now, pauses = running(), NOW, []
    again = Retry(reason=RetryReason.TRANSIENT, error=ERROR)
    while True:
        step = decisions.after(STEP, step, again, now, POLICIES)
        if step.status is StepStatus.FAILED:
            break
        assert step.due_at is not None
        pauses.append((step.due_at - now).total_seconds())
        assert (step.status, step.tries, step.since) == (StepStatus.WAITING, len(pauses), NOW)
        now = step.due_at
        step = step.evolve(status=StepStatus.RUNNING, attempt=step.attempt + 1)
    assert pauses[:4] == [1, 5, 60, 60]
    assert timedelta(minutes=30) <= now - NOW < timedelta(minutes=32)
    assert step.error == ERROR


def test_the_services_own_delay_counts():
    """The step waits for the Retry-After of the service."""
    again = Retry(reason=RetryReason.TRANSIENT, error=ERROR, retry_after=17)
    assert decisions.after(STEP, running(), again, NOW, POLICIES).due_at == NOW + seconds(17)


def test_waiting_says_for_what_and_ends():
    """A wait is not a failure: it has no error until it takes too long."""
    wait = Wait(
        reason=phrases.WAITS_PROVIDER.of(namespace="X"), after=seconds(20), give_up_after=timedelta(hours=1)
    )
    first = decisions.after(STEP, running(), wait, NOW, POLICIES)
    assert (first.status, first.waiting_for, first.error) == (StepStatus.WAITING, "Azure to register X", None)
    assert (first.due_at, first.since, first.tries) == (NOW + seconds(20), NOW, 1)
    second = decisions.after(STEP, first, wait, NOW + timedelta(minutes=59), POLICIES)
    assert (second.status, second.since, second.tries) == (StepStatus.WAITING, NOW, 2)
    last = decisions.after(STEP, second, wait, NOW + timedelta(hours=1), POLICIES)
    assert last.status is StepStatus.FAILED
    assert last.error is not None
    assert last.error.code == "wait-timed-out"
    assert "Azure to register X" in last.error.detail


def test_trouble_does_not_use_up_the_time_of_a_wait():
    """A step that has waited an hour and then meets an outage has the whole time limit for the outage."""
    waited = running(tries=9, since=NOW - timedelta(hours=1), waiting_for="x")
    after = decisions.after(STEP, waited, Retry(reason=RetryReason.TRANSIENT, error=ERROR), NOW, POLICIES)
    assert (after.status, after.since, after.tries) == (StepStatus.WAITING, NOW, 1)


def test_a_wait_does_not_count_the_time_of_trouble_before_it():
    """A step that has met an outage for an hour and then waits has the whole time limit for the wait."""
    troubled = running(tries=9, since=NOW - timedelta(hours=1), error=ERROR)
    wait = Wait(reason=reasons.WAITS_DAY.of(), after=seconds(1), give_up_after=timedelta(hours=1))
    after = decisions.after(STEP, troubled, wait, NOW, POLICIES)
    assert (after.status, after.since, after.error) == (StepStatus.WAITING, NOW, None)


def test_an_answer_that_is_none_is_a_defect():
    """A handler that returns no result raises a clear error."""
    with pytest.raises(TypeError, match="answered None"):
        decisions.after(STEP, running(), None, NOW, POLICIES)  # type: ignore[arg-type]


def test_a_wait_for_a_person_does_not_use_up_the_time_of_an_outage():
    """After weeks without consent, a short outage of a service ends nothing."""
    blocked = Retry(reason=RetryReason.BLOCKED, error=replace(ERROR, actor=Actor.TENANT_ADMINISTRATOR))
    step = decisions.after(STEP, running(), blocked, NOW, retry.CLOUD)
    assert (step.status, step.since, step.is_blocked) == (StepStatus.WAITING, NOW, True)
    later = NOW + timedelta(days=20)
    outage = Retry(reason=RetryReason.TRANSIENT, error=replace(ERROR, actor=Actor.NOBODY))
    step = decisions.after(STEP, step, outage, later, retry.CLOUD)
    assert (step.status, step.since, step.is_blocked) == (StepStatus.WAITING, later, False)


def test_a_wait_for_a_person_ends_after_a_month():
    """If nobody acts for a month, the step fails with the error that says who had to act."""
    error = replace(ERROR, actor=Actor.OPERATOR)
    actions = (Action.page("https://consent.example"),)
    blocked = Retry(reason=RetryReason.BLOCKED, error=error, actions=actions)
    step = decisions.after(STEP, running(), blocked, NOW, retry.CLOUD)
    assert step.actions == actions
    step = decisions.after(STEP, step, blocked, NOW + timedelta(days=29), retry.CLOUD)
    assert step.status is StepStatus.WAITING
    step = decisions.after(STEP, step, blocked, NOW + timedelta(days=30), retry.CLOUD)
    assert (step.status, step.error) == (StepStatus.FAILED, error)


@pytest.mark.parametrize("failure", [PermanentError, TransientError, ReplicationLagError])
@pytest.mark.parametrize("actor", Actor)
def test_whose_fault_it_is_decides_whether_a_step_waits(actor, failure):
    """A requester's error is final or temporary; a run waits for the customer and the operator."""
    kind = ErrorType(
        code="x",
        title="x",
        detail="X.",
        actor=actor,
        failure=failure,
        actions=(Action.page("https://x.example/{y}"),),
    )
    outcome = outcome_of(kind.error(y="z"), persistent=False)
    if actor.is_awaited:
        assert isinstance(outcome, Retry)
        assert outcome.reason is RetryReason.BLOCKED
        assert outcome.actions == (Action.page("https://x.example/z"),)
        assert outcome.error.actor is actor
    elif failure is PermanentError:
        assert outcome == Failed(error=Failure.of(kind.error(y="z")))
    else:
        assert isinstance(outcome, Retry)
        assert outcome.reason is not RetryReason.BLOCKED


def test_a_report_waits_only_if_all_its_errors_can_be_waited_for():
    """If only the requester can correct one of the errors, the whole report is the requester's to correct."""

    def finding(actor: Actor, severity: Severity = Severity.ERROR) -> Finding:
        return Finding(code="x", detail="X.", severity=severity, actor=actor)

    customer, operator = finding(Actor.SUBSCRIPTION_OWNER), finding(Actor.OPERATOR)
    assert first_actor([operator, customer]) is Actor.SUBSCRIPTION_OWNER
    assert first_actor([operator]) is Actor.OPERATOR
    assert first_actor([operator, customer, finding(Actor.REQUESTER)]) is Actor.REQUESTER
    assert first_actor([operator, finding(Actor.REQUESTER, Severity.WARNING)]) is Actor.OPERATOR
