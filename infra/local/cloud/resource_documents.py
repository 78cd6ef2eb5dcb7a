"""Documents of Resource Manager: a subscription, and where the services of this cloud are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from infra.local.cloud.environments import TenantNames
from infra.local.cloud.messages import JsonObject

EARLY: Final = "2015-01-01"
"""The first version of the list of endpoints, which has a format of its own."""
METADATA_VERSIONS: Final = frozenset({EARLY, "2019-05-01", "2020-06-01", "2022-09-01"})


def endpoints(addresses: Mapping[str, str], audiences: Iterable[str], version: str) -> JsonObject:
    """The endpoints of this cloud, in the format of 2015-01-01 or of later versions.

    The Azure CLI takes the first audience as the resource of its tokens. It makes the address of a vault from
    the vault's name and the suffix, so the name of the local one is the first label of its host.
    """
    authentication: JsonObject = {
        "loginEndpoint": addresses["login"],
        "audiences": [addresses["resourceManager"], *sorted(audiences)],
        "tenant": "common",
        "identityProvider": "AAD",
    }
    if version == EARLY:
        return {
            "galleryEndpoint": "",
            "graphEndpoint": addresses["graph"],
            "portalEndpoint": "",
            "graphAudience": addresses["graph"],
            "authentication": authentication,
        }
    return {
        "name": "Local",
        "portal": "",
        "authentication": authentication,
        "graph": addresses["graph"],
        "graphAudience": addresses["graph"],
        "microsoftGraphResourceId": addresses["graph"],
        "resourceManager": addresses["resourceManager"],
        "suffixes": {"keyVaultDns": urlsplit(addresses["keyVault"]).netloc.partition(".")[2]},
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
