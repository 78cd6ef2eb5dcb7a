"""The properties of the two app registrations, as data by the revision of the manual article.

Adding a revision is adding a row. Bodies are Microsoft Graph v1.0 ``application`` resources.

Source: "Manually register Microsoft Entra apps for CMG"
(https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/manually-register-azure-ad-apps).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from onboarding.cmg.faults import Fault, fault
from onboarding.cmg.permissions import (
    DIRECTORY_READ_ALL,
    USER_READ,
    Permission,
    PermissionType,
    required_resource_access,
)
from onboarding.words import data
from onboarding.words.line import isolated
from onboarding.words.word import Word

USER_IMPERSONATION: Final = "user_impersonation"
"""The scope of the server app that clients request."""

_LOCALHOST: Final = "http://localhost"
_SCOPES = uuid.UUID("b3b8f6a2-7c55-5d0e-8f5d-3f8c1e9a4d10")
_LONGEST_CONSENT_NAME: Final = 100  # characters, of adminConsentDisplayName

SITE_SIGNS_IN: Final = "2309"
"""From this version, the site itself signs in with the server app, using a redirect to http://localhost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One revision of the manual article."""

    name: str  # year and month of the revision
    first_version: str  # the first ConfigMgr version that it fits
    next_version: str | None = None  # the first version that it no longer fits
    web_redirects: tuple[str, ...]  # of the server app, platform Web
    native_redirects: tuple[str, ...]  # of the server app, platform "Mobile and desktop applications"
    id_tokens: bool  # "ID tokens" of the implicit grant, on both apps
    client_permissions: bool  # always (True), or only with user discovery
    device_only: bool = True  # device tokens; the portal does not show this property


PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile(
            name="2021",
            first_version="2010",
            next_version=SITE_SIGNS_IN,
            web_redirects=(),
            native_redirects=(),
            id_tokens=True,
            client_permissions=False,
        ),
        # The next revision corrected the redirect on the native platform.
        Profile(
            name="2023-11",
            first_version=SITE_SIGNS_IN,
            web_redirects=(),
            native_redirects=(_LOCALHOST,),
            id_tokens=True,
            client_permissions=False,
        ),
        Profile(
            name="2309",
            first_version=SITE_SIGNS_IN,
            web_redirects=(_LOCALHOST,),
            native_redirects=(),
            id_tokens=True,
            client_permissions=True,
        ),
        Profile(
            name="2026-08",
            first_version=SITE_SIGNS_IN,
            web_redirects=(_LOCALHOST,),
            native_redirects=(),
            id_tokens=False,
            client_permissions=True,
        ),
    )
}


def for_version(version: str | None) -> Profile:
    """The newest profile for a ConfigMgr version (None: the newest version)."""
    fitting = [found for found in PROFILES.values() if version is None or found.first_version <= version]
    return fitting[-1] if fitting else next(iter(PROFILES.values()))


def conflict(profile: Profile, version: str | None) -> Fault | None:
    """Why a profile does not fit a ConfigMgr version (None: the newest); None if it does."""
    if profile is for_version(version):
        return None
    first, following = profile.first_version, profile.next_version
    if version is not None and version < first:
        return fault("profile-for-later-versions", profile=profile.name, first=first, version=version)
    if following and (version is None or version >= following):
        return fault("profile-for-earlier-versions", profile=profile.name, next=following)
    return None


def scope_id(key: str) -> str:
    """The id of the server app's scope; the same whenever it is derived from the same key."""
    return str(uuid.uuid5(_SCOPES, key))


def server_application(
    profile: Profile, *, name: Word, home_page_url: str, key: str, reads_directory: bool, notes: str
) -> dict[str, Any]:
    """The web (server) app, without the App ID URI, which can contain the client id.

    Args:
        profile: The revision to follow.
        name: Display name.
        home_page_url: A field of the wizard; ConfigMgr does not use it.
        key: The scope's id is derived from it.
        reads_directory: Whether the site reads the directory with it (``discovery.reads_directory``).
        notes: Who manages the app, shown in the portal.
    """
    native = {"publicClient": {"redirectUris": list(profile.native_redirects)}}
    return {
        **(native if profile.native_redirects else {}),
        "displayName": data.text(name),
        "signInAudience": "AzureADMyOrg",
        "isDeviceOnlyAuthSupported": profile.device_only,
        "notes": notes,
        "web": {
            "homePageUrl": home_page_url,
            "redirectUris": list(profile.web_redirects),
            "implicitGrantSettings": _implicit(profile),
        },
        "api": {
            # Version 1 tokens: the site's token validator knows the issuer sts.windows.net only.
            "requestedAccessTokenVersion": None,
            "oauth2PermissionScopes": [
                {
                    "id": scope_id(key),
                    "value": USER_IMPERSONATION,
                    "type": "User",
                    "isEnabled": True,
                    "adminConsentDisplayName": f"Access {isolated(name)}"[:_LONGEST_CONSENT_NAME],
                    "adminConsentDescription": (
                        f"Allow the application to access {isolated(name)} on behalf of the signed-in user."
                    ),
                }
            ],
        },
        "requiredResourceAccess": required_resource_access(DIRECTORY_READ_ALL) if reads_directory else [],
    }


def client_application(
    profile: Profile, *, name: Word, server_app: str, server_scope: str, user_discovery: bool, notes: str
) -> dict[str, Any]:
    """The native (client) app, without the redirect URI, which contains the client id.

    Args:
        profile: The revision to follow.
        name: Display name.
        server_app: Client id of the server app.
        server_scope: Id of the server app's scope.
        user_discovery: With older profiles, only then the client app has permissions.
        notes: Who manages the app.
    """
    impersonation = Permission(
        resource=server_app, id=server_scope, value=USER_IMPERSONATION, type=PermissionType.DELEGATED
    )
    permissions = (impersonation,) if client_permissions(profile, user_discovery=user_discovery) else ()
    return {
        "displayName": data.text(name),
        "signInAudience": "AzureADMyOrg",
        "isFallbackPublicClient": True,
        "notes": notes,
        "web": {"implicitGrantSettings": _implicit(profile)},
        "requiredResourceAccess": required_resource_access(USER_READ, *permissions),
    }


def client_permissions(profile: Profile, *, user_discovery: bool) -> bool:
    """Whether the client app may act on the server app for its users."""
    return profile.client_permissions or user_discovery


def client_redirect(app: str) -> str:
    """The redirect URI of Windows' token broker for a client app."""
    return f"ms-appx-web://Microsoft.AAD.BrokerPlugin/{app}"


def _implicit(profile: Profile) -> dict[str, bool]:
    return {"enableIdTokenIssuance": profile.id_tokens, "enableAccessTokenIssuance": False}
