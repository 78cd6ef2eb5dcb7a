"""Who must act about an error, a finding or a notice."""

from __future__ import annotations

from enum import StrEnum


class Actor(StrEnum):
    """Who must act so that the work can continue."""

    REQUESTER = "Requester"  # the caller: with a corrected request, or with another decision
    TENANT_ADMINISTRATOR = "TenantAdministrator"  # of the customer's directory
    SUBSCRIPTION_OWNER = "SubscriptionOwner"  # of the customer's subscription
    OPERATOR = "Operator"  # of this service: its identity, vault, storage, settings
    SITE_ADMINISTRATOR = "SiteAdministrator"  # of the Configuration Manager site
    NOBODY = "Nobody"  # it is temporary

    @property
    def is_awaited(self) -> bool:
        """Whether work waits for this actor: it continues by itself once they have acted."""
        return self in {Actor.TENANT_ADMINISTRATOR, Actor.SUBSCRIPTION_OWNER, Actor.OPERATOR}
