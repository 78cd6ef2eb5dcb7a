"""What an administrator finds in the console and in Microsoft's articles, copied from those pages.

Sources: https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard,
https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/configure-azure-ad and
https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/manually-register-azure-ad-apps.
"""

from __future__ import annotations

from typing import Final

WIZARD: Final = (
    # Azure Services
    "Name",
    "Description",
    "Service: Cloud Management",
    # App
    "Azure environment",
    "Web app: Browse, existing one",
    "Web app: Import",
    "Web app: Create",
    "Native client app: Browse, existing one",
    "Native client app: Import",
    "Native client app: Create",
    # Create Server Application
    "Application name (web)",
    "HomePage URL",
    "App ID URI",
    "Secret key validity",
    "Sign in as an administrator",
    "Tenant name shown after sign-in",
    # Create Client Application
    "Application name (native)",
    "Reply URL",
    # Import Apps
    "Import: tenant name, tenant ID",
    "Import: application name, client ID (web)",
    "Import: secret key",
    "Import: secret key expiry",
    "Import: App ID URI",
    "Import: application name, client ID (native)",
    "Import: Verify",
    # Discovery
    "Enable Entra user discovery",
    "User discovery: full schedule",
    "User discovery: delta, interval",
    "Enable Entra group discovery",
    "Group discovery: groups",
    "Group discovery: full schedule",
    "Group discovery: delta, interval",
    # Summary, Progress, Completion; properties of the service
    "Summary",
    "Progress, Completion",
    "Collection synchronization to groups",
    "Disable authentication for this tenant",
    "One connection for each tenant",
)
"""The fields and buttons of the Azure Services wizard."""

AFTERWARDS: Final = (
    "Update Application Settings",
    "Renew Secret Key",
    "Delete the Azure service and its apps",
    "Exclude the server app from Conditional Access policies for all cloud apps",
    "Notifications about expiring secrets",
    "Admin Service Management option of the gateway",
)
"""What the console does with an existing service."""

_ALWAYS: Final = ("yes",) * 4
_WITH_DISCOVERY: Final = ("with user discovery",) * 4
_TOKENS: Final = ("yes", "yes", "yes", "removed")
_CLIENT: Final = ("with user discovery", "with user discovery", "always", "always")

ARTICLE: Final[dict[str, tuple[str, ...]]] = {
    "Web app: name": _ALWAYS,
    "Web app: accounts in this directory only": _ALWAYS,
    "Web app: redirect URI": (
        "blank",
        "native `http://localhost`",
        "Web `http://localhost`",
        "Web `http://localhost`",
    ),
    "Note client ID, tenant ID, name": _ALWAYS,
    "New client secret, 12 or 24 months, note its expiry date": _ALWAYS,
    "Web app: remove User.Read, add Directory.Read.All": _WITH_DISCOVERY,
    "Web app: grant admin consent": _WITH_DISCOVERY,
    "Expose an API: set the App ID URI": _ALWAYS,
    "Add the scope `user_impersonation`, admins and users, enabled": _ALWAYS,
    "Scope: consent display name and description": _ALWAYS,
    "Web app: ID tokens in the manifest": _TOKENS,
    "Native app: name": _ALWAYS,
    "Native app: accounts in this directory only": _ALWAYS,
    "Native app: note client ID, name": _ALWAYS,
    "Native app: redirect URI of the token broker with its own client ID": _ALWAYS,
    "Native app: allow public client flows": _ALWAYS,
    "Native app: keep User.Read": _ALWAYS,
    "Native app: add `user_impersonation` of the web app": _CLIENT,
    "Native app: grant admin consent": _CLIENT,
    "Native app: ID tokens in the manifest": _TOKENS,
    "Import the web app into the console": _ALWAYS,
    "Import the native app into the console": _ALWAYS,
    "Create the Azure service with the imported apps": _ALWAYS,
    "Monitor the secret's expiry date yourself: the console does not": _ALWAYS,
}
"""The steps of the manual article, and what each of its four revisions says about them."""

SUBSCRIPTION: Final = (
    "Register Microsoft.KeyVault, Microsoft.Storage, Microsoft.Network, Microsoft.Compute",
    "Have the permission to register",
    "Wait until they are registered",
    "Create the gateway",
)
"""What the article on the subscription requires."""
