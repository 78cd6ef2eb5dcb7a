"""The two app registrations of each profile, written from the manual article and not from the code.

Source: "Manually register Microsoft Entra apps for CMG"
(https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/manually-register-azure-ad-apps), and
the console's "Update Application Settings" for device tokens. Any other property of an application has
Entra ID's own default.

The revisions differ in four steps only:

| step | 2021 | 2023-11 | 2309 | 2026-08 |
|---|---|---|---|---|
| http://localhost redirects to the server app | no | as native | as Web | as Web |
| "ID tokens" in the manifest, both apps | yes | yes | yes | removed |
| permission of the client app | with user discovery | with user discovery | always | always |
"""

from __future__ import annotations

from typing import Any

GRAPH = "00000003-0000-0000-c000-000000000000"
USER_READ = "e1fe6dd8-ba31-4d61-89e7-88639da4683d"
DIRECTORY_READ_ALL = "7ab1d382-f21e-4acd-a863-ba3e13f7da61"

NEWEST = "2026-08"
REVISIONS = ("2021", "2023-11", "2309", NEWEST)

_WEB_REDIRECTS: dict[str, list[str]] = {
    "2021": [],
    "2023-11": [],
    "2309": ["http://localhost"],
    "2026-08": ["http://localhost"],
}
_NATIVE_REDIRECTS: dict[str, list[str]] = {"2023-11": ["http://localhost"]}
_ID_TOKENS = {"2021": True, "2023-11": True, "2309": True, "2026-08": False}
_PERMISSION_ONLY_WITH_DISCOVERY = {"2021", "2023-11"}


def server(name: str, scope: str, *, user_discovery: bool, revision: str = NEWEST) -> dict[str, Any]:
    """The web (server) app."""
    document: dict[str, Any] = {
        "displayName": name,
        # Accounts in this organizational directory only
        "signInAudience": "AzureADMyOrg",
        # From "Update Application Settings"; the portal does not show it
        "isDeviceOnlyAuthSupported": True,
        "web": {
            "homePageUrl": "https://ConfigMgrService",
            "redirectUris": _WEB_REDIRECTS[revision],
            "implicitGrantSettings": _implicit(revision),
        },
        "api": {
            "requestedAccessTokenVersion": None,
            "oauth2PermissionScopes": [
                {
                    "id": scope,
                    "value": "user_impersonation",
                    "type": "User",
                    "isEnabled": True,
                    "adminConsentDisplayName": f"Access {name}",
                    "adminConsentDescription": (
                        f"Allow the application to access {name} on behalf of the signed-in user."
                    ),
                }
            ],
        },
        # Only for discovery, in every revision. The article describes it for users; groups need it, too
        "requiredResourceAccess": (
            [{"resourceAppId": GRAPH, "resourceAccess": [{"id": DIRECTORY_READ_ALL, "type": "Role"}]}]
            if user_discovery
            else []
        ),
    }
    if revision in _NATIVE_REDIRECTS:
        document["publicClient"] = {"redirectUris": _NATIVE_REDIRECTS[revision]}
    return document


def client(
    name: str, server_app: str, scope: str, *, user_discovery: bool, revision: str = NEWEST
) -> dict[str, Any]:
    """The native (client) app."""
    access = [{"resourceAppId": GRAPH, "resourceAccess": [{"id": USER_READ, "type": "Scope"}]}]
    if user_discovery or revision not in _PERMISSION_ONLY_WITH_DISCOVERY:
        access.append({"resourceAppId": server_app, "resourceAccess": [{"id": scope, "type": "Scope"}]})
    return {
        "displayName": name,
        "signInAudience": "AzureADMyOrg",
        # Allow public client flows
        "isFallbackPublicClient": True,
        "web": {"implicitGrantSettings": _implicit(revision)},
        "requiredResourceAccess": access,
    }


def client_redirects(app: str) -> list[str]:
    """Mobile and desktop applications: Windows' token broker, with the app's own client ID."""
    return [f"ms-appx-web://Microsoft.AAD.BrokerPlugin/{app}"]


def seen(actual: Any, expected: Any) -> Any:
    """The directory's values for the given properties: Entra ID has defaults for everything else."""
    if isinstance(expected, dict):
        return {name: seen(actual[name], expected[name]) for name in expected}
    if isinstance(expected, list) and expected and isinstance(expected[0], dict):
        assert len(actual) == len(expected)
        return [seen(each, wanted) for each, wanted in zip(actual, expected, strict=True)]
    return actual


def _implicit(revision: str) -> dict[str, bool]:
    return {"enableIdTokenIssuance": _ID_TOKENS[revision], "enableAccessTokenIssuance": False}
