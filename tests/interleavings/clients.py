"""The app's own clients, connected to the simulated cloud in the process of the test."""

from __future__ import annotations

import functools
import time
from types import TracebackType
from typing import Any, Self

import httpx
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import HttpRequest
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl
from azure.core.utils import case_insensitive_dict

from infra.local.cloud.messages import Answer
from onboarding.cloud.azure_clouds import AzureClouds
from onboarding.cloud.directory import Directory
from onboarding.cloud.environments import ENVIRONMENTS, Environment
from onboarding.cloud.guest import Guest
from onboarding.cloud.key_vault import KeyVault
from onboarding.cloud.microsoft_graph import MicrosoftGraph
from onboarding.cloud.resource_manager import ResourceManager
from onboarding.cloud.secret_proof import SecretProof
from tests.interleavings.cloud import InProcessCloud
from tests.support.customers import FABRIKAM


class _Http(httpx.AsyncBaseTransport):
    """The transport for httpx."""

    def __init__(self, cloud: InProcessCloud) -> None:
        self._cloud = cloud

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        answer, lost = await self._cloud.exchange(request.method, str(request.url), request.headers, body)
        if lost:
            raise httpx.ReadError("the answer was lost", request=request)
        return httpx.Response(answer.status, headers=_headers(answer), content=answer.encoded())


class _Closed:
    """Something that has nothing to close."""

    async def close(self) -> None:
        """Nothing is open."""

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing is open."""


class _Sdk(_Closed, AsyncHttpTransport[HttpRequest, Any]):
    """The transport for the Azure SDK."""

    def __init__(self, cloud: InProcessCloud) -> None:
        self._cloud = cloud

    async def send(self, request: HttpRequest, **_: Any) -> Any:
        """Send a request."""
        body = request.content or b""
        body = body.encode() if isinstance(body, str) else body
        answer, lost = await self._cloud.exchange(request.method, request.url, request.headers, body)
        assert not lost
        response = AsyncHttpResponseImpl(
            request=request,
            internal_response=self,
            status_code=answer.status,
            reason="",
            content_type=answer.content_type(),
            headers=case_insensitive_dict(_headers(answer)),
            stream_download_generator=None,
        )
        response._content = answer.encoded()
        return response

    async def open(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        return self


class _Credential(_Closed, AsyncTokenCredential):
    """Tokens of the service's identity."""

    def __init__(self, cloud: InProcessCloud, tenant: str) -> None:
        self._cloud = cloud
        self._tenant = tenant

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        resource = scopes[0].removesuffix("/.default")
        home = self._tenant == self._cloud.info["tenant"]
        cloud = self._cloud
        token = cloud.identity_token(resource) if home else cloud.service_token(self._tenant, resource)
        return AccessToken(token, int(time.time()) + 3000)

    async def get_token_info(self, *scopes: str, **_: Any) -> AccessTokenInfo:
        token = await self.get_token(*scopes)
        return AccessTokenInfo(token.token, token.expires_on)

    def known(self, _scope: str) -> str:
        return ""

    async def newer(self, scope: str, _moment: float) -> str:
        return (await self.get_token(scope)).token


class InProcessClouds(AzureClouds):
    """The app's own clients, with these transports."""

    def __init__(self, cloud: InProcessCloud) -> None:
        self._directories: dict[str, Directory] = {}
        self.environment: Environment = ENVIRONMENTS["AzurePublicCloud"].redirected(cloud.info)
        self._http = httpx.AsyncClient(transport=_Http(cloud))
        self._home = str(cloud.info["tenant"])
        clients = {
            self._home: cloud.info["identity"]["clientId"],
            FABRIKAM: cloud.info["multitenantClientId"],
        }
        for tenant, client in clients.items():
            credential: Any = _Credential(cloud, tenant)
            url = self.environment.admin_consent(tenant, client)
            known = None if tenant == self._home else Guest(tenant=tenant, app=client, url=url, page=url)
            guest = functools.partial(_known, known)
            graph = MicrosoftGraph(self.environment, credential, self._http, client=client, guest=guest)
            self._directories[tenant] = Directory(graph)
        transport: Any = _Sdk(cloud)
        self.proof = SecretProof(self.environment, self._http)
        home: Any = _Credential(cloud, self._home)
        self._resources = home, transport
        self.vault = KeyVault(cloud.info["keyVault"], home, transport, local=True)

    def directory(self, tenant: str) -> Directory:
        """A tenant's directory."""
        return self._directories[tenant]

    def subscription(self, tenant: str, subscription: str) -> ResourceManager:
        """A subscription of the home tenant."""
        assert tenant == self._home
        return ResourceManager(self.environment, self._resources[0], subscription, self._resources[1])

    def is_home(self, tenant: str) -> bool:
        """Whether a tenant is the one of the managed identity."""
        return tenant == self._home


async def _known(guest: Guest | None) -> Guest | None:
    return guest


def _headers(answer: Answer) -> dict[str, str]:
    headers = dict(answer.headers)
    if content_type := answer.content_type():
        headers.setdefault("Content-Type", content_type)
    return headers
