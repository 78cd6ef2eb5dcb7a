"""The clients of Azure: directories, subscriptions and the vault."""

from __future__ import annotations

import functools
from collections import OrderedDict
from pathlib import Path
from typing import Final, Self

import httpx

from onboarding.cloud import failures
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.directory import Directory
from onboarding.cloud.environments import Environment
from onboarding.cloud.guest import ConsentState, unsigned
from onboarding.cloud.identity import Identity
from onboarding.cloud.key_vault import KeyVault
from onboarding.cloud.microsoft_graph import MicrosoftGraph, http_client
from onboarding.cloud.ports import Guard, allowed
from onboarding.cloud.resource_manager import ResourceManager
from onboarding.cloud.secret_proof import SecretProof
from onboarding.cloud.service_names import RESOURCE_MANAGER
from onboarding.settings import Settings

_MOST_SUBSCRIPTIONS: Final = 50
"""The number of clients that are kept: the most recently used. They share their connections and tokens."""


class AzureClouds(Clouds):
    """All clients of one process; each is kept, with its connections and tokens."""

    def __init__(
        self,
        environment: Environment,
        identity: Identity,
        vault_url: str,
        certificate: Path | None,
        guard: Guard,
    ) -> None:
        """``guard`` is asked before something is removed, in any tenant or in the vault."""
        self._guard = guard
        self.environment = environment
        self._identity = identity
        self._http = http_client(certificate)
        self._directories: dict[str, Directory] = {}
        self._subscriptions: OrderedDict[tuple[str, str], ResourceManager] = OrderedDict()
        self.proof = SecretProof(environment, self._http)
        self.vault = KeyVault(
            vault_url, identity.home, identity.transport, local=certificate is not None, guard=guard
        )

    @classmethod
    def of(
        cls,
        settings: Settings,
        environment: Environment,
        guard: Guard = allowed,
        state: ConsentState = unsigned,
    ) -> Self:
        """The clients of a deployment."""
        identity = Identity(
            environment,
            home_tenant=settings.home_tenant_id,
            identity_client=settings.identity_client_id,
            multitenant_client=settings.multitenant_client_id,
            certificate=settings.local_cloud_ca,
            state=state,
        )
        return cls(environment, identity, settings.key_vault_url, settings.local_cloud_ca, guard)

    def directory(self, tenant: str) -> Directory:
        """A tenant's directory. Raises ``PermanentError`` when this deployment does not serve the tenant."""
        if tenant not in self._directories:
            credential, client = self._identity.of_tenant(tenant), self._identity.client_of(tenant)
            guest = functools.partial(self._identity.guest_in, tenant)
            graph = MicrosoftGraph(self.environment, credential, self._http, client=client, guest=guest)
            self._directories[tenant] = Directory(graph, guard=self._guard)
        return self._directories[tenant]

    def is_home(self, tenant: str) -> bool:
        """Whether a tenant is the one in which this service is deployed."""
        return self._identity.is_home(tenant)

    def subscription(self, tenant: str, subscription: str) -> ResourceManager:
        """A subscription, with the service's identity in the tenant."""
        key = (tenant, subscription.casefold())
        found = self._subscriptions.pop(key, None) or ResourceManager(
            self.environment, self._identity.of_tenant(tenant), subscription, self._identity.transport
        )
        self._subscriptions[key] = found  # the last one
        if len(self._subscriptions) > _MOST_SUBSCRIPTIONS:  # callers choose their IDs
            self._subscriptions.popitem(last=False)
        return found

    async def ping_resource_manager(self) -> None:
        """Raises unless Resource Manager answers; the status of its response does not matter."""
        try:
            await self._http.get(self.environment.resource_manager)
        except httpx.TransportError as error:
            raise failures.unreachable(RESOURCE_MANAGER, error) from error
