"""Azure Resource Manager: the operations on one subscription that onboarding needs."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.rest import HttpRequest
from azure.mgmt.resource.resources.aio import ResourceManagementClient

from onboarding.cloud.azure_sdk import CallRecorder, Transport, error_of
from onboarding.cloud.environments import Environment
from onboarding.cloud.identity import Credential
from onboarding.cloud.ports import Subscription
from onboarding.cloud.service_names import RESOURCE_MANAGER
from onboarding.errors import responses
from onboarding.texts import reasons

_T = TypeVar("_T")
_HIDDEN: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
"""Resource Manager can return any of these if the caller has no role."""


API_VERSION: Final = "2022-09-01"
"""Of the resource providers. Fixed, because the newest version of the SDK can be missing in another cloud."""


class ResourceManager(Subscription):
    """One subscription."""

    def __init__(
        self,
        environment: Environment,
        credential: Credential,
        subscription: str,
        transport: Transport,
    ) -> None:
        self._subscription = subscription
        self._address = environment.resource_manager
        self._credential = credential
        self._scope = environment.resource_manager_scope
        self._client = ResourceManagementClient(
            credential,
            subscription,
            api_version=API_VERSION,
            base_url=environment.resource_manager,
            credential_scopes=[environment.resource_manager_scope],
            per_retry_policies=[CallRecorder(RESOURCE_MANAGER)],
            retry_total=0,  # the engine decides when to retry
            transport=transport,
        )

    async def subscription(self) -> Mapping[str, Any]:
        """The subscription's own record: ``tenantId``, ``state``, ``displayName``."""
        return await self._ask(lambda: self._get(f"/subscriptions/{self._subscription}", "2022-12-01"))

    async def permissions(self) -> list[Mapping[str, Any]]:
        """What the service's identity may do in the subscription: ``actions`` and ``notActions``."""
        path = f"/subscriptions/{self._subscription}/providers/Microsoft.Authorization/permissions"
        return await self._ask(lambda: self._all(path, "2022-04-01"))

    async def registrations(self) -> dict[str, str]:
        """The registration state of each resource provider, by lower-case namespace."""
        return await self._ask(self._registrations)

    async def register(self, namespace: str) -> str:
        """Registers a resource provider; returns its state. Safe to repeat."""
        provider = await self._ask(lambda: self._client.providers.register(namespace))
        return str(provider.registration_state)

    async def registration(self, namespace: str) -> str:
        """The registration state of one resource provider."""
        provider = await self._ask(lambda: self._client.providers.get(namespace))
        return str(provider.registration_state)

    async def _ask(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Makes a call, and once more with a new token if it is refused: a new role can need one.

        Source: https://learn.microsoft.com/azure/role-based-access-control/troubleshooting.
        """
        began, token = time.monotonic(), self._credential.known(self._scope)
        try:
            try:
                return await call()
            except HttpResponseError as error:
                if not token or error.status_code not in _HIDDEN:
                    raise
                if await self._credential.newer(self._scope, began) == token:
                    raise
                return await call()
        except AzureError as error:
            raise error_of(RESOURCE_MANAGER, error) from error

    async def _registrations(self) -> dict[str, str]:
        return {
            str(provider.namespace).casefold(): str(provider.registration_state)
            async for provider in self._client.providers.list()
        }

    async def _all(self, path: str, version: str) -> list[Mapping[str, Any]]:
        """All entries of a list. A page without entries can have a continuation, too."""
        page = await self._get(path, version)
        found: list[Mapping[str, Any]] = [*(page.get("value") or ())]
        while link := page.get("nextLink"):
            if not str(link).startswith(f"{self._address}/"):  # the token is for Resource Manager only
                raise responses.ANSWER_UNREADABLE.error(
                    service=RESOURCE_MANAGER, fault=reasons.FAULT_PAGE.of()
                )
            page = await self._get(str(link))
            found += page.get("value") or ()
        return found

    async def _get(self, url: str, version: str = "") -> Mapping[str, Any]:
        parameters = {"api-version": version} if version else None
        response = await self._client.send_request(HttpRequest("GET", url, params=parameters))
        response.raise_for_status()
        document: Mapping[str, Any] = response.json()
        return document
