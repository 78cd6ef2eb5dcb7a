"""When to try again: a pure decision from what went wrong, how often, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onboarding.workflow.outcomes import RetryReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Delays for one kind of trouble: each in turn, the last one again and again, until it is given up."""

    delays: tuple[float, ...]  # seconds
    give_up_after: timedelta  # since the trouble began


Policies = Mapping[RetryReason, Policy]

CLOUD: Final[Policies] = {
    # An outage of the cloud may last hours; a throttled tenant recovers in minutes.
    RetryReason.TRANSIENT: Policy(delays=(1, 2, 5, 10, 30, 60, 120, 300), give_up_after=timedelta(hours=24)),
    # Usually seconds, sometimes many minutes; after that the object is really gone.
    RetryReason.REPLICATION: Policy(
        delays=(1, 2, 4, 8, 15, 30, 60, 120), give_up_after=timedelta(minutes=30)
    ),
    RetryReason.INTERNAL: Policy(delays=(2, 10, 60, 300), give_up_after=timedelta(minutes=20)),
}


def delay(
    policy: Policy, *, tries: int, since: datetime, now: datetime, retry_after: float | None = None
) -> timedelta | None:
    """How long to wait before the next try; None to give up.

    Args:
        policy: The rules for what went wrong.
        tries: How often in a row it did, this time included (1 for the first).
        since: When it began.
        now: The current time.
        retry_after: What the service asked for, in seconds; never undercut.
    """
    if now - since >= policy.give_up_after:
        return None
    own = policy.delays[min(tries, len(policy.delays)) - 1]
    return timedelta(seconds=max(own, retry_after or 0))
