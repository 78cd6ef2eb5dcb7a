"""Documents of Resource Manager: a subscription, and where the services of this cloud are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from infra.local.cloud.environments import TenantNames
from infra.local.cloud.messages import JsonObject


def endpoints(addresses: Mapping[str, str], audiences: Iterable[str]) -> JsonObject:
    """The endpoints in the format of api-version 2015-01-01."""
    return {
        "galleryEndpoint": "",
        "graphEndpoint": addresses["graph"],
        "portalEndpoint": "",
        "graphAudience": addresses["graph"],
        "authentication": {
            "loginEndpoint": addresses["login"],
            "audiences": sorted(audiences),
            "tenant": "common",
            "identityProvider": "AAD",
        },
    }


def subscription(tenant: TenantNames) -> JsonObject:
    """A subscription, enabled."""
    return {
        "id": f"/subscriptions/{tenant.subscription}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": tenant.subscription,
        "tenantId": tenant.id,
        "displayName": f"{tenant.name} Production",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }
