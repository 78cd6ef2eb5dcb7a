"""Does an app registration match its profile? One check for each property.

For applications that this service did not create: it checks them before use, and never changes them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from onboarding.cmg import rules
from onboarding.cmg.permissions import DIRECTORY_READ_ALL, USER_READ, Permission
from onboarding.cmg.profiles import USER_IMPERSONATION, Profile, client_permissions, client_redirect
from onboarding.cmg.rules import Check
from onboarding.texts import phrases
from onboarding.texts.phrases import Phrase


def server_checks(profile: Profile, app: Mapping[str, Any], *, reads_directory: bool) -> Iterator[Check]:
    """The checks of a web (server) app, as Graph shows it."""
    yield _single_tenant(app)
    if profile.web_redirects:
        redirects = set(_at(app, "web", "redirectUris") or ())
        yield rules.WEB_REDIRECT.check(redirects >= set(profile.web_redirects))
    if profile.native_redirects:
        redirects = set(_at(app, "publicClient", "redirectUris") or ())
        yield rules.NATIVE_REDIRECT.check(redirects >= set(profile.native_redirects))
    yield rules.DEVICE_TOKENS.check(bool(app.get("isDeviceOnlyAuthSupported")) or not profile.device_only)
    yield rules.APP_ID_URI.check(bool(app.get("identifierUris")))
    yield rules.TOKEN_VERSION.check(_at(app, "api", "requestedAccessTokenVersion") in {None, 1})
    yield rules.SCOPE.check(scope(app) is not None)
    if profile.id_tokens:
        yield _id_tokens(app)
    if reads_directory:
        yield _requests(app, DIRECTORY_READ_ALL, phrases.CANNOT_READ_DIRECTORY)


def client_checks(
    profile: Profile, app: Mapping[str, Any], *, server: Mapping[str, Any], user_discovery: bool
) -> Iterator[Check]:
    """The checks of a native (client) app that goes with a server app, both as Graph shows them."""
    yield _single_tenant(app)
    redirect = client_redirect(str(app.get("appId")))
    redirects = {str(uri).casefold() for uri in _at(app, "publicClient", "redirectUris") or ()}
    yield rules.BROKER_REDIRECT.check(redirect.casefold() in redirects, redirect=redirect)
    yield rules.PUBLIC_CLIENT.check(bool(app.get("isFallbackPublicClient")))
    if profile.id_tokens:
        yield _id_tokens(app)
    yield _requests(app, USER_READ, phrases.USERS_CANNOT_SIGN_IN)
    found = scope(server)
    if found and client_permissions(profile, user_discovery=user_discovery):
        impersonation = Permission(
            resource=str(server["appId"]), id=found, value=USER_IMPERSONATION, type=USER_READ.type
        )
        offered = {str(scope.get("id")) for scope in _at(server, "api", "oauth2PermissionScopes") or ()}
        yield _requests_scope(app, impersonation, offered)


def scope(server: Mapping[str, Any]) -> str | None:
    """The id of the server app's scope for clients, if the scope exists and is enabled."""
    for offered in _at(server, "api", "oauth2PermissionScopes") or ():
        named = offered.get("value") == USER_IMPERSONATION and offered.get("type") == "User"
        if named and offered.get("isEnabled"):
            return str(offered["id"])
    return None


def _single_tenant(app: Mapping[str, Any]) -> Check:
    return rules.SINGLE_TENANT.check(app.get("signInAudience") == "AzureADMyOrg")


def _id_tokens(app: Mapping[str, Any]) -> Check:
    return rules.ID_TOKENS.check(bool(_at(app, "web", "implicitGrantSettings", "enableIdTokenIssuance")))


def _requests(app: Mapping[str, Any], permission: Permission, impact: Phrase) -> Check:
    passed = permission.id in _requested(app, permission)
    return rules.PERMISSION.check(
        passed, permission=permission.value, described=permission.said, impact=impact.of()
    )


def _requests_scope(app: Mapping[str, Any], permission: Permission, offered: Collection[str]) -> Check:
    """Whether an app requests a scope of the server app, which can have another id than before."""
    impact = phrases.CLIENTS_WITHOUT_TOKENS
    requested = _requested(app, permission)
    earlier = sorted(requested - set(offered))
    if permission.id in requested or not earlier:
        return _requests(app, permission, impact)
    return rules.PERMISSION_BY_EARLIER_ID.check(
        False,
        permission=permission.value,
        described=permission.said,
        impact=impact.of(),
        earlier=earlier[0],
    )


def _requested(app: Mapping[str, Any], like: Permission) -> set[str]:
    """The ids of the permissions that an app requests, of the same resource and type."""
    return {
        str(access.get("id"))
        for resource in app.get("requiredResourceAccess") or ()
        if resource.get("resourceAppId") == like.resource
        for access in resource.get("resourceAccess") or ()
        if access.get("type") == str(like.type)
    }


def _at(document: Mapping[str, Any], *path: str) -> Any:
    """A value inside a document; None where a part of the path is missing."""
    value: Any = document
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
