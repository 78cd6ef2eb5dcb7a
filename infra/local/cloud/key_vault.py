"""Key Vault's secrets over HTTP: https://learn.microsoft.com/rest/api/keyvault/secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote

from infra.local.cloud.environments import TENANT, Environment
from infra.local.cloud.first_party import KEY_VAULT_APP_ID, audiences
from infra.local.cloud.messages import Answer, Failure, JsonObject, Need, Request
from infra.local.cloud.tokens import Caller, TokenError, Tokens
from infra.local.cloud.vault_requests import (
    VaultError,
    action_of,
    bad_request,
    changes_of,
    count,
    document,
    not_found,
    version_of,
)
from infra.local.cloud.vault_secrets import RECOVERABLE_DAYS, VaultSecrets

_API_VERSIONS: Final = frozenset({"7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6"})
"""https://learn.microsoft.com/rest/api/keyvault/general/versions: those that every cloud has."""
_PUBLIC: Final = frozenset({"2025-07-01", "2026-04-01"})
"""Those that only the public cloud has here: newer ones can be missing in other clouds."""
_PURGE_PROTECTED: Final = (
    'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service'
    " will automatically purge it after the retention period has passed."
)
_NAME: Final = re.compile(r"[0-9a-zA-Z-]{1,127}")
_LONGEST_VALUE: Final = 25 * 1024
_PAGE: Final = 25
_DAY: Final = 86400
_FAILURES: Final = {
    429: ("Throttled", "Request was not processed because too many requests were received."),
    500: ("InternalServerError", "Internal server error."),
    503: ("ServiceUnavailable", "Service is temporarily unavailable."),
}


