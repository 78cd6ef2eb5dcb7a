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

_SOON: Final = (2, 10, 60, 300, 900)
_HOURLY: Final = (3600,) * 48
_DAILY: Final = 24 * 3600

POLICIES: Final[Policies] = {
    # A channel can fail for weeks. A notice waits as long as it applies. When the channel works again,
    # ``channel_watch`` retries the waiting deliveries.
    reason: Policy(delays=(*_SOON, *_HOURLY, _DAILY), give_up_after=None)
    for reason in RetryReason
}

INSPECTIONS: Final[Policies] = {
    # A directory can be unavailable for days. The next inspection comes anyway.
    reason: Policy(delays=(*_SOON, 3600), give_up_after=timedelta(days=7))
    for reason in RetryReason
}
