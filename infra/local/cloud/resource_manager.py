"""Azure Resource Manager: the subscriptions, their resource providers, and the caller's permissions.

https://learn.microsoft.com/rest/api/resources/providers and
https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import quote, unquote

from infra.local.cloud import resource_documents
from infra.local.cloud.environments import TENANT, Environment, TenantNames
from infra.local.cloud.first_party import RESOURCE_MANAGER_APP_ID, audiences
from infra.local.cloud.messages import Answer, Failure, JsonObject, Need, Request, is_guid, new_id
from infra.local.cloud.providers import NAMESPACES, Providers
from infra.local.cloud.settings import Settings
from infra.local.cloud.tokens import Caller, TokenError, TokenFault, Tokens

_API_VERSIONS: Final = frozenset(
    {"2020-01-01", "2021-04-01", "2022-04-01", "2022-09-01", "2022-12-01", "2024-03-01"}
)
"""Those that every cloud has, as far as it is known."""
_PUBLIC: Final = frozenset({"2024-11-01", "2025-04-01"})
"""Those that only the public cloud has here: newer ones can be missing in other clouds."""
_PAGE: Final = 40
_FAILURES: Final = {
    429: ("SubscriptionRequestsThrottled", "Number of requests for the subscription exceeded its limit."),
    500: ("InternalServerError", "Encountered internal server error."),
    503: ("ServerTimeout", "The request timed out. Diagnostic information is in the response headers."),
}


class ResourceManagerError(Exception):
    """A request that Resource Manager refuses."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Status, code and wording are Resource Manager's own."""
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


def allows(permissions: list[JsonObject], action: str) -> bool:
    """Whether one of the permissions allows the action and does not exclude it; case does not matter."""
    return any(matching(permissions, action))


def matching(permissions: list[JsonObject], action: str) -> Iterator[str]:
    """The patterns of the permissions that allow an action."""
    folded = action.lower()
    for entry in permissions:
        if not any(fnmatchcase(folded, excluded.lower()) for excluded in entry.get("notActions") or ()):
            yield from (each for each in entry.get("actions") or () if fnmatchcase(folded, each.lower()))


