"""Who this service is in Entra ID: its managed identity, and what that stands for in other tenants.

In its home tenant the identity speaks for itself. In another tenant a multi-tenant application speaks, and
proves itself with a token of the managed identity (a federated credential): nobody holds a secret.
One credential per tenant, kept, because each has its own token cache.

Source: https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import ClientAssertionCredential, ManagedIdentityCredential

from onboarding.cloud.azure_sdk import Transport
from onboarding.cloud.environments import Environment
from onboarding.errors import OnboardingError, cloud, requests

_NOT_CONSENTED: Final = re.compile(r"AADSTS(700016|7000229|65001)\b")
"""What login says of an application that a tenant does not have, or has not consented to.

Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""


class FederatedCredential:
    """The multi-tenant application in one tenant, proven by a token of the managed identity.

    The SDK wants the proof from a plain function, which would stop the event loop while it is fetched. So it
    is fetched first; the identity's credential keeps it until it expires.
    """

    def __init__(
        self,
        environment: Environment,
        identity: AsyncTokenCredential,
        *,
        tenant: str,
        client: str,
        transport: Transport,
        local: bool,
    ) -> None:
        self._environment = environment
        self._identity = identity
        self._tenant = tenant
        self._client = client
        self._assertion = ""
        self._credential = ClientAssertionCredential(
            tenant_id=tenant,
            client_id=client,
            func=lambda: self._assertion,
            authority=environment.login,
            disable_instance_discovery=local,
            transport=transport,
        )

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token of the tenant; ``PermanentError`` when its administrator has not consented."""
        self._assertion = (await self._identity.get_token(self._environment.federation_scope)).token
        try:
            return await self._credential.get_token(*scopes, **options)
        except ClientAuthenticationError as error:
            if found := _NOT_CONSENTED.search(str(error)):
                raise self._not_consented(found.group()) from error
            raise

    def _not_consented(self, said: str) -> OnboardingError:
        url = self._environment.admin_consent(self._tenant, self._client)
        return cloud.TENANT_NOT_CONSENTED.error(tenant=self._tenant, app=self._client, answer=said, url=url)

    async def close(self) -> None:
        """Closes the connections to the identity platform; the identity's are not its own."""
        await self._credential.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


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
        self._local = certificate is not None
        self.transport = Transport(certificate)
        self._by_tenant: dict[str, AsyncTokenCredential] = {}

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
            return ManagedIdentityCredential(
                client_id=self._identity_client or None, transport=self.transport
            )
        if not self._multitenant_client:
            raise requests.TENANT_NOT_SERVED.error(tenant=tenant)
        return FederatedCredential(
            self._environment,
            self.home,
            tenant=tenant,
            client=self._multitenant_client,
            transport=self.transport,
            local=self._local,
        )
