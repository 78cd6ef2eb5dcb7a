"""Faults of the subscription of a gateway, both for a request and for a connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from onboarding.errors import Finding
from onboarding.errors.subscription import SUBSCRIPTION_DISABLED, SUBSCRIPTION_IN_OTHER_TENANT

_WORKING: Final = frozenset({"Enabled", "Warned", "PastDue"})
"""https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states."""


def faults(record: Mapping[str, Any], tenant: str) -> Iterator[Finding]:
    """What differs from an enabled subscription of a tenant; ``record`` is the one of Resource Manager."""
    actual = str(record.get("tenantId") or "")
    if actual.casefold() != tenant.casefold():
        yield SUBSCRIPTION_IN_OTHER_TENANT.finding(actual=actual, expected=tenant)
    if (state := record.get("state")) not in _WORKING:
        yield SUBSCRIPTION_DISABLED.finding(state=state)
