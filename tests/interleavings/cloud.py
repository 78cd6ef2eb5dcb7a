"""The simulated cloud in the process of the test: no sockets, no threads, and each request is one step."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import HttpRequest
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl
from azure.core.utils import case_insensitive_dict

from infra.local.cloud.cloud import open_cloud
from infra.local.cloud.faults import Faults
from infra.local.cloud.managed_identity import PATH
from infra.local.cloud.messages import Answer, Failure, JsonObject, Request
from onboarding.cloud.azure_clouds import AzureClouds
from onboarding.cloud.directory import Directory
from onboarding.cloud.environments import ENVIRONMENTS, Environment
from onboarding.cloud.key_vault import KeyVault
from onboarding.cloud.microsoft_graph import MicrosoftGraph
from onboarding.cloud.secret_proof import SecretProof
from tests.support.memory import Around, Call, nothing

CLOUD: Final = ("login", "graph", "keyVault")
"""The services that calls in the process reach; the names of their calls' places."""

_READS: Final = {"GET", "HEAD"}


class InProcessCloud:
    """Answers requests of the app's own clients. Every request passes ``around``, as those to storage do."""

    def __init__(self, folder: Path) -> None:
        self._cloud = open_cloud(folder, "AzurePublicCloud", permissions="consent")
        self.around: Around = nothing
        self.info: JsonObject = self._cloud.body()
        for bound in self._cloud.sockets.values():
            bound.close()
        self._services = {service.name: service for service in self._cloud.services}
        self._names = {urlsplit(self.info[name]).netloc: name for name in CLOUD}
        self._tokens: dict[str, str] = {}
        self.log: list[tuple[str, str, str, int]] = []
        """Service, method, target and status of each request."""

    @property
    def faults(self) -> Faults:
        """What a test refuses; ``status`` and ``drop`` only."""
        return self._cloud.front.faults

    def close(self) -> None:
        """Close the files."""
        self._cloud.database.close()

    def identity_token(self, resource: str) -> str:
        """A token of the service's identity, as its endpoint in App Service issues it."""
        query = {
            "api-version": "2019-08-01",
            "resource": resource,
            "client_id": self.info["identity"]["clientId"],
        }
        request = Request(
            method="GET",
            path=PATH,
            query=query,
            target=PATH,
            headers={"X-IDENTITY-HEADER": self.info["identityHeader"]},
            body=b"",
        )
        answer = self._services["managedIdentity"].handle(request)
        assert answer.body is not None
        return str(answer.body["access_token"])

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Answer, bool]:
        """The answer to a request, and whether it got lost on its way."""
        parts = urlsplit(url)
        name = self._names[parts.netloc]
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        # A proof reads what login knows. A batch reads, too: the app only reads with it.
        writes = method not in _READS and name != "login" and not parts.path.endswith("/$batch")
        place = Call(name=method, place=name, rows=((parts.path, ""),), writes=writes)
        async with self.around(place):
            answer, lost = self.answer(name, method, target, headers, body)
        return answer, lost

    def answer(
        self, name: str, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[Answer, bool]:
        """The answer of a service at once, and whether it gets lost."""
        parts = urlsplit(target)
        service = self._services[name]
        request = Request(
            method=method,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            target=target,
            headers=httpx.Headers(dict(headers)),
            body=body,
        )
        struck = [fault.settings for fault in self.faults.meeting(name, request)]
        refusals = [fault for fault in struck if fault.kind == "status" and fault.when == "before"]
        if refusals:
            (fault,) = refusals
            failure = Failure(status=fault.status or 500, code=fault.code, message=fault.message)
            answer = service.failed(request, failure)
        else:
            answer = service.handle(request)
        self._cloud.database.commit()
        self.log.append((name, method, target, answer.status))
        return answer, any(fault.kind == "drop" for fault in struck)

    def graph(self, path: str) -> Any:
        """What an administrator reads in Graph, at once; None if it is not there."""
        answer = self.graph_as_administrator("GET", f"/v1.0{path}")
        return answer.body if answer.status < httpx.codes.BAD_REQUEST else None

    def vault(self, method: str, path: str) -> Any:
        """What an administrator reads or deletes in the vault, at once; None if it is not there."""
        answer = self.vault_as_administrator(method, f"{path}?api-version=7.6")
        return answer.body if answer.status < httpx.codes.BAD_REQUEST else None

    def graph_as_administrator(self, method: str, path: str, body: bytes = b"") -> Answer:
        """The answer of Graph to an administrator."""
        headers = self._administrator("https://graph.microsoft.com")
        return self.answer("graph", method, path, headers, body)[0]

    def vault_as_administrator(self, method: str, path: str, body: bytes = b"") -> Answer:
        """The answer of the vault to an administrator."""
        return self.answer("keyVault", method, path, self._administrator("https://vault.azure.net"), body)[0]

    def signs_in(self, app: str, secret: str) -> bool:
        """Whether login accepts a secret."""
        return self._sign_in(app, secret, "https://graph.microsoft.com").status == httpx.codes.OK

    def _administrator(self, resource: str) -> dict[str, str]:
        if resource not in self._tokens:
            client = self.info["clients"]["administrator"]
            answer = self._sign_in(client["clientId"], client["clientSecret"], resource)
            assert answer.body is not None
            self._tokens[resource] = str(answer.body["access_token"])
        authorization = f"Bearer {self._tokens[resource]}"
        return {"Authorization": authorization, "Content-Type": "application/json"}

    def _sign_in(self, client: str, secret: str, resource: str) -> Answer:
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": secret,
            "scope": f"{resource}/.default",
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        path = f"/{self.info['tenant']}/oauth2/v2.0/token"
        return self.answer("login", "POST", path, headers, urlencode(form).encode())[0]


class _Http(httpx.AsyncBaseTransport):
    """The wire of httpx."""

    def __init__(self, cloud: InProcessCloud) -> None:
        self._cloud = cloud

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        answer, lost = await self._cloud.exchange(request.method, str(request.url), request.headers, body)
        if lost:
            raise httpx.ReadError("the answer was lost", request=request)
        return httpx.Response(answer.status, headers=_headers(answer), content=answer.encoded())


class _Sdk(AsyncHttpTransport[HttpRequest, Any]):
    """The wire of the Azure SDK."""

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

    async def close(self) -> None:
        """Nothing is open."""

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        return self


class _Credential(AsyncTokenCredential):
    """Tokens of the service's identity."""

    def __init__(self, cloud: InProcessCloud) -> None:
        self._cloud = cloud

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        token = self._cloud.identity_token(scopes[0].removesuffix("/.default"))
        return AccessToken(token, int(time.time()) + 3000)

    async def get_token_info(self, *scopes: str, **_: Any) -> AccessTokenInfo:
        token = await self.get_token(*scopes)
        return AccessTokenInfo(token.token, token.expires_on)

    async def newer(self, scope: str, _moment: float) -> str:
        return (await self.get_token(scope)).token

    async def close(self) -> None:
        """Nothing is open."""

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing is open."""


class InProcessClouds(AzureClouds):
    """The app's own clients, on these wires."""

    def __init__(self, cloud: InProcessCloud) -> None:
        self.environment: Environment = ENVIRONMENTS["AzurePublicCloud"].redirected(cloud.info)
        credential: Any = _Credential(cloud)
        self._http = httpx.AsyncClient(transport=_Http(cloud))
        graph = MicrosoftGraph(
            self.environment, credential, self._http, client=cloud.info["identity"]["clientId"]
        )
        self._directory = Directory(graph)
        transport: Any = _Sdk(cloud)
        self.proof = SecretProof(self.environment, self._http)
        self.vault = KeyVault(cloud.info["keyVault"], credential, transport, local=True)

    def directory(self, tenant: str) -> Directory:  # noqa: ARG002 - there is one tenant
        """The tenant's directory."""
        return self._directory


def _headers(answer: Answer) -> dict[str, str]:
    headers = dict(answer.headers)
    if content_type := answer.content_type():
        headers.setdefault("Content-Type", content_type)
    return headers
