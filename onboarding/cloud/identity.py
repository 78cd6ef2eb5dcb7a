"""The service in Entra ID: its managed identity, and the application that represents it in other tenants.

In its home tenant the identity itself signs in. In another tenant a multi-tenant application signs in with a
token of the managed identity (a federated credential), so there is no secret. Each tenant has one credential
with one cache of tokens.

Source: https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import jwt
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.identity.aio import ClientAssertionCredential, ManagedIdentityCredential

from onboarding.cloud.azure_sdk import Transport
from onboarding.cloud.environments import Environment
from onboarding.cloud.guest import ConsentState, Guest, unsigned
from onboarding.cloud.service_names import GRAPH, KEY_VAULT, LOGIN, RESOURCE_MANAGER
from onboarding.cloud.token_refusals import error_of
from onboarding.errors import OnboardingError, deployment, login

_ONCE: Final[dict[str, Any]] = {"retry_total": 0}  # the engine decides when to try again
_LONG_AGO: Final = 3600
"""Seconds; the clients of the SDK add up to a minute to the time from which on they ask for a new token."""


class Credential(AsyncTokenCredential):
    """Tokens of one identity in one tenant. Refusals are this service's errors, whoever asks for the token.

    Tokens for continuous access evaluation would have a cache of their own, and live for a day. The service
    does not ask for them: they do not apply to managed identities and multi-tenant applications. Source:
    https://learn.microsoft.com/entra/identity/conditional-access/concept-continuous-access-evaluation-workload.
    """

    def __init__(self, environment: Environment, tenant: str, app: str, transport: Transport) -> None:
        self._environment = environment
        self._tenant = tenant
        self._app = app
        self._transport = transport
        self._issuing = self._make()
        self._renewing = asyncio.Lock()
        self._obtained: dict[str, tuple[str, float]] = {}

    async def get_token(self, *scopes: str, claims: str | None = None, **_: Any) -> AccessToken:
        """A token from the cache, or a new one. Raises this service's errors."""
        token = await self._token(*scopes, claims=claims)
        if self.known(scopes[0]) != token.token:
            self._obtained[scopes[0]] = (token.token, time.monotonic())
        return token

    async def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        """As ``get_token``. Clients ask for each request, so that no client has a cache of its own."""
        token = await self.get_token(*scopes, claims=(options or {}).get("claims"))
        return AccessTokenInfo(token.token, token.expires_on, refresh_on=int(time.time()) - _LONG_AGO)

    async def newer(self, scope: str, moment: float) -> str:
        """A token that was issued after a moment of ``time.monotonic``.

        It contains the roles that were assigned before, unless the identity endpoint returns a token from its
        cache.
        """
        async with self._renewing:
            token = await self.get_token(scope)
            if self._obtained[scope][1] < moment:
                self._issuing = self._make()
                token = await self.get_token(scope)
            return token.token

    def known(self, scope: str) -> str:
        """The token in use; empty if there is none yet."""
        return self._obtained.get(scope, ("", 0.0))[0]

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()

    async def _token(self, *scopes: str, claims: str | None) -> AccessToken:
        options: dict[str, Any] = {"claims": claims} if claims else {}
        try:
            return await self._issuing.get_token(*scopes, **options)
        except AzureError as error:
            raise error_of(self._service(scopes[0]), error, await self._values()) from error

    @abstractmethod
    def _make(self) -> AsyncTokenCredential:
        """The SDK's credential, with an empty cache."""

    async def _values(self) -> Mapping[str, str]:
        """What the texts of errors can name."""
        page = self._environment.admin_consent(self._tenant, self._app)
        return {
            "tenant": self._tenant,
            "app": self._app,
            "url": page,
            "page": page,
            "cloud": self._environment.name,
            "issuer": f"{self._environment.login}/{self._tenant}/v2.0",
            "subject": "(unknown)",
            "audience": self._environment.federation_scope.removesuffix("/.default"),
        }

    def _service(self, scope: str) -> str:
        """For whom a token is."""
        names = {
            self._environment.graph_scope: GRAPH,
            self._environment.resource_manager_scope: RESOURCE_MANAGER,
            f"https://{self._environment.vault_suffix}/.default": KEY_VAULT,
            self._environment.federation_scope: LOGIN,
        }
        return names.get(scope, scope.removesuffix("/.default"))


