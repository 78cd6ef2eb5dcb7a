"""What the two app registrations look like, as data by the revision of the manual article.

Adding a revision is adding a row. Bodies are Microsoft Graph v1.0 ``application`` resources.

Source: "Manually register Microsoft Entra apps for CMG"
(https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/manually-register-azure-ad-apps).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from onboarding.cmg.permissions import (
    DIRECTORY_READ_ALL,
    USER_READ,
    Permission,
    PermissionType,
    required_resource_access,
)

USER_IMPERSONATION: Final = "user_impersonation"
"""The scope of the server app that clients ask for."""

_SCOPES = uuid.UUID("b3b8f6a2-7c55-5d0e-8f5d-3f8c1e9a4d10")
_LONGEST_CONSENT_NAME: Final = 100  # characters, of adminConsentDisplayName


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One revision of the manual article."""

    name: str
    server_redirects: tuple[str, ...]  # platform Web; ConfigMgr 2309 and later sign in with it
    id_tokens: bool  # "ID tokens" of the implicit grant, on both apps
    device_only: bool  # device tokens; the portal does not show this property


NEWEST: Final = Profile(
    name="2026-08", server_redirects=("http://localhost",), id_tokens=False, device_only=True
)


def scope_id(key: str) -> str:
    """The id of the server app's scope; the same whenever it is derived from the same key."""
    return str(uuid.uuid5(_SCOPES, key))


def server_application(
    profile: Profile, *, name: str, home_page_url: str, key: str, user_discovery: bool, notes: str
) -> dict[str, Any]:
    """The web (server) app. Its App ID URI is set on its own, because it may need the client id.

    Args:
        profile: The revision to follow.
        name: Display name.
        home_page_url: Asked for by the wizard; ConfigMgr does not use it.
        key: What the scope's id is derived from.
        user_discovery: Whether Entra user discovery is on: only then does it read the directory.
        notes: Who manages the app, for whoever finds it in the portal.
    """
    return {
        "displayName": name,
        "signInAudience": "AzureADMyOrg",
        "isDeviceOnlyAuthSupported": profile.device_only,
        "notes": notes,
        "web": {
            "homePageUrl": home_page_url,
            "redirectUris": list(profile.server_redirects),
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
                    "adminConsentDisplayName": f"Access {name}"[:_LONGEST_CONSENT_NAME],
                    "adminConsentDescription": (
                        f"Allow the application to access {name} on behalf of the signed-in user."
                    ),
                }
            ],
        },
        "requiredResourceAccess": required_resource_access(DIRECTORY_READ_ALL) if user_discovery else [],
    }


def client_application(
    profile: Profile, *, name: str, server_app: str, server_scope: str, notes: str
) -> dict[str, Any]:
    """The native (client) app. Its redirect URI is set on its own, because it needs the client id.

    Args:
        profile: The revision to follow.
        name: Display name.
        server_app: Client id of the server app.
        server_scope: Id of the server app's scope.
        notes: Who manages the app.
    """
    impersonation = Permission(
        resource=server_app, id=server_scope, value=USER_IMPERSONATION, type=PermissionType.DELEGATED
    )
    return {
        "displayName": name,
        "signInAudience": "AzureADMyOrg",
        "isFallbackPublicClient": True,
        "notes": notes,
        "web": {"implicitGrantSettings": _implicit(profile)},
        "requiredResourceAccess": required_resource_access(USER_READ, impersonation),
    }


def client_redirect(app: str) -> str:
    """The redirect URI of Windows' token broker for a client app."""
    return f"ms-appx-web://Microsoft.AAD.BrokerPlugin/{app}"


def _implicit(profile: Profile) -> dict[str, bool]:
    return {"enableIdTokenIssuance": profile.id_tokens, "enableAccessTokenIssuance": False}
