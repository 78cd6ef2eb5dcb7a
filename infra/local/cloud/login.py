"""Login: the token endpoint for applications (client credentials) and its metadata.

A secret is checked against the directory's last write. What is new in the directory can be unknown here for a
while (``lags.py``): consents and federated credentials.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, unquote, unquote_plus

from infra.local.cloud import federation, login_errors, login_metadata
from infra.local.cloud.admin_consent import AdminConsent, error_page
from infra.local.cloud.directory import Directory
from infra.local.cloud.first_party import GRAPH_APP_ID
from infra.local.cloud.lags import Lags
from infra.local.cloud.login_errors import LoginError
from infra.local.cloud.messages import Answer, Failure, JsonObject, Request, new_id, utc_moment, utc_text
from infra.local.cloud.tenant import add_principal
from infra.local.cloud.tokens import Tokens

_COMMON: Final = frozenset({"common", "organizations"})
_MULTITENANT: Final = frozenset({"AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount"})
"""The audiences with which an application can be used in other tenants than its own."""


class Login:
    """The login service of all tenants."""

    name = "login"

    def __init__(
        self,
        directories: Mapping[str, Directory],
        tokens: Tokens,
        addresses: Mapping[str, str],
        lags: Lags,
        unconsented: Callable[[], int],
    ) -> None:
        """``directories`` are by tenant, the service's own first; ``addresses`` are the services' own.

        ``unconsented`` is the code for an application that a tenant has not consented to: Entra ID answers
        both 700016 and 7000229.
        """
        self._directories = directories
        self._home = next(iter(directories.values()))
        self._tokens = tokens
        self._address = addresses["login"]
        environment = self._home.environment
        self._addressed = {
            addresses["graph"]: environment.graph,
            addresses["resourceManager"]: environment.resource_manager[0],
            addresses["keyVault"]: environment.key_vault,
        }
        self._lags = lags
        self._unconsented = unconsented
        self._admin_consent = AdminConsent(self._consentable, self._add_principal)

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        try:
            return self._page(request) if _for_browsers(request) else self._route(request)
        except LoginError as error:
            return error_page(error) if _for_browsers(request) else self._refusal(request, error)

    def failed(self, request: Request, failure: Failure) -> Answer:
        """Format a failure as login does; its code can be ``AADSTS`` with a number."""
        answer = self._refusal(request, login_errors.demanded(failure))
        if failure.retry_after is None:
            return answer
        headers = {**answer.headers, "Retry-After": str(failure.retry_after)}
        return Answer(status=answer.status, body=answer.body, headers=headers)

    def _page(self, request: Request) -> Answer:
        directory = self._known(unquote(request.path.strip("/").split("/")[0]))
        if request.method == "POST":
            return self._admin_consent.answer(directory, request)
        return self._admin_consent.show(directory, request)

    def _route(self, request: Request) -> Answer:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        tenant, rest = parts[0], "/".join(parts[1:]).lower()
        if (request.method, tenant, rest) == ("GET", "common", "discovery/instance"):
            endpoint = request.query.get("authorization_endpoint", "")
            return Answer(status=200, body=login_metadata.instance(self._address, endpoint))
        match request.method, rest:
            case "POST", "oauth2/v2.0/token" | "oauth2/token":
                return self._token(self._known(tenant), request)
            case method, "oauth2/v2.0/token" | "oauth2/token":
                raise login_errors.post_only(method)
            case "GET", "v2.0/.well-known/openid-configuration":
                return Answer(status=200, body=self._configuration(tenant, "2.0"))
            case "GET", ".well-known/openid-configuration":
                return Answer(status=200, body=self._configuration(tenant, "1.0"))
            case "GET", "discovery/v2.0/keys" | "discovery/keys":
                directory = self._known(tenant, also_common=True)
                return Answer(status=200, body=self._tokens.keys(directory.tenant.id))
            case _:
                raise login_errors.unknown_endpoint()

    def _known(self, tenant: str, *, also_common: bool = False) -> Directory:
        if also_common and tenant.lower() in _COMMON:
            return self._home
        for directory in self._directories.values():
            if directory.tenant.known_as(tenant):
                return directory
        raise login_errors.unknown_tenant(tenant)

    def _configuration(self, tenant: str, version: str) -> JsonObject:
        directory = self._known(tenant, also_common=True)
        issuer = self._tokens.issuers[directory.tenant.id][version]
        alias = tenant if tenant.lower() in _COMMON else ""
        return login_metadata.configuration(directory, self._address, issuer, version=version, alias=alias)

    def _token(self, directory: Directory, request: Request) -> Answer:
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        grant = form.get("grant_type")
        if not grant:
            raise login_errors.missing("grant_type")
        if grant != "client_credentials":
            raise login_errors.unsupported_grant(grant)
        client_id, secret = _basic(request.headers.get("Authorization"))
        client_id = form.get("client_id") or client_id
        secret = form.get("client_secret") or secret
        if not client_id:
            raise login_errors.missing("client_id")
        owner, application = self._application(directory, client_id)
        if form.get("client_assertion") or form.get("client_assertion_type"):
            federation.check(form, owner, application, self._tokens, self._lags.federation)
        else:
            self._check_secret(owner, application, secret)
        resource = self._resource(directory, form)
        return self._issue(directory, application, *resource)

    def _application(self, directory: Directory, client_id: str) -> tuple[Directory, JsonObject]:
        """An application that can sign in to a tenant, and the directory with its credentials.

        It is one of the tenant's own, or another tenant's multi-tenant one that has a service principal
        here: https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals.
        """
        owner, application = self._usable(directory, client_id)
        if owner is not directory and not self._knows(directory, client_id):
            raise self._unknown(directory, client_id)
        return owner, application

    def _knows(self, directory: Directory, client_id: str) -> bool:
        """Whether a tenant has an application's service principal, and login knows it."""
        principal = directory.principal_of(client_id)
        return (
            principal is not None and directory.service_principals.age(principal["id"]) >= self._lags.consent
        )

    def _unknown(self, directory: Directory, client_id: str) -> LoginError:
        if self._unconsented() == login_errors.NO_PRINCIPAL:
            return login_errors.no_principal(client_id, directory.tenant.id)
        return login_errors.unknown_application(client_id, directory.tenant.name)

    def _usable(self, directory: Directory, client_id: str) -> tuple[Directory, JsonObject]:
        """An application that a tenant can have: its own, or another tenant's multi-tenant one."""
        for owner in (directory, *self._directories.values()):
            application = owner.applications.holder("appId", client_id)
            if application is not None and (
                owner is directory or application["signInAudience"] in _MULTITENANT
            ):
                return owner, application
        raise login_errors.unknown_application(client_id, directory.tenant.name)

    def _consentable(self, directory: Directory, client_id: str) -> JsonObject:
        return self._usable(directory, client_id)[1]

    def _add_principal(self, directory: Directory, application: JsonObject) -> JsonObject:
        owner, _ = self._usable(directory, application["appId"])
        principal = add_principal(directory, application) | {"appOwnerOrganizationId": owner.tenant.id}
        directory.service_principals.put(principal["id"], principal, settled=True)
        return principal

    def _check_secret(self, owner: Directory, application: JsonObject, secret: str) -> None:
        if not secret:
            raise login_errors.no_credential()
        credential = owner.credential_of(application, secret, self._lags.secrets)
        if credential is None or utc_moment(credential["startDateTime"]) > datetime.now(UTC):
            raise login_errors.invalid_secret(application["appId"])
        if utc_moment(credential["endDateTime"]) <= datetime.now(UTC):
            raise login_errors.expired_secret(application["appId"])

    def _resource(self, directory: Directory, form: dict[str, str]) -> tuple[str, JsonObject]:
        """The resource in a request, as it is named there, and its service principal."""
        if resource := form.get("resource"):
            name = resource
        else:
            scopes = form.get("scope", "").split()
            if not scopes:
                raise login_errors.missing("scope")
            if len(scopes) > 1 or not scopes[0].endswith("/.default"):
                raise login_errors.invalid_scope(" ".join(scopes))
            name = scopes[0].removesuffix("/.default")
        # Clients that are configured with the addresses of this cloud name the services by them.
        name = self._addressed.get(name.rstrip("/"), name)
        principal = directory.service_principals.holder("servicePrincipalNames", name.rstrip("/"))
        if principal is None:
            raise login_errors.unknown_resource(name, directory.tenant.name)
        return name, principal

    def _issue(
        self, directory: Directory, application: JsonObject, name: str, resource: JsonObject
    ) -> Answer:
        principal = directory.principal_of(application["appId"])
        if principal is None:
            raise login_errors.no_principal(application["appId"], directory.tenant.id)
        if not principal["accountEnabled"]:
            raise login_errors.disabled(application["appId"], application["displayName"])
        registered = directory.applications.holder("appId", resource["appId"])
        version = "2.0" if registered and registered["api"]["requestedAccessTokenVersion"] == 2 else "1.0"  # noqa: PLR2004
        claims = self._tokens.claims(
            tenant=directory.tenant.id,
            audience=resource["appId"] if version == "2.0" else name,
            client_id=application["appId"],
            object_id=principal["id"],
            roles=directory.roles_of(principal["id"], resource, self._lags.consent),
            version=version,
        )
        seconds = self._tokens.seconds - 1 if self._tokens.seconds > 1 else self._tokens.seconds
        return Answer(
            status=200,
            body={
                "token_type": "Bearer",
                "expires_in": seconds,
                "ext_expires_in": seconds,
                "access_token": self._tokens.issue(claims, for_graph=resource["appId"] == GRAPH_APP_ID),
            },
            headers={"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"},
        )

    def _refusal(self, request: Request, error: LoginError) -> Answer:
        correlation = request.headers.get("client-request-id") or new_id()
        stamp = utc_text().replace("T", " ")
        return Answer(
            status=error.status,
            body={
                "error": error.error,
                "error_description": f"AADSTS{error.code}: {error.message} Trace ID: {request.id}"
                f" Correlation ID: {correlation} Timestamp: {stamp}",
                "error_codes": [error.code],
                "timestamp": stamp,
                "trace_id": request.id,
                "correlation_id": correlation,
                "error_uri": f"{self._address}/error?code={error.code}",
            },
            headers={"x-ms-request-id": request.id, "Cache-Control": "no-store, no-cache"},
        )


def _for_browsers(request: Request) -> bool:
    return request.path.lower().endswith("/adminconsent")


def _basic(authorization: str | None) -> tuple[str, str]:
    """Client ID and secret from HTTP Basic (RFC 6749 section 2.3.1: each form-encoded first)."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)
