"""The names in each Microsoft cloud environment, and the sample tenants.

Tokens, challenges and links contain these names; the simulated services listen on local addresses.
Sources: https://learn.microsoft.com/graph/deployments and
https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TENANT: Final = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
SUBSCRIPTION: Final = "9a6c2b14-58d3-4f0e-8e21-7b5d3c9f0a46"
INITIAL_DOMAIN: Final = "contoso.onmicrosoft.com"
CUSTOM_DOMAIN: Final = "contoso.com"


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantNames:
    """The names of one tenant, and the one subscription that trusts it."""

    id: str
    name: str
    subscription: str
    domains: tuple[str, ...]
    """The verified ones: the initial one first, the default one last."""

    def known_as(self, name: str) -> bool:
        """Whether a path of login means this tenant: by its id or by one of its domains."""
        return name.lower() in (self.id, *self.domains)


HOME: Final = TenantNames(
    id=TENANT, name="Contoso", subscription=SUBSCRIPTION, domains=(INITIAL_DOMAIN, CUSTOM_DOMAIN)
)
"""The service's own tenant: its identity, its API, its vault."""

CUSTOMER: Final = TenantNames(
    id="8b1f6c70-2d94-4e3a-a5c1-6f7e0d9b3a21",
    name="Fabrikam",
    subscription="c4e2d810-7f36-49ab-b0d5-1a8e6c5f2b93",
    domains=("fabrikam.onmicrosoft.com", "fabrikam.com"),
)
"""Another tenant, which knows nothing of the service until its administrator consents."""

TENANTS: Final = (HOME, CUSTOMER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """One Microsoft cloud: the resources of its tokens, and the differences in its schema."""

    name: str
    login: str
    graph: str
    resource_manager: tuple[str, ...]
    key_vault: str
    storage: str
    token_exchange: str
    """The audience of a managed identity's token that is used with a federated credential."""
    absent: frozenset[str] = frozenset()
    """Properties of applications and service principals that this cloud's Graph does not have."""


ENVIRONMENTS: Final = {
    environment.name: environment
    for environment in (
        Environment(
            name="AzurePublicCloud",
            login="https://login.microsoftonline.com",
            graph="https://graph.microsoft.com",
            resource_manager=("https://management.azure.com", "https://management.core.windows.net"),
            key_vault="https://vault.azure.net",
            storage="https://storage.azure.com",
            token_exchange="api://AzureADTokenExchange",  # noqa: S106 an audience, not a secret
        ),
        Environment(
            name="AzureUSGovernmentCloud",
            login="https://login.microsoftonline.us",
            graph="https://graph.microsoft.us",
            resource_manager=(
                "https://management.usgovcloudapi.net",
                "https://management.core.usgovcloudapi.net",
            ),
            key_vault="https://vault.usgovcloudapi.net",
            storage="https://storage.azure.com",
            token_exchange="api://AzureADTokenExchangeUSGov",  # noqa: S106 an audience, not a secret
            absent=frozenset(
                {
                    "certification",
                    "nativeAuthenticationApisEnabled",
                    "samlMetadataUrl",
                    "verifiedPublisher",
                    "resourceSpecificApplicationPermissions",
                }
            ),
        ),
    )
}
