"""Azure Resource Manager: what onboarding asks of one subscription."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest
from azure.mgmt.resource.resources.aio import ResourceManagementClient

from onboarding.cloud.azure_sdk import CallRecorder, Transport, error_of
from onboarding.cloud.environments import Environment
from onboarding.cloud.ports import RESOURCE_MANAGER, Subscription


class ResourceManager(Subscription):
    """One subscription."""

    def __init__(
        self,
        environment: Environment,
        credential: AsyncTokenCredential,
        subscription: str,
        transport: Transport,
    ) -> None:
        self._subscription = subscription
        self._client = ResourceManagementClient(
            credential,
            subscription,
            base_url=environment.resource_manager,
            credential_scopes=[environment.resource_manager_scope],
            per_retry_policies=[CallRecorder(RESOURCE_MANAGER)],
            retry_total=0,  # the engine decides when to try again
            transport=transport,
        )

    async def subscription(self) -> Mapping[str, Any]:
        """The subscription's own record: ``tenantId``, ``state``, ``displayName``."""
        return await self._get(f"/subscriptions/{self._subscription}", "2022-12-01")

    async def permissions(self) -> list[Mapping[str, Any]]:
        """What the service's identity may do in the subscription: ``actions`` and ``notActions``."""
        path = f"/subscriptions/{self._subscription}/providers/Microsoft.Authorization/permissions"
        found: list[Mapping[str, Any]] = (await self._get(path, "2022-04-01"))["value"]
        return found

    async def registrations(self) -> dict[str, str]:
        """The registration state of each resource provider, by lower-case namespace."""
        try:
            return {
                str(provider.namespace).casefold(): str(provider.registration_state)
                async for provider in self._client.providers.list()
            }
        except AzureError as error:
            raise error_of(RESOURCE_MANAGER, error) from error

    async def register(self, namespace: str) -> str:
        """Asks for a resource provider to be registered; returns its state. Safe to repeat."""
        try:
            return str((await self._client.providers.register(namespace)).registration_state)
        except AzureError as error:
            raise error_of(RESOURCE_MANAGER, error) from error

    async def registration(self, namespace: str) -> str:
        """The registration state of one resource provider."""
        try:
            return str((await self._client.providers.get(namespace)).registration_state)
        except AzureError as error:
            raise error_of(RESOURCE_MANAGER, error) from error

    async def _get(self, path: str, version: str) -> Mapping[str, Any]:
        try:
            response = await self._client.send_request(
                HttpRequest("GET", path, params={"api-version": version})
            )
            response.raise_for_status()
        except AzureError as error:
            raise error_of(RESOURCE_MANAGER, error) from error
        document: Mapping[str, Any] = response.json()
        return document
