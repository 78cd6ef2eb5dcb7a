"""Does an app registration look as the profile says? One rule a property, each with what impact without it.

For applications that somebody else made: they are checked before they are used, and never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from onboarding.cmg.permissions import DIRECTORY_READ_ALL, USER_READ, Permission
from onboarding.cmg.profiles import USER_IMPERSONATION, Profile, client_permissions, client_redirect

_LOCALHOST: Final = "http://localhost"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One property of the profile, and whether the application has it."""

    name: str
    passed: bool | None  # None: it could not be told
    expected: str
    impact: str  # what an administrator sees when it is not so
    remedy: str


def server_checks(profile: Profile, app: Mapping[str, Any], *, user_discovery: bool) -> Iterator[Check]:
    """The rules for a web (server) app, as Graph shows it."""
    yield _single_tenant(app)
    yield from _redirects(profile, app)
    yield Check(
        name="device-tokens",
        passed=bool(app.get("isDeviceOnlyAuthSupported")) or not profile.device_only,
        expected="isDeviceOnlyAuthSupported is true",
        impact="Clients get no device token and can't authenticate without a user.",
        remedy="Set isDeviceOnlyAuthSupported with Graph, or use 'Update Application Settings' at the site.",
    )
    yield Check(
        name="app-id-uri",
        passed=bool(app.get("identifierUris")),
        expected="an App ID URI",
        impact="Clients that ask for a token get AADSTS50001.",
        remedy="Set one under Expose an API.",
    )
    yield Check(
        name="token-version",
        passed=_at(app, "api", "requestedAccessTokenVersion") in {None, 1},
        expected="access tokens of version 1",
        impact="The site's token validator refuses tokens of version 2.",
        remedy="Set requestedAccessTokenVersion to null in the manifest.",
    )
    yield Check(
        name="scope",
        passed=scope(app) is not None,
        expected=f"the enabled scope {USER_IMPERSONATION}, to which users may consent",
        impact="Users get no token for the gateway.",
        remedy=f"Add the scope {USER_IMPERSONATION} under Expose an API: admins and users, enabled.",
    )
    if profile.id_tokens:
        yield _id_tokens(app)
    if user_discovery:
        yield _asks_for(app, DIRECTORY_READ_ALL, "User discovery fails with insufficient privileges.")


def client_checks(
    profile: Profile, app: Mapping[str, Any], *, server: Mapping[str, Any], user_discovery: bool
) -> Iterator[Check]:
    """The rules for a native (client) app that goes with a server app, both as Graph shows them."""
    yield _single_tenant(app)
    redirect = client_redirect(str(app.get("appId")))
    redirects = {str(each).casefold() for each in _at(app, "publicClient", "redirectUris") or ()}
    yield Check(
        name="broker-redirect",
        passed=redirect.casefold() in redirects,
        expected=f"the redirect URI {redirect} for mobile and desktop applications",
        impact="Windows' token broker gets no token for users.",
        remedy="Add it under Authentication, platform Mobile and desktop applications.",
    )
    yield Check(
        name="public-client",
        passed=bool(app.get("isFallbackPublicClient")),
        expected="public client flows are allowed",
        impact="Clients can't sign in without a secret.",
        remedy="Switch on 'Allow public client flows' under Authentication.",
    )
    if profile.id_tokens:
        yield _id_tokens(app)
    yield _asks_for(app, USER_READ, "Sign-in of users fails.")
    found = scope(server)
    if found and client_permissions(profile, user_discovery=user_discovery):
        impersonation = Permission(
            resource=str(server["appId"]), id=found, value=USER_IMPERSONATION, type=USER_READ.type
        )
        yield _asks_for(app, impersonation, "Clients get no token for the server app.")


def scope(server: Mapping[str, Any]) -> str | None:
    """The id of the server app's scope for clients, when it is there and can be used."""
    for each in _at(server, "api", "oauth2PermissionScopes") or ():
        if each.get("value") == USER_IMPERSONATION and each.get("isEnabled") and each.get("type") == "User":
            return str(each["id"])
    return None


def _redirects(profile: Profile, app: Mapping[str, Any]) -> Iterator[Check]:
    """How the site signs in to the web (server) app."""
    redirects = set(_at(app, "web", "redirectUris") or ())
    if profile.web_redirects:
        yield Check(
            name="web-redirect",
            passed=redirects >= set(profile.web_redirects),
            expected=f"the redirect URI {_LOCALHOST} on the platform Web",
            impact="The console says 'Your server Application needs to be updated' (2309 and later).",
            remedy=f"Add {_LOCALHOST} under Authentication, platform Web.",
        )
    if profile.native_redirects:
        native = set(_at(app, "publicClient", "redirectUris") or ())
        yield Check(
            name="native-redirect",
            passed=native >= set(profile.native_redirects),
            expected=f"the redirect URI {_LOCALHOST} for mobile and desktop applications",
            impact="The console says 'Your server Application needs to be updated' (2309 and later).",
            remedy=f"Add {_LOCALHOST} under Authentication, or better: choose a newer profile.",
        )


def _single_tenant(app: Mapping[str, Any]) -> Check:
    return Check(
        name="single-tenant",
        passed=app.get("signInAudience") == "AzureADMyOrg",
        expected="accounts in this organizational directory only",
        impact="The application can be used from other tenants.",
        remedy="Set signInAudience to AzureADMyOrg.",
    )


def _id_tokens(app: Mapping[str, Any]) -> Check:
    return Check(
        name="id-tokens",
        passed=bool(_at(app, "web", "implicitGrantSettings", "enableIdTokenIssuance")),
        expected="ID tokens of the implicit grant",
        impact="Older consoles and clients can't sign in.",
        remedy="Switch on ID tokens under Authentication.",
    )


def _asks_for(app: Mapping[str, Any], permission: Permission, impact: str) -> Check:
    asked = {
        (resource.get("resourceAppId"), access.get("id"), access.get("type"))
        for resource in app.get("requiredResourceAccess") or ()
        for access in resource.get("resourceAccess") or ()
    }
    return Check(
        name=f"permission-{permission.value}",
        passed=(permission.resource, permission.id, str(permission.type)) in asked,
        expected=f"the permission {permission.value}",
        impact=impact,
        remedy=f"Add {permission.value} under API permissions, and grant admin consent.",
    )


def _at(document: Mapping[str, Any], *path: str) -> Any:
    """A value inside a document; None where something on the way is missing."""
    value: Any = document
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