class KeyVault:
    """One vault with soft delete."""

    name = "keyVault"

    def __init__(
        self,
        environment: Environment,
        tokens: Tokens,
        addresses: tuple[str, str],
        secrets: VaultSecrets,
        *,
        may_use: Callable[[str, str], bool],
        is_purge_protected: Callable[[], bool],
    ) -> None:
        """``addresses`` are the vault's and login's; ``may_use``: whether a principal has a data action."""
        self._tokens = tokens
        self._address, login = addresses
        self._secrets = secrets
        self._may_use = may_use
        self._is_purge_protected = is_purge_protected
        self._audiences = audiences(environment, KEY_VAULT_APP_ID)
        is_public = environment.key_vault.endswith("azure.net")
        self._api_versions = _API_VERSIONS | (_PUBLIC if is_public else frozenset())
        self._challenge = f'Bearer authorization="{login}/{TENANT}", resource="{environment.key_vault}"'

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        try:
            answer = self._route(request)
        except VaultError as error:
            answer = _refusal(error)
        except TokenError as error:
            message = f"AKV10000: Request is missing a valid Bearer or PoP token ({error.fault})."
            answer = replace(
                _refusal(VaultError(401, "Unauthorized", message)),
                headers={"WWW-Authenticate": self._challenge},
            )
        return self._finished(request, answer)

    def failed(self, request: Request, failure: Failure) -> Answer:
        """Format a failure as Key Vault does."""
        code, message = _FAILURES.get(failure.status, ("UnknownError", "The request failed."))
        answer = _refusal(VaultError(failure.status, failure.code or code, failure.message or message))
        headers = {} if failure.retry_after is None else {"Retry-After": str(failure.retry_after)}
        return self._finished(request, replace(answer, headers=headers))

    def _route(self, request: Request) -> Answer:
        caller = self._tokens.caller(request.headers.get("Authorization"), self._audiences)
        if caller.tenant != TENANT:
            issuers = self._tokens.issuers
            raise VaultError(
                401,
                "Unauthorized",
                f"AKV10032: Invalid issuer. Expected one of {issuers[TENANT]['1.0']},"
                f" found {issuers[caller.tenant]['1.0']}.",
            )
        if not request.query.get("api-version"):
            raise bad_request("api-version must be specified")
        if (version := request.query["api-version"]) not in self._api_versions:
            raise bad_request(
                f"The specified version ({version}) is not recognized. Consider using the latest supported"
                f" version ({max(_API_VERSIONS)})."
            )
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        self._check(caller, request, parts)
        if parts[0] == "secrets":
            return self._live(request, parts)
        if parts[0] == "deletedsecrets":
            return self._deleted(request, parts)
        raise VaultError(404, "NotFound", "The request URI is not valid.")

    def _live(self, request: Request, parts: list[str]) -> Answer:
        match request.method, parts[1:]:
            case "GET", []:
                latest = [(secret, secret["versions"][-1]) for secret in self._secrets.all(deleted=False)]
                return self._page(request, (self._item(*each, versioned=False) for each in latest))
            case "PUT", [name]:
                return self._set(request, name)
            case "DELETE", [name]:
                return Answer(status=200, body=self._deleted_body(self._secrets.delete(self._need(name))))
            case "GET", [name, "versions"]:
                secret = self._need(name)
                versions = reversed(secret["versions"])
                return self._page(request, (self._item(secret, each, versioned=True) for each in versions))
            case "GET", [name, *rest] if len(rest) <= 1:
                secret = self._need(name)
                version = version_of(secret, rest[0] if rest else "")
                if not version["attributes"]["enabled"]:
                    raise VaultError(
                        403,
                        "Forbidden",
                        "Operation get is not allowed on a disabled secret.",
                        "SecretDisabled",
                    )
                body = {"value": version["value"]} | self._item(secret, version, versioned=True)
                return Answer(status=200, body=body)
            case "PATCH", [name, *rest] if len(rest) <= 1:
                secret = self._need(name)
                version = version_of(secret, rest[0] if rest else "")
                changed = self._secrets.change(secret, version, changes_of(document(request), version))
                return Answer(status=200, body=self._item(secret, changed, versioned=True))
            case _:
                raise VaultError(405, "MethodNotAllowed", "The method is not allowed on this resource.")

    def _deleted(self, request: Request, parts: list[str]) -> Answer:
        if request.method == "GET" and parts[1:] == []:
            all_deleted = self._secrets.all(deleted=True)
            return self._page(request, (self._deleted_body(each) for each in all_deleted))
        secret = self._secrets.deleted(parts[1]) if len(parts) > 1 else None
        if secret is None:
            raise not_found(parts[1] if len(parts) > 1 else "", deleted=True)
        match request.method, parts[2:]:
            case "GET", []:
                return Answer(status=200, body=self._deleted_body(secret))
            case "DELETE", []:
                if self._is_purge_protected():
                    raise VaultError(403, "Forbidden", _PURGE_PROTECTED)
                self._secrets.purge(secret)
                return Answer(status=204)
            case "POST", ["recover"]:
                recovered = self._secrets.recover(secret)
                return Answer(
                    status=200, body=self._item(recovered, recovered["versions"][-1], versioned=True)
                )
            case _:
                raise VaultError(405, "MethodNotAllowed", "The method is not allowed on this resource.")

    def _set(self, request: Request, name: str) -> Answer:
        if _NAME.fullmatch(name) is None:
            raise bad_request(
                f"The request URI contains an invalid name: {name}. Names match the pattern ^[0-9a-zA-Z-]+$."
            )
        if self._secrets.deleted(name) is not None:
            raise VaultError(
                409,
                "Conflict",
                f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be"
                " reused; in"
                " this state, the secret can only be recovered or purged.",
                "ObjectIsDeletedButRecoverable",
            )
        wanted = document(request)
        value = wanted.get("value")
        if not isinstance(value, str) or len(value.encode()) > _LONGEST_VALUE:
            raise bad_request("The parameter value is required, a string, and at most 25 KB long.")
        start = {"attributes": {"enabled": True}, "tags": None, "contentType": None}
        version = self._secrets.add(name, {"value": value} | start | changes_of(wanted, start))
        secret = self._need(name)
        return Answer(status=200, body={"value": value} | self._item(secret, version, versioned=True))

    def _need(self, name: str) -> JsonObject:
        secret = self._secrets.live(name)
        if secret is None:
            raise not_found(name)
        return secret

    def _check(self, caller: Caller, request: Request, parts: list[str]) -> None:
        action = action_of(request.method, parts)
        may_use = self._may_use(caller.object_id, action)
        full = f"Microsoft.KeyVault/vaults/{action}"
        request.needs.append(Need(target="", any_of=(full,), held=(full,) if may_use else ()))
        if may_use:
            return
        raise VaultError(
            403,
            "Forbidden",
            "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny"
            " assignments or role"
            " definitions were changed recently, please observe propagation time.\r\nCaller:"
            f" appid={caller.client_id};oid={caller.object_id};iss={self._tokens.issuers[TENANT]['1.0']}"
            f"\r\nAction: 'Microsoft.KeyVault/vaults/{action}'\r\nResource: '{request.path}'"
            "\r\nAssignment: (not found)\r\nDenyAssignmentId: null"
            "\r\nDecisionReason: 'DeniedWithNoValidRBAC'",
            "ForbiddenByRbac",
        )

    def _item(self, secret: JsonObject, version: JsonObject, *, versioned: bool) -> JsonObject:
        """The properties of a version, without its value."""
        path = f"secrets/{secret['name']}"
        body: dict[str, Any] = {
            "id": f"{self._address}/{path}/{version['version']}" if versioned else f"{self._address}/{path}",
            "attributes": version["attributes"]
            | {
                "created": version["created"],
                "updated": version["updated"],
                "recoveryLevel": "Recoverable" if self._is_purge_protected() else "Recoverable+Purgeable",
                "recoverableDays": RECOVERABLE_DAYS,
            },
        }
        for name in ("contentType", "tags"):
            if version[name] is not None:
                body[name] = version[name]
        return body

    def _deleted_body(self, secret: JsonObject) -> JsonObject:
        return self._item(secret, secret["versions"][-1], versioned=True) | {
            "recoveryId": f"{self._address}/deletedsecrets/{secret['name']}",
            "deletedDate": secret["deleted"],
            "scheduledPurgeDate": secret["deleted"] + RECOVERABLE_DAYS * _DAY,
        }

    def _page(self, request: Request, items: Iterable[JsonObject]) -> Answer:
        skip = count(request, "$skiptoken", 0)
        size = min(count(request, "maxresults", _PAGE), _PAGE)
        found = list(items)
        more = len(found) > skip + size
        link = (
            f"{self._address}{request.path}?api-version={request.query['api-version']}"
            f"&$skiptoken={skip + size}&maxresults={size}"
        )
        return Answer(
            status=200, body={"value": found[skip : skip + size], "nextLink": link if more else None}
        )

    def _finished(self, request: Request, answer: Answer) -> Answer:
        headers = {
            "x-ms-request-id": request.id,
            "x-ms-client-request-id": request.headers.get("x-ms-client-request-id") or request.id,
            "x-ms-keyvault-region": "local",
            "x-ms-keyvault-service-version": "1.9.0.0",
            "Cache-Control": "no-cache",
        }
        return replace(answer, headers=headers | dict(answer.headers))


def _refusal(error: VaultError) -> Answer:
    body: JsonObject = {"code": error.code, "message": error.message}
    if error.inner is not None:
        body["innererror"] = {"code": error.inner}
    return Answer(status=error.status, body={"error": body})
