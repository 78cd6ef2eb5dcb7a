"""The simulated Microsoft Graph: the caller, the handler, and the format of errors."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from infra.local.cloud.directory import Directory
from infra.local.cloud.first_party import GRAPH_APP_ID, audiences
from infra.local.cloud.graph.applications import Applications
from infra.local.cloud.graph.assignments import AppRoleAssignments
from infra.local.cloud.graph.batch import batched
from infra.local.cloud.graph.call import Call, error_answer
from infra.local.cloud.graph.deleted_items import DeletedItems
from infra.local.cloud.graph.errors import GraphError, malformed
from infra.local.cloud.graph.grants import PermissionGrants
from infra.local.cloud.graph.organization import Organization
from infra.local.cloud.graph.owners import Owners
from infra.local.cloud.graph.paths import Paths
from infra.local.cloud.graph.policies import AppPolicies
from infra.local.cloud.graph.service_principals import ServicePrincipals
from infra.local.cloud.messages import Answer, Failure, JsonObject, Request
from infra.local.cloud.tokens import TokenError, TokenFault, Tokens

_VERSION: Final = "v1.0"
_TOKEN_MESSAGES: Final = {
    TokenFault.MISSING: "Access token is empty.",
    TokenFault.MALFORMED: "IDX14100: JWT is not well formed, or its issuer or tenant is not accepted.",
    TokenFault.SIGNATURE: "Signature is invalid.",
    TokenFault.EXPIRED: "Lifetime validation failed, the token is expired.",
    TokenFault.AUDIENCE: "Access token validation failure. Invalid audience.",
}
_FAILURES: Final = {
    429: ("TooManyRequests", "Too many requests."),
    500: ("InternalServerError", "The server encountered an internal error. Please retry the request."),
    502: ("BadGateway", "Bad gateway."),
    503: ("ServiceNotAvailable", "The service is unavailable. Please retry the request after some time."),
    504: ("GatewayTimeout", "The gateway did not receive a timely response."),
}
_MESSAGES: Final = {
    "Directory_ConcurrencyViolation": "Error due to concurrent requests being made to the tenant."
    " Please wait briefly and retry.",
    "Authorization_RequestDenied": "Insufficient privileges to complete the operation.",
}
"""The texts of Graph for codes that tests request by name."""


class Graph:
    """Microsoft Graph v1.0 for the tenant in the token."""

    name = "graph"

    def __init__(
        self,
        directories: Mapping[str, Directory],
        tokens: Tokens,
        address: str,
        policy: Callable[[str], JsonObject],
        scattered: Callable[[], bool],
    ) -> None:
        """``directories`` are by tenant; ``address`` is the listening address: the base of links."""
        self._tokens = tokens
        self._scattered = scattered
        self._address = f"{address}/{_VERSION}"
        environment = next(iter(directories.values())).environment
        self._audiences = audiences(environment, GRAPH_APP_ID)
        self._paths = {tenant: self._routes(directory, policy) for tenant, directory in directories.items()}

    def _routes(self, directory: Directory, policy: Callable[[str], JsonObject]) -> Paths:
        """The resources of one tenant."""
        handlers = (
            Applications(directory, policy),
            ServicePrincipals(directory),
            AppRoleAssignments(directory),
            PermissionGrants(directory),
            DeletedItems(directory),
            Organization(directory.tenant, policy),
            Owners(directory),
            AppPolicies(directory),
        )
        routes = {key: handler for each in handlers for key, handler in each.routes().items()}
        return Paths(routes | {("POST", "$batch"): lambda call: batched(call, self._answer)})

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        try:
            caller = self._tokens.caller(request.headers.get("Authorization"), self._audiences)
            version, _, path = request.path.strip("/").partition("/")
            if version != _VERSION:
                raise malformed(f"Invalid version: {version}")
        except TokenError as error:
            return self._finished(request, self._worded(request, _unauthorized(error.fault)))
        except GraphError as error:
            return self._finished(request, self._worded(request, error))
        call = Call(
            method=request.method,
            address=self._address,
            path=path,
            keys=(),
            query=request.query,
            headers=request.headers,
            body=request.body,
            caller=caller,
            scattered=self._scattered(),
            needs=request.needs,
        )
        return self._finished(request, self._answer(call, request))

    def failed(self, request: Request, failure: Failure) -> Answer:
        """Format a failure as Graph does."""
        code, message = _FAILURES.get(failure.status, ("UnknownError", "The request failed."))
        code = failure.code or code
        headers = {}
        if failure.status == 429:  # noqa: PLR2004
            headers["x-ms-throttle-scope"] = f"Tenant_Application/Write/{self._tenant(request)}"
            headers["x-ms-throttle-information"] = "WriteLimitExceeded"
        if failure.retry_after is not None:
            headers["Retry-After"] = str(failure.retry_after)
        message = failure.message or _MESSAGES.get(code, message)
        error = GraphError(failure.status, code, message, headers=headers)
        return self._finished(request, self._worded(request, error))

    def _tenant(self, request: Request) -> str:
        """The tenant whose limit a throttled request has reached."""
        with contextlib.suppress(TokenError):
            return self._tokens.caller(request.headers.get("Authorization"), self._audiences).tenant
        return ""

    def _answer(self, call: Call, request: Request | None = None) -> Answer:
        try:
            handler, keys = self._paths[call.caller.tenant].find(call.method, call.path)
            return handler(replace(call, keys=keys))
        except GraphError as error:
            return self._worded(request, error, call)

    def _worded(self, request: Request | None, error: GraphError, call: Call | None = None) -> Answer:
        headers = request.headers if request else call.headers if call else {}
        request_id = request.id if request else ""
        return error_answer(
            error,
            request_id=request_id,
            client_request_id=headers.get("client-request-id") or request_id,
            date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        )

    def _finished(self, request: Request, answer: Answer) -> Answer:
        """Every answer contains the ID of its request."""
        headers = {
            "request-id": request.id,
            "client-request-id": request.headers.get("client-request-id") or request.id,
            "x-ms-ags-diagnostic": '{"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"1"}}',
            "x-ms-resource-unit": "1",
            "Cache-Control": "no-cache",
            "OData-Version": "4.0",
        }
        if answer.status == 401:  # noqa: PLR2004
            headers["WWW-Authenticate"] = f'Bearer realm="", client_id="{GRAPH_APP_ID}"'
        return replace(answer, headers=headers | dict(answer.headers))


def _unauthorized(fault: TokenFault) -> GraphError:
    return GraphError(401, "InvalidAuthenticationToken", _TOKEN_MESSAGES[fault])
