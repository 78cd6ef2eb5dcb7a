"""When to retry: a pure function of the kind, number and age of the errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onboarding.workflow.outcomes import RetryReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The delays for one kind of error: one after the other; the last one is repeated."""

    delays: tuple[float, ...]  # seconds
    give_up_after: timedelta | None  # since the first error; None: never


Policies = Mapping[RetryReason, Policy]

CLOUD: Final[Policies] = {
    # An outage of the cloud can last hours; a throttled tenant recovers in minutes.
    RetryReason.TRANSIENT: Policy(delays=(1, 2, 5, 10, 30, 60, 120, 300), give_up_after=timedelta(hours=24)),
    # Usually seconds, sometimes many minutes; after that the object does not exist.
    RetryReason.REPLICATION: Policy(
        delays=(1, 2, 4, 8, 15, 30, 60, 120), give_up_after=timedelta(minutes=30)
    ),
    # Until a person has acted (consent, role, permission). Each attempt also checks whether that has
    # happened.
    RetryReason.BLOCKED: Policy(delays=(2, 5, 10, 30, 60, 120, 300), give_up_after=timedelta(days=30)),
    RetryReason.INTERNAL: Policy(delays=(2, 10, 60, 300), give_up_after=timedelta(minutes=20)),
}


def delay(
    policy: Policy, *, tries: int, since: datetime, now: datetime, retry_after: float | None = None
) -> timedelta | None:
    """How long to wait before the next attempt; None: the step fails.

    Args:
        policy: The policy for the kind of error.
        tries: The number of consecutive errors, including this one.
        since: The time of the first error.
        now: The current time.
        retry_after: The minimum in seconds, from the service.
    """
    if policy.give_up_after is not None and now - since >= policy.give_up_after:
        return None
    own = policy.delays[min(tries, len(policy.delays)) - 1]
    return timedelta(seconds=max(own, retry_after or 0))
