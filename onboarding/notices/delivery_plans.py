"""The plans that deliver notices, and how long the service retries a channel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from onboarding.notices.deliveries import DELIVERY, ESCALATION
from onboarding.notices.digests import DIGEST
from onboarding.workflow.outcomes import RetryReason
from onboarding.workflow.plan import Plan
from onboarding.workflow.retry import Policies, Policy

PLANS: Final[Mapping[str, Plan[Any, Any]]] = {
    DELIVERY.name: DELIVERY,
    ESCALATION.name: ESCALATION,
    DIGEST.name: DIGEST,
}

_WEEK: Final = timedelta(days=7)
POLICIES: Final[Policies] = {
    # A channel can be unavailable for days. A late notice is better than none.
    reason: Policy(delays=(2, 10, 60, 300, 900, 3600), give_up_after=_WEEK)
    for reason in RetryReason
}
