"""Fields of a request that are valid separately, but contradict each other or the connection."""

from __future__ import annotations

from typing import Final

from onboarding.errors.base import ErrorType, Severity


def _conflict(code: str, title: str, detail: str, remedy: str) -> ErrorType:
    return ErrorType(code=code, severity=Severity.ERROR, title=title, detail=detail, remedy=remedy)


EITHER_OF: Final = _conflict(
    "either-of",
    "Exactly one of two fields is required",
    "Specify either {first} or {second}.",
    "Specify exactly one of them.",
)

# Existing applications

EXISTING_APP_UNCHANGED: Final = _conflict(
    "existing-app-unchanged",
    "The service does not change an existing app",
    "The service does not change an existing app.",
    "Omit this field.",
)
SHARED_SECRET_KNOWN: Final = _conflict(
    "shared-secret-known",
    "The service already has the secret of the other connection",
    "The service uses the secret of the other connection.",
    "Omit the secret here.",
)
SHARED_URI_KNOWN: Final = _conflict(
    "shared-uri-known",
    "The service already has the App ID URI of the other connection",
    "The service uses the App ID URI of the other connection.",
    "Omit it here.",
)
SAME_APP: Final = _conflict(
    "same-app",
    "The server app and the client app are the same application",
    "The server app and the client app must be different applications. This application is the server app.",
    "Specify another application.",
)

# Versions

MODEL_RETIRED: Final = _conflict(
    "model-retired",
    "Microsoft has retired the deployment model",
    "Microsoft retired cloud services (classic) on August 31, 2024. No gateway can run on them.",
    "Use {model}, or omit the field.",
)
VERSION_WITHOUT_SCALE_SET: Final = _conflict(
    "version-without-scale-set",
    "The version cannot deploy the gateway",
    (
        "In {cloud}, a virtual machine scale set requires version {first} or later. The site has version "
        "{version}."
    ),
    "Update the site, or correct the version.",
)
PROFILE_FOR_LATER_VERSIONS: Final = _conflict(
    "profile-for-later-versions",
    "The profile is for later versions",
    "The profile {profile} is for version {first} or later, not for version {version}.",
    "Omit the profile, or specify an earlier one.",
)
PROFILE_FOR_EARLIER_VERSIONS: Final = _conflict(
    "profile-for-earlier-versions",
    "The profile is for earlier versions",
    (
        "The profile {profile} is for versions before {next}. Later sites sign in with the server app, which "
        "requires a redirect URI that this profile lacks."
    ),
    "Omit the profile, or specify the older configMgrVersion of the site.",
)
VERSION_WITH_AUTHENTICATION: Final = _conflict(
    "version-with-authentication",
    "Authentication cannot be disabled in this version",
    "Authentication can be disabled in version {first} and later, not in version {version}.",
    "Omit disableAuthentication, or correct the version.",
)

# Discovery, groups and authentication

GROUPS_MISSING: Final = _conflict(
    "groups-missing",
    "Group discovery has no groups",
    "Group discovery is enabled, but the request names no groups.",
    "Specify the groups to discover, or disable group discovery.",
)
GROUPS_NOT_DISCOVERED: Final = _conflict(
    "groups-not-discovered",
    "Group discovery is not enabled",
    "The request names groups, but group discovery is not enabled.",
    "Enable group discovery, or omit the groups to discover.",
)
GROUP_REPEATED: Final = _conflict(
    "group-repeated",
    "The group is in the list twice",
    "The list already contains this group.",
    "Remove the entry.",
)
CLIENT_APP_NEEDED: Final = _conflict(
    "client-app-needed",
    "The tenant needs a client app",
    (
        "Users and devices authenticate with the client app. The tenant needs no client app only if it has "
        "the gateway (subscriptionId) and disableAuthentication is true."
    ),
    "Omit the field: the onboarding then creates a client app.",
)
GROUP_SYNC_NEEDS_AUTHENTICATION: Final = _conflict(
    "group-sync-needs-authentication",
    "Group synchronization requires authentication",
    "Group synchronization requires authentication in the tenant.",
    "Omit disableAuthentication or groupSync.",
)
NO_PURPOSE: Final = _conflict(
    "connection-without-purpose",
    "The connection has no purpose",
    "The connection has no purpose without the gateway's subscription, authentication or discovery.",
    "Specify subscriptionId, or omit disableAuthentication.",
)

# Renewals

IMPORTED_SECRET_NEEDED: Final = _conflict(
    "imported-secret-needed",
    "The new client secret of an imported app is missing",
    "The service does not change an imported server app.",
    ("Add a client secret to it yourself, then specify either vaultSecret (its name) or secret (its value)."),
)
IMPORTED_END_KNOWN: Final = _conflict(
    "imported-end-known",
    "The service reads the expiration date of an imported secret",
    "The service reads the expiration date of an imported secret from Entra ID.",
    "Omit this field.",
)
SECRET_IS_CREATED: Final = _conflict(
    "secret-is-created",
    "The service creates the new secret",
    "The service creates the new secret.",
    "Omit this field.",
)
