"""The directory's rules for an application beyond the types of its properties."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from infra.local.cloud.graph.errors import GraphError, bad_request
from infra.local.cloud.messages import JsonObject

_PLATFORMS: Final = ("web", "spa", "publicClient")
_LONGEST_URI: Final = 256
_MOST_URIS: Final = 256
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PERMISSION_VALUE: Final = re.compile(r"[A-Za-z0-9!#$%&'()*+,\-./:;=?@\[\]^_{}|~]+")


def check_application(changed: JsonObject, before: JsonObject | None) -> None:
    """Refuse an application whose permissions or redirect URIs the directory does not accept."""
    _check_permissions(changed)
    _check_redirects(changed, before)
    if before is not None:
        _check_enabled(before["api"]["oauth2PermissionScopes"], changed["api"]["oauth2PermissionScopes"])
        _check_enabled(before["appRoles"], changed["appRoles"])
    known = _ids((before or changed)["api"]["oauth2PermissionScopes"])
    _check_preauthorized(changed, known)


def _ids(permissions: Iterable[JsonObject]) -> set[str]:
    return {permission["id"] for permission in permissions}


def _check_permissions(application: JsonObject) -> None:
    """Ids are unique over scopes and roles; values are unique within each of the two."""
    scopes, roles = application["api"]["oauth2PermissionScopes"], application["appRoles"]
    ids: dict[str, JsonObject] = {}
    for permission in (*scopes, *roles):
        known = ids.setdefault(permission["id"], permission)
        # One permission can be both a scope and a role if all else in it is the same.
        if known is not permission and known.get("value") != permission.get("value"):
            raise _duplicate("appRoles" if permission in roles else "api.oauth2PermissionScopes")
    for permissions, target in ((scopes, "api.oauth2PermissionScopes"), (roles, "appRoles")):
        values = [permission["value"] for permission in permissions if permission["value"]]
        if len(_ids(permissions)) != len(permissions) or len(set(values)) != len(values):
            raise _duplicate(target)
        for value in values:
            if _PERMISSION_VALUE.fullmatch(value) is None or value.startswith("."):
                raise _invalid(target)


def _check_enabled(before: list[JsonObject], after: list[JsonObject]) -> None:
    """An enabled permission must be disabled before it is removed or renamed."""
    kept = {permission["id"]: permission for permission in after}
    for permission in before:
        now = kept.get(permission["id"])
        if permission["isEnabled"] and (now is None or now["value"] != permission["value"]):
            raise GraphError(
                400,
                "CannotDeleteOrUpdateEnabledEntitlement",
                "Permission (scope or role) cannot be deleted or updated unless disabled first.",
            )


def _check_preauthorized(application: JsonObject, known: set[str]) -> None:
    for entry in application["api"]["preAuthorizedApplications"]:
        if not known.issuperset(entry["delegatedPermissionIds"]):
            raise bad_request(
                "Property PreAuthorizedApplication references applications or permissions Ids that"
                " cannot be found.",
                detail="InvalidValue",
                target="api.preAuthorizedApplications",
            )


def _check_redirects(application: JsonObject, before: JsonObject | None) -> None:
    for platform in _PLATFORMS:
        uris = application[platform]["redirectUris"]
        known = before[platform]["redirectUris"] if before else []
        target = f"{platform}.redirectUris"
        if len(uris) > _MOST_URIS:
            raise _invalid(target)
        if len(set(uris)) != len(uris):
            raise _duplicate(target)
        if not all(uri in known or _fits(platform, uri) for uri in uris):
            raise _invalid(target)


def _fits(platform: str, uri: str) -> bool:
    """https://learn.microsoft.com/entra/identity-platform/reply-url"""  # noqa: D415 a reference
    if len(uri) > _LONGEST_URI or uri != uri.strip() or any(mark in uri for mark in "*#"):
        return False
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    if parts.scheme == "http":
        return host in _LOOPBACK
    if platform == "spa" or not parts.scheme:
        return False
    return bool(parts.netloc or parts.path) and parts.scheme not in {"javascript", "data", "file"}


def _duplicate(target: str) -> GraphError:
    return bad_request(
        "Request contains a property with duplicate values.", detail="DuplicateValue", target=target
    )


def _invalid(target: str) -> GraphError:
    return bad_request(
        "One or more property values specified are invalid.", detail="InvalidValue", target=target
    )
