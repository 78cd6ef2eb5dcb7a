"""The two app registrations of the newest profile, written down from the article and not from the code.

Source: "Manually register Microsoft Entra apps for CMG", revision of August 2026
(https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/manually-register-azure-ad-apps), and
the console's "Update Application Settings" for device tokens. Whatever an application has beyond these
properties is Entra ID's own default.
"""

from __future__ import annotations

from typing import Any

GRAPH = "00000003-0000-0000-c000-000000000000"
USER_READ = "e1fe6dd8-ba31-4d61-89e7-88639da4683d"
DIRECTORY_READ_ALL = "7ab1d382-f21e-4acd-a863-ba3e13f7da61"


def server(name: str, scope: str, *, user_discovery: bool) -> dict[str, Any]:
    """The web (server) app."""
    permission = {"id": DIRECTORY_READ_ALL, "type": "Role"}
    return {
        "displayName": name,
        # Accounts in this organizational directory only
        "signInAudience": "AzureADMyOrg",
        # From "Update Application Settings"; the portal does not show it
        "isDeviceOnlyAuthSupported": True,
        "web": {
            "homePageUrl": "https://ConfigMgrService",
            # Platform Web, from Configuration Manager 2309
            "redirectUris": ["http://localhost"],
            # The step "ID tokens" is gone since August 2026
            "implicitGrantSettings": {"enableIdTokenIssuance": False, "enableAccessTokenIssuance": False},
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
        # Only for user discovery
        "requiredResourceAccess": (
            [{"resourceAppId": GRAPH, "resourceAccess": [permission]}] if user_discovery else []
        ),
    }


def client(name: str, server_app: str, scope: str) -> dict[str, Any]:
    """The native (client) app."""
    return {
        "displayName": name,
        "signInAudience": "AzureADMyOrg",
        # Allow public client flows
        "isFallbackPublicClient": True,
        "web": {
            "implicitGrantSettings": {"enableIdTokenIssuance": False, "enableAccessTokenIssuance": False}
        },
        "requiredResourceAccess": [
            {"resourceAppId": GRAPH, "resourceAccess": [{"id": USER_READ, "type": "Scope"}]},
            {"resourceAppId": server_app, "resourceAccess": [{"id": scope, "type": "Scope"}]},
        ],
    }


def client_redirects(app: str) -> list[str]:
    """Mobile and desktop applications: Windows' token broker, with the app's own client id."""
    return [f"ms-appx-web://Microsoft.AAD.BrokerPlugin/{app}"]
