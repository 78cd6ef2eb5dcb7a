"""The differences of the subscription: its tenant, its state, and the resource providers that were pending.

What the service cannot read changes nothing: it needs its role only to register resource providers, and an
administrator may remove the role afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from onboarding.connections import difference_types, subscription_state
from onboarding.connections.records import Connection, Difference
from onboarding.drift.comparison import Comparison
from onboarding.errors import subscription

_FAULTS: Final = (subscription.SUBSCRIPTION_IN_OTHER_TENANT.code, subscription.SUBSCRIPTION_DISABLED.code)
_REGISTERED: Final = "Registered"


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriptionSnapshot:
    """What Resource Manager shows of a subscription; None where the service cannot read it."""

    record: Mapping[str, Any] | None = None  # with tenantId and state
    providers: Mapping[str, str] | None = None  # registration states, by lower-case namespace


def with_subscription(
    connection: Connection, comparison: Comparison, snapshot: SubscriptionSnapshot, at: datetime
) -> Comparison:
    """The comparison with the differences of the subscription; ``at``: when the inspection started."""
    pending = _pending(connection, snapshot)
    found = [*_faults(connection, snapshot, at), *([_providers(pending, at)] if pending else [])]
    known = {difference.key: connection.differences.get(difference.key, difference) for difference in found}
    return replace(comparison, differences={**comparison.differences, **known}, pending_providers=pending)


def _pending(connection: Connection, snapshot: SubscriptionSnapshot) -> tuple[str, ...]:
    states = snapshot.providers
    if states is None:
        return connection.pending_providers
    return tuple(name for name in connection.pending_providers if states.get(name.casefold()) != _REGISTERED)


def _faults(connection: Connection, snapshot: SubscriptionSnapshot, at: datetime) -> list[Difference]:
    if snapshot.record is None:
        return [known for known in connection.differences.values() if known.code in _FAULTS]
    return [
        replace(
            difference_types.SUBSCRIPTION_CHANGED.difference("", at, fault=fault.said("detail")),
            code=fault.code,
        )
        for fault in subscription_state.faults(snapshot.record, connection.tenant)
    ]


def _providers(pending: tuple[str, ...], at: datetime) -> Difference:
    return difference_types.PROVIDERS_PENDING.difference("", at, providers=pending)
