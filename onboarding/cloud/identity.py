"""Who this service is in Entra ID: its managed identity, and what that stands for in other tenants.

In its home tenant the identity speaks for itself. In another tenant a multi-tenant application speaks, and
proves itself with a token of the managed identity (a federated credential): nobody holds a secret.
One credential per tenant, kept, because each has its own token cache.

Source: https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity.
"""

from __future__ import annotations

from pathlib import Path

from azure.core.credentials_async import AsyncTokenCredential
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import ClientAssertionCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential

from onboarding.cloud.environments import Environment
from onboarding.errors import PermanentError


class Identity:
    """The service's credentials, one for each tenant."""

    def __init__(
        self,
        environment: Environment,
        *,
        home_tenant: str,
        identity_client: str,
        multitenant_client: str = "",
        certificate: Path | None = None,
    ) -> None:
        self._environment = environment
        self._home = home_tenant.casefold()
        self._identity_client = identity_client
        self._multitenant_client = multitenant_client
        self._certificate = certificate
        self._by_tenant: dict[str, AsyncTokenCredential] = {}
        self._assertion: ManagedIdentityCredential | None = None

    @property
    def home(self) -> AsyncTokenCredential:
        """The managed identity itself: for the vault, and for the home tenant's directory."""
        return self.of_tenant(self._home)

    def of_tenant(self, tenant: str) -> AsyncTokenCredential:
        """The credential for a tenant; ``PermanentError`` when this deployment has none for it."""
        tenant = tenant.casefold()
        if tenant not in self._by_tenant:
            self._by_tenant[tenant] = self._make(tenant)
        return self._by_tenant[tenant]

    def _make(self, tenant: str) -> AsyncTokenCredential:
        if tenant == self._home:
            return AsyncManagedIdentityCredential(client_id=self._identity_client or None)
        if not self._multitenant_client:
            raise PermanentError(
                f"This deployment serves tenant {self._home} only, and the request is for {tenant}.",
                code="tenant-not-served",
                title="The tenant is not served by this deployment",
                remedy="Deploy the service in that tenant, or set MULTITENANT_CLIENT_ID (docs/deploy.md).",
            )
        local = {"connection_verify": str(self._certificate)} if self._certificate else {}
        return ClientAssertionCredential(
            tenant_id=tenant,
            client_id=self._multitenant_client,
            func=self._assert,
            authority=self._environment.login,
            disable_instance_discovery=bool(self._certificate),
            **local,
        )

    def _assert(self) -> str:
        """A token of the managed identity; the SDK wants it from a plain function and caches what it buys."""
        if self._assertion is None:
            self._assertion = ManagedIdentityCredential(client_id=self._identity_client or None)
        return str(self._assertion.get_token(self._environment.federation_scope).token)

    async def close(self) -> None:
        """Closes the connections of all credentials."""
        for credential in self._by_tenant.values():
            await credential.close()
        self._by_tenant.clear()
