"""The client of Microsoft Graph.

Paths come from msgraph-sdk's request builders. Answers are read as bytes: the SDK's typed models cost more
than a second and 40 MiB at first use. The SDK's retries are not used, because they repeat calls that are not
idempotent; the engine decides when to retry.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient

from onboarding.calls import CloudCall, record
from onboarding.cloud import failures, shapes
from onboarding.cloud.environments import Environment
from onboarding.cloud.guest import Guest, at_home
from onboarding.cloud.identity import Credential
from onboarding.cloud.ports import BATCH, Builder, Graph
from onboarding.cloud.replies import GraphResponse
from onboarding.cloud.service_names import GRAPH
from onboarding.errors import responses
from onboarding.texts import reasons

_TIMEOUT: Final = httpx.Timeout(30, connect=10)
_LONGEST: Final = 60
"""Seconds of a call with its response: less than an attempt of a step, and than the lock of a message."""
_OWNED: Final = "Application.ReadWrite.OwnedBy"
_PERMISSIONS: Final = (
    # In this order: assignments are below their service principal in the path.
    ("/oauth2PermissionGrants", "Directory.Read.All", "DelegatedPermissionGrant.ReadWrite.All"),
    ("/appRoleAssignedTo", "Application.Read.All", "AppRoleAssignment.ReadWrite.All"),
    ("/appRoleAssignments", _OWNED, "AppRoleAssignment.ReadWrite.All"),
    ("/applications", _OWNED, _OWNED),
    ("/directory/deletedItems", "Application.Read.All", _OWNED),
    ("/servicePrincipals", _OWNED, _OWNED),
    ("/organization", "Organization.Read.All", ""),
    ("/policies", "Policy.Read.All", ""),
)
"""The least application permission that a call needs: to read, and to write.

Source: the tables of each call, such as
https://learn.microsoft.com/graph/api/serviceprincipal-list-oauth2permissiongrants.
"""

_REFUSED: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
"""A token that was revoked, or that lacks a role which was assigned after it was issued."""

_LARGEST: Final = 8 << 20
"""Bytes of a response. An application has at most a few hundred kilobytes; a batch reads 15 of them."""

_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20)


class MicrosoftGraph(Graph):
    """Graph v1.0 in one tenant."""

    def __init__(
        self,
        environment: Environment,
        credential: Credential,
        http: httpx.AsyncClient,
        *,
        client: str = "",
        guest: Callable[[], Awaitable[Guest | None]] = at_home,
    ) -> None:
        """``client`` is the client ID of the service in the tenant; empty if it is not known.

        ``guest`` is called for a refusal.
        """
        host = httpx.URL(environment.graph).host
        self._credential = credential
        self._scope = environment.graph_scope
        provider = AzureIdentityAuthenticationProvider(
            credential, scopes=[environment.graph_scope], allowed_hosts=[host]
        )
        self._http = http
        self._adapter = GraphRequestAdapter(provider, client=http)
        self.address = f"{environment.graph}/v1.0"
        self.client = client
        self._guest = guest
        self._adapter.base_url = self.address
        self.paths = GraphServiceClient(request_adapter=self._adapter)

    async def send(
        self,
        method: str,
        builder: Builder,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> GraphResponse:
        """Makes one call and returns the response.

        Raises ``TransientError`` if there is no response, and ``PermanentError`` if there is no token.
        """
        parameters = {**builder.path_parameters, "baseurl": self._adapter.base_url}
        info = RequestInformation(Method(method), builder.url_template, parameters)
        client_request_id = str(uuid.uuid4())
        info.headers.add("client-request-id", client_request_id)
        info.headers.add("Accept", "application/json")
        for name, value in (headers or {}).items():
            info.headers.add(name, value)
        if query:
            info.query_parameters.update(query)
        if body is not None:
            info.set_stream_content(json.dumps(body).encode(), "application/json")
        began = time.monotonic()
        request = await self._adapter.convert_to_native_async(info)
        response, content = await self._exchange(request, client_request_id)
        if response.status_code in _REFUSED:  # without effect, so that it can be sent again
            authorization = f"Bearer {await self._credential.newer(self._scope, began)}"
            if authorization != request.headers["Authorization"]:
                request.headers["Authorization"] = authorization
                response, content = await self._exchange(request, client_request_id)
        return await self._reply(response, content, conform=builder is not BATCH)

    async def guest(self) -> Guest | None:
        """The service in a tenant other than its own."""
        return await self._guest()

    async def granted(self) -> frozenset[str] | None:
        """The application permissions in a new token of this service; None if it cannot be read.

        Microsoft promises no format: clients must not depend on it.
        Source: https://learn.microsoft.com/entra/identity-platform/access-tokens.
        """
        token = await self._credential.newer(self._scope, time.monotonic())
        try:
            # Our own token, straight from the identity platform: read, not verified.
            roles = jwt.decode(token, options={"verify_signature": False}).get("roles") or []
        except jwt.PyJWTError:
            return None
        return frozenset(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else None

    async def _exchange(self, request: httpx.Request, client_request_id: str) -> tuple[httpx.Response, bytes]:
        """One exchange: the response, and its body."""
        try:
            async with asyncio.timeout(_LONGEST):
                response = await self._http.send(request, stream=True)
                try:
                    content = await _read(response)
                finally:
                    await response.aclose()
        except (httpx.TransportError, TimeoutError) as error:
            self._record(request, 0, client_request_id, "")
            raise failures.unreachable(GRAPH, error) from error
        request_id = response.headers.get("request-id", "")
        self._record(request, response.status_code, client_request_id, request_id)
        return response, content

    async def _reply(self, response: httpx.Response, content: bytes, *, conform: bool) -> GraphResponse:
        try:
            document = json.loads(content) if content else None
        except (ValueError, RecursionError):
            document = ()
        if not response.is_error:
            if document is not None and not isinstance(document, Mapping):
                raise responses.ANSWER_UNREADABLE.error(service=GRAPH, fault=reasons.FAULT_JSON.of())
            return GraphResponse(
                status=response.status_code, document=shapes.conform(document) if conform else document
            )
        refusal = failures.Answer.from_body(GRAPH, response.status_code, response.headers, document)
        reads, path = response.request.method == "GET", response.request.url.path
        needs = next((read if reads else write for part, read, write in _PERMISSIONS if part in path), "")
        refusal = replace(refusal, needs=needs, guest=await self.guest())
        return GraphResponse(status=response.status_code, document=document, refusal=refusal)

    @staticmethod
    def _record(request: httpx.Request, status: int, client_request_id: str, request_id: str) -> None:
        record(
            CloudCall(
                service=GRAPH,
                method=request.method,
                path=request.url.path,
                status=status,
                request_id=request_id,
                client_request_id=client_request_id,
            )
        )


def http_client(certificate: Path | None) -> httpx.AsyncClient:
    """The connections that all tenants share; ``certificate`` is the local cloud's CA."""
    context = ssl.create_default_context(cafile=str(certificate) if certificate else None)
    return httpx.AsyncClient(verify=context, timeout=_TIMEOUT, limits=_LIMITS)


async def _read(response: httpx.Response) -> bytes:
    """Reads the body of a response. Raises ``PermanentError`` for a body that would fill the memory."""
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():  # decompressed
        size += len(chunk)
        if size > _LARGEST:
            raise responses.ANSWER_TOO_LARGE.error(service=GRAPH, limit=_LARGEST >> 20)
        chunks.append(chunk)
    return b"".join(chunks)
