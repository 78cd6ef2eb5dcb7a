"""The clients of Azure: directories, subscriptions and the vault."""

from __future__ import annotations

from pathlib import Path

import httpx

from onboarding.cloud import failures
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.directory import Directory
from onboarding.cloud.environments import Environment
from onboarding.cloud.identity import Identity
from onboarding.cloud.key_vault import KeyVault
from onboarding.cloud.microsoft_graph import MicrosoftGraph, http_client
from onboarding.cloud.ports import RESOURCE_MANAGER
from onboarding.cloud.resource_manager import ResourceManager
from onboarding.cloud.secret_proof import SecretProof


class AzureClouds(Clouds):
    """All clients of one process; each is kept, with its connections and tokens."""

    def __init__(
        self, environment: Environment, identity: Identity, vault_url: str, certificate: Path | None
    ) -> None:
        self.environment = environment
        self._identity = identity
        self._http = http_client(certificate)
        self._directories: dict[str, Directory] = {}
        self._subscriptions: dict[tuple[str, str], ResourceManager] = {}
        self.proof = SecretProof(environment, self._http)
        self.vault = KeyVault(vault_url, identity.home, identity.transport, local=certificate is not None)

    def directory(self, tenant: str) -> Directory:
        """A tenant's directory. Raises ``PermanentError`` when this deployment does not serve the tenant."""
        if tenant not in self._directories:
            credential, client = self._identity.of_tenant(tenant), self._identity.client_of(tenant)
            graph = MicrosoftGraph(self.environment, credential, self._http, client=client)
            self._directories[tenant] = Directory(graph)
        return self._directories[tenant]

    def is_home(self, tenant: str) -> bool:
        """Whether a tenant is the one in which this service is deployed."""
        return self._identity.is_home(tenant)

    def subscription(self, tenant: str, subscription: str) -> ResourceManager:
        """A subscription, with the service's identity in the tenant."""
        key = (tenant, subscription)
        if key not in self._subscriptions:
            credential = self._identity.of_tenant(tenant)
            self._subscriptions[key] = ResourceManager(
                self.environment, credential, subscription, self._identity.transport
            )
        return self._subscriptions[key]

    async def ping_resource_manager(self) -> None:
        """Raises unless Resource Manager answers; the status of its response does not matter."""
        try:
            await self._http.get(self.environment.resource_manager)
        except httpx.TransportError as error:
            raise failures.unreachable(RESOURCE_MANAGER, error) from error