class IdentityCredential(Credential):
    """The managed identity itself."""

    def _make(self) -> AsyncTokenCredential:
        return ManagedIdentityCredential(client_id=self._app or None, transport=self._transport, **_ONCE)


class FederatedCredential(Credential):
    """The multi-tenant application in one tenant, proven by a token of the managed identity.

    The SDK wants the proof from a plain function, which would stop the event loop while it is fetched. So it
    is fetched first; the identity's credential keeps it until it expires.
    """

    def __init__(
        self,
        environment: Environment,
        identity: Credential,
        *,
        tenant: str,
        client: str,
        transport: Transport,
        local: bool,
        state: ConsentState,
    ) -> None:
        self._identity = identity
        self._state = state
        self._assertion = ""
        self._local = local
        super().__init__(environment, tenant, client, transport)

    def _make(self) -> AsyncTokenCredential:
        return ClientAssertionCredential(
            tenant_id=self._tenant,
            client_id=self._app,
            func=lambda: self._assertion,
            authority=self._environment.login,
            disable_instance_discovery=self._local,
            transport=self._transport,
            **_ONCE,
        )

    async def _token(self, *scopes: str, claims: str | None) -> AccessToken:
        began = time.monotonic()
        scope = self._environment.federation_scope
        self._assertion = (await self._identity.get_token(scope)).token
        try:
            return await super()._token(*scopes, claims=claims)
        except OnboardingError as error:
            if error.kind is not login.ASSERTION_NOT_CURRENT:
                raise
        self._assertion = await self._identity.newer(scope, began)
        return await super()._token(*scopes, claims=claims)

    async def _values(self) -> Mapping[str, str]:
        """Also the three values of the assertion, to compare with the federated credential."""
        try:
            claims = jwt.decode(self._assertion, options={"verify_signature": False})
        except jwt.PyJWTError:
            claims = {}
        shown = {"issuer": claims.get("iss"), "subject": claims.get("sub")}
        state = await self._state(self._tenant)
        return {
            **await super()._values(),
            **{name: str(value) for name, value in shown.items() if value},
            "page": self._environment.admin_consent(self._tenant, self._app, state),
        }


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
        state: ConsentState = unsigned,
    ) -> None:
        self._environment = environment
        self._state = state
        self._home = home_tenant.casefold()
        self._identity_client = identity_client
        self._multitenant_client = multitenant_client
        self._local = certificate is not None
        self.transport = Transport(certificate)
        self._by_tenant: dict[str, Credential] = {}

    @property
    def home(self) -> Credential:
        """The managed identity itself: for the vault, and for the home tenant's directory."""
        return self.of_tenant(self._home)

    def is_home(self, tenant: str) -> bool:
        """Whether a tenant is the one of the managed identity."""
        return tenant.casefold() == self._home

    def of_tenant(self, tenant: str) -> Credential:
        """The credential for a tenant; ``PermanentError`` when this deployment has none for it."""
        tenant = tenant.casefold()
        if tenant not in self._by_tenant:
            self._by_tenant[tenant] = self._make(tenant)
        return self._by_tenant[tenant]

    def client_of(self, tenant: str) -> str:
        """The client ID of the service in a tenant; empty for an identity that the settings do not name."""
        return self._identity_client if self.is_home(tenant) else self._multitenant_client

    async def guest_in(self, tenant: str) -> Guest | None:
        """The application that represents the service in another tenant; None in the home tenant."""
        if self.is_home(tenant):
            return None
        app, page = self._multitenant_client, self._environment.admin_consent
        return Guest(
            tenant=tenant,
            app=app,
            url=page(tenant, app),
            page=page(tenant, app, await self._state(tenant.casefold())),
        )

    def _make(self, tenant: str) -> Credential:
        if tenant == self._home:
            return IdentityCredential(self._environment, tenant, self._identity_client, self.transport)
        if not self._multitenant_client:
            raise deployment.TENANT_NOT_SERVED.error(tenant=tenant)
        return FederatedCredential(
            self._environment,
            self.home,
            tenant=tenant,
            client=self._multitenant_client,
            transport=self.transport,
            local=self._local,
            state=self._state,
        )
