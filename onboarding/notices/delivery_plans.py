"""The plans of deliveries, escalations and digests, and how long a channel is retried."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from onboarding.workflow.outcomes import RetryReason
from onboarding.workflow.plan import Plan, Step
from onboarding.workflow.retry import Policies, Policy

DELIVERY: Final = Plan("delivery", [Step(name="deliver", title="Notify the channel")])

ESCALATION: Final = Plan("escalation", [Step(name="escalate", title="Escalate")])

DIGEST: Final = Plan(
    "digest",
    [
        Step(name="send-digest", title="Send the day's notices"),
        Step(name="forget-digest", title="Delete the record", after=("send-digest",)),
    ],
)

PLANS: Final[Mapping[str, Plan]] = {plan.name: plan for plan in (DELIVERY, ESCALATION, DIGEST)}

_WEEK: Final = timedelta(days=7)
POLICIES: Final[Policies] = {
    # A channel may be down for days; a late notice is better than none.
    reason: Policy(delays=(2, 10, 60, 300, 900, 3600), give_up_after=_WEEK)
    for reason in RetryReason
}
