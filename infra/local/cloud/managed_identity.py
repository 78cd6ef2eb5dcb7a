"""The endpoint that issues tokens of the managed identity to an app in App Service.

A token lives a day, and the endpoint returns the same one for a resource until then: a role that was assigned
later is not in it.

https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference and
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq
"""

from __future__ import annotations

import hmac
import time
from typing import Final

from infra.local.cloud.directory import Directory
from infra.local.cloud.first_party import GRAPH_APP_ID, TOKEN_EXCHANGE_APP_ID
from infra.local.cloud.messages import Answer, Failure, JsonObject, Request
from infra.local.cloud.tokens import Tokens

PATH: Final = "/msi/token"

_LONGER: Final = 24
"""The life of the identity's tokens, in lives of others' (an hour, unless a setting changes it)."""

_RENEWED: Final = 1
"""The rest of its life from which on the endpoint replaces a token, in the same unit."""


class ManagedIdentity:
    """Answers token requests for the service's one user-assigned identity."""

    name = "managedIdentity"

    def __init__(self, directory: Directory, tokens: Tokens, client_id: str, header: str) -> None:
        """``header`` is the value of ``X-IDENTITY-HEADER``, which keeps forged requests out."""
        self._directory = directory
        self._tokens = tokens
        self._client_id = client_id
        self._header = header
        self._issued: dict[str, JsonObject] = {}

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        if (request.method, request.path) != ("GET", PATH):
            return _refusal(404, "Not found.")
        header = request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(header.encode(), self._header.encode()):
            return _refusal(401, "The X-IDENTITY-HEADER is missing or wrong.")
        if request.query.get("api-version") != "2019-08-01":
            return _refusal(400, "The api-version must be 2019-08-01.")
        resource = request.query.get("resource", "")
        if not resource:
            return _refusal(400, "The parameter resource is missing.")
        if request.query.get("client_id", "").lower() != self._client_id:
            return _refusal(
                400, "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId."
            )
        return self._token(resource)

    def forget(self) -> None:
        """Issue a new token for each resource from now on, as after a day."""
        self._issued.clear()

    def failed(self, request: Request, failure: Failure) -> Answer:  # noqa: ARG002
        """Format a failure as App Service does."""
        answer = _refusal(failure.status, failure.message or "The service is temporarily unavailable.")
        headers = {} if failure.retry_after is None else {"Retry-After": str(failure.retry_after)}
        return Answer(status=answer.status, body=answer.body, headers=headers)

    def _token(self, resource: str) -> Answer:
        kept = self._issued.get(resource)
        if kept is None or int(kept["expires_on"]) - time.time() < self._tokens.seconds * _RENEWED:
            answer = self._issue(resource)
            if answer.body is None or answer.status != 200:  # noqa: PLR2004
                return answer
            self._issued[resource] = kept = answer.body
        return Answer(status=200, body=kept)

    def _issue(self, resource: str) -> Answer:
        principal = self._directory.principal_of(self._client_id)
        target = self._directory.service_principals.holder("servicePrincipalNames", resource.rstrip("/"))
        if principal is None or target is None:
            return _refusal(
                400,
                f"AADSTS500011: The resource principal named {resource} was not found in the tenant named"
                " Contoso.",
            )
        exchange = target["appId"] == TOKEN_EXCHANGE_APP_ID
        claims = self._tokens.claims(
            tenant=self._directory.tenant.id,
            audience=TOKEN_EXCHANGE_APP_ID if exchange else resource,
            client_id=self._client_id,
            object_id=principal["id"],
            roles=self._directory.roles_of(principal["id"], target),
            version="2.0" if exchange else "1.0",
            seconds=self._tokens.seconds * _LONGER,
        ) | {"xms_mirid": principal["alternativeNames"][-1]}
        return Answer(
            status=200,
            body={
                "access_token": self._tokens.issue(claims, for_graph=target["appId"] == GRAPH_APP_ID),
                "expires_on": str(claims["exp"]),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": self._client_id,
            },
        )


def _refusal(status: int, message: str) -> Answer:
    return Answer(status=status, body={"statusCode": status, "message": message})