class ResourceManager:
    """Resource Manager, with one subscription of each tenant."""

    name = "resourceManager"

    def __init__(
        self,
        environment: Environment,
        tokens: Tokens,
        addresses: Mapping[str, str],
        providers: Mapping[str, Providers],
        settings: Settings,
    ) -> None:
        """``providers`` are by subscription; ``addresses`` are where the services listen, by name."""
        self._tokens = tokens
        self._beside = addresses
        self._address = addresses["resourceManager"]
        self._subscriptions = providers
        self._settings = settings
        self._login = environment.login
        public = any("azure.com" in name for name in environment.resource_manager)
        self._api_versions = _API_VERSIONS | (_PUBLIC if public else frozenset())
        self._audiences = audiences(environment, RESOURCE_MANAGER_APP_ID)

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        try:
            anybody = (request.method, request.path.rstrip("/")) == ("GET", "/metadata/endpoints")
            answer = self._endpoints(request) if anybody else self._route(request)
        except ResourceManagerError as error:
            answer = _refusal(error)
        except TokenError as error:
            answer = self._unauthorized(error.fault)
        return self._finished(request, answer)

    def failed(self, request: Request, failure: Failure) -> Answer:
        """Format a failure as Resource Manager does."""
        code, message = _FAILURES.get(failure.status, ("UnknownError", "The request failed."))
        answer = _refusal(
            ResourceManagerError(failure.status, failure.code or code, failure.message or message)
        )
        headers = {} if failure.retry_after is None else {"Retry-After": str(failure.retry_after)}
        return self._finished(request, replace(answer, headers=headers))

    def _route(self, request: Request) -> Answer:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        names = [part.lower() for part in parts]
        caller = self._tokens.caller(request.headers.get("Authorization"), self._audiences)
        _check_api_version(request.query, self._api_versions)
        if (request.method, names) == ("GET", ["subscriptions"]):
            return Answer(status=200, body={"value": self._visible(caller)})
        if names[0] != "subscriptions" or len(parts) == 1:
            raise _not_found(request.path)
        providers = self._providers(parts[1])
        self._check_tenant(caller, providers.tenant)
        match request.method, names[2:]:
            case "GET", []:
                self._need(request, caller, providers.tenant, "Microsoft.Resources/subscriptions/read")
                return Answer(status=200, body=self._record(providers.tenant))
            case "GET", ["providers"]:
                self._need(
                    request, caller, providers.tenant, "Microsoft.Resources/subscriptions/providers/read"
                )
                return self._list(request, providers)
            case "GET", ["providers", "microsoft.authorization", "permissions"]:
                self._need(request, caller, providers.tenant, "Microsoft.Authorization/permissions/read")
                return Answer(status=200, body={"value": self._settings.permissions(caller.object_id)})
            case "GET", ["providers", _]:
                self._need(
                    request, caller, providers.tenant, "Microsoft.Resources/subscriptions/providers/read"
                )
                return Answer(status=200, body=providers.body(_namespace(parts[3])))
            case "POST", ["providers", _, "register" | "unregister"]:
                namespace = _namespace(parts[3])
                self._need(request, caller, providers.tenant, f"{namespace}/{names[4]}/action")
                self._need_enabled(providers.tenant)
                providers.change(namespace, register=names[4] == "register")
                return Answer(status=200, body=providers.body(namespace))
            case _:
                raise _not_found(request.path)

    def _endpoints(self, request: Request) -> Answer:
        """Where the services of this cloud are. Anyone can read this, as ``az cloud register`` does."""
        version = _check_api_version(request.query, resource_documents.METADATA_VERSIONS)
        return Answer(status=200, body=resource_documents.endpoints(self._beside, self._audiences, version))

    def _visible(self, caller: Caller) -> list[JsonObject]:
        """The subscriptions of the caller's tenant on which it has a role."""
        action = "Microsoft.Resources/subscriptions/read"
        return [
            self._record(providers.tenant)
            for providers in self._subscriptions.values()
            if providers.tenant.id == caller.tenant
            and allows(self._settings.permissions(caller.object_id), action)
        ]

    def _providers(self, subscription: str) -> Providers:
        if not is_guid(subscription):
            raise ResourceManagerError(
                400,
                "InvalidSubscriptionId",
                f"The provided subscription identifier '{subscription}' is malformed or invalid.",
            )
        providers = self._subscriptions.get(subscription.lower())
        if providers is None:
            raise ResourceManagerError(
                404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found."
            )
        return providers

    def _check_tenant(self, caller: Caller, tenant: TenantNames) -> None:
        if caller.tenant == tenant.id:
            return
        issuers = self._tokens.issuers
        raise ResourceManagerError(
            401,
            "InvalidAuthenticationTokenTenant",
            f"The access token is from the wrong issuer '{issuers[caller.tenant]['1.0']}'. It must match the"
            f" tenant '{issuers[tenant.id]['1.0']}' associated with this subscription. Please use the"
            f" authority (URL) '{self._login}/{tenant.id}' to get the token.",
        )

    def _need(self, request: Request, caller: Caller, tenant: TenantNames, action: str) -> None:
        permissions = self._settings.permissions(caller.object_id)
        held = tuple(dict.fromkeys(matching(permissions, action)))
        request.needs.append(Need(target="", any_of=(action,), held=held))
        if allows(permissions, action):
            return
        raise ResourceManagerError(
            403,
            "AuthorizationFailed",
            f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have"
            f" authorization to perform action '{action}' over scope '/subscriptions/{tenant.subscription}'"
            " or the scope is invalid. If access was recently granted, please refresh your credentials.",
        )

    def _need_enabled(self, tenant: TenantNames) -> None:
        if tenant.id != TENANT or self._settings.subscription().state in {"Enabled", "Warned", "PastDue"}:
            return
        raise ResourceManagerError(
            409,
            "ReadOnlyDisabledSubscription",
            f"The subscription '{tenant.subscription}' is disabled and therefore marked as read only. You"
            " cannot perform any write actions on this subscription until it is re-enabled.",
        )

    def _record(self, tenant: TenantNames) -> JsonObject:
        """The subscription itself."""
        record = resource_documents.subscription(tenant)
        if tenant.id != TENANT:
            return record
        told = self._settings.subscription().model_dump()
        delegated = [{"tenantId": TENANT}] if told["tenantId"] != TENANT else []
        return record | told | {"managedByTenants": delegated}

    def _list(self, request: Request, providers: Providers) -> Answer:
        names = list(NAMESPACES)
        token = request.query.get("$skiptoken", "")
        start = next((position for position, name in enumerate(names) if name > token), len(names))
        page = names[start : start + _PAGE]
        body: JsonObject = {"value": [providers.body(name) for name in page]}
        if start + _PAGE < len(names):
            options = {name: value for name, value in request.query.items() if name != "$skiptoken"}
            query = "&".join(
                f"{name}={quote(value, safe='')}"
                for name, value in [*options.items(), ("$skiptoken", page[-1])]
            )
            path = f"/subscriptions/{providers.tenant.subscription}/providers"
            body["nextLink"] = f"{self._address}{path}?{query}"
        return Answer(status=200, body=body)

    def _unauthorized(self, fault: TokenFault) -> Answer:
        allowed = ", ".join(f"'{name}'" for name in sorted(self._audiences))
        wrong_audience = (
            "The access token has been obtained for wrong audience or resource. It should exactly match"
            f" one of the allowed audiences {allowed}."
        )
        code, message = {
            TokenFault.MISSING: (
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            ),
            TokenFault.EXPIRED: ("ExpiredAuthenticationToken", "The access token is expired."),
            TokenFault.AUDIENCE: ("InvalidAuthenticationTokenAudience", wrong_audience),
        }.get(fault, ("InvalidAuthenticationToken", "The access token is invalid."))
        answer = _refusal(ResourceManagerError(401, code, message))
        challenge = f'Bearer authorization_uri="{self._login}/{TENANT}", error="invalid_token"'
        return replace(answer, headers={"WWW-Authenticate": challenge})

    @staticmethod
    def _finished(request: Request, answer: Answer) -> Answer:
        correlation = request.headers.get("x-ms-correlation-request-id") or new_id()
        headers = {
            "x-ms-request-id": request.id,
            "x-ms-correlation-request-id": correlation,
            "x-ms-routing-request-id": f"LOCAL:{request.id}",
            "Cache-Control": "no-cache",
        }
        if answer.status < 400:  # noqa: PLR2004
            kind = "reads" if request.method == "GET" else "writes"
            headers[f"x-ms-ratelimit-remaining-subscription-{kind}"] = "199"
        else:
            headers["x-ms-failure-cause"] = "gateway"
        return replace(answer, headers=headers | dict(answer.headers))


def _check_api_version(query: Mapping[str, str], known: frozenset[str]) -> str:
    version = next((value for name, value in query.items() if name.lower() == "api-version"), "")
    if not version:
        raise ResourceManagerError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if version not in known:
        raise ResourceManagerError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are"
            f" '{','.join(sorted(known, reverse=True))}'.",
        )
    return version


def _namespace(name: str) -> str:
    known = NAMESPACES.get(name.lower())
    if known is None:
        raise ResourceManagerError(
            404, "InvalidResourceNamespace", f"The resource namespace '{name}' is invalid."
        )
    return known


def _not_found(path: str) -> ResourceManagerError:
    return ResourceManagerError(404, "NotFound", f"The resource '{unquote(path)}' was not found.")


def _refusal(error: ResourceManagerError) -> Answer:
    return Answer(status=error.status, body={"error": {"code": error.code, "message": error.message}})
