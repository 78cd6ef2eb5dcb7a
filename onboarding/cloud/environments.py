"""The endpoints of each Azure environment: one table, the only place with host names.

Sources: https://learn.microsoft.com/graph/deployments,
https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The services of one Azure environment, and the audiences of their tokens."""

    name: str
    login: str
    graph: str
    graph_scope: str
    resource_manager: str
    resource_manager_scope: str
    vault_suffix: str
    federation_scope: str  # of the token of a managed identity that is used as an assertion
    portal: str

    def issuers(self, tenant: str) -> tuple[str, ...]:
        """The issuers of a tenant's tokens: the v2 endpoint and the v1 endpoint."""
        return (f"{self.login}/{tenant}/v2.0", f"https://sts.windows.net/{tenant}/")

    def keys(self, tenant: str) -> str:
        """The URL of the tenant's signing keys (JWKS)."""
        return f"{self.login}/{tenant}/discovery/v2.0/keys"

    def admin_consent(self, tenant: str, app: str, state: str = "") -> str:
        """The page on which an administrator consents to all permissions that an application requests.

        The page returns ``state``, which needs no encoding, to the reply address of the application.
        Sources: https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent (this URL) and
        https://learn.microsoft.com/entra/identity-platform/v2-admin-consent (``state``).
        """
        page = f"{self.login}/{tenant}/adminconsent?client_id={app}"
        return f"{page}&state={state}" if state else page

    def redirected(self, endpoints: Mapping[str, str] | None) -> Environment:
        """The same environment with the endpoints of the local cloud."""
        if not endpoints:
            return self
        return replace(
            self,
            login=endpoints["login"],
            graph=endpoints["graph"],
            resource_manager=endpoints["resourceManager"],
        )


ENVIRONMENTS: Final[Mapping[str, Environment]] = {
    environment.name: environment
    for environment in (
        Environment(
            name="AzurePublicCloud",
            login="https://login.microsoftonline.com",
            graph="https://graph.microsoft.com",
            graph_scope="https://graph.microsoft.com/.default",
            resource_manager="https://management.azure.com",
            resource_manager_scope="https://management.azure.com/.default",
            vault_suffix="vault.azure.net",
            federation_scope="api://AzureADTokenExchange/.default",
            portal="https://portal.azure.com",
        ),
        Environment(
            name="AzureUSGovernmentCloud",
            login="https://login.microsoftonline.us",
            graph="https://graph.microsoft.us",
            graph_scope="https://graph.microsoft.us/.default",
            resource_manager="https://management.usgovcloudapi.net",
            resource_manager_scope="https://management.core.usgovcloudapi.net/.default",
            vault_suffix="vault.usgovcloudapi.net",
            federation_scope="api://AzureADTokenExchangeUSGov/.default",
            portal="https://portal.azure.us",
        ),
    )
}
