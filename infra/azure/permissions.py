"""The permissions: those that the app has in Microsoft Graph, and those that callers have in the app.

This is their only table. The scripts in this folder grant them, the guide lists them, and tests compare the
Bicep, the guide and the app's own checks with it.

IDs of Graph permissions are the same in every tenant and cloud
(https://learn.microsoft.com/graph/permissions-reference); a script compares them with the tenant's own
list before it grants one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GRAPH_APP_ID: Final = "00000003-0000-0000-c000-000000000000"
"""Microsoft Graph's application id, the same in every tenant and cloud."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AppRole:
    """An application role of a resource, which can be granted to an identity or to a caller."""

    #: Its value in the ``roles`` claim of a token.
    value: str
    #: The role's ID, which an assignment contains.
    id: str
    #: What it allows, as a sentence for the person who grants it.
    why: str


GRAPH_BASE: Final = (
    AppRole(
        value="Application.ReadWrite.OwnedBy",
        id="18a4783c-866b-4cc7-a460-3d5e5662c884",
        why="Create app registrations and change or delete those it created. It cannot change any other.",
    ),
    AppRole(
        value="Organization.Read.All",
        id="498476ce-e0fe-48b0-b801-37ba7e2685c6",
        why="Read the tenant's verified domains, to check an App ID URI before anything is created.",
    ),
    AppRole(
        value="Policy.Read.All",
        id="246dd0d5-5bd0-4def-940b-0421030a5b68",
        why="Read the tenant's app management policy, to find out which secrets and App ID URIs it allows.",
    ),
)
"""What every onboarding needs."""

GRAPH_SEE: Final = (
    AppRole(
        value="Directory.Read.All",
        id="7ab1d382-f21e-4acd-a863-ba3e13f7da61",
        why="See that an administrator has consented. It also reads users and groups; Graph accepts no less.",
    ),
)
"""With this permission, an onboarding continues after an administrator's consent without a confirmation.

Source: https://learn.microsoft.com/graph/api/serviceprincipal-list-oauth2permissiongrants.
"""

GRAPH_CONSENT: Final = (
    AppRole(
        value="Application.Read.All",
        id="9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
        why="Read the service principals of the apps and their APIs to grant consent.",
    ),
    AppRole(
        value="AppRoleAssignment.ReadWrite.All",
        id="06b708a9-e830-4db3-a914-8e69da51d44f",
        why="Consent to the server app's Directory.Read.All. TIER 0: its holder can grant anyone anything.",
    ),
    AppRole(
        value="DelegatedPermissionGrant.ReadWrite.All",
        id="8e8e4742-1d95-4f68-9d56-6ee75648c72a",
        why="Let the client app act for signed-in users. TIER 0: its holder can consent for every user.",
    ),
)
"""The permissions to consent without an administrator. Anyone who controls the app then controls the tenant.
"""

API_REQUEST: Final = AppRole(
    value="Onboarding.Request",
    id="d3445509-805a-47da-88c6-e80dfd0f3504",
    why="Request onboardings and follow those it requested.",
)
API_OPERATE: Final = AppRole(
    value="Onboarding.Operate",
    id="5856e1f4-a885-4580-9ef4-e7f7f2366198",
    why="See and manage all onboardings and connections.",
)
API_ROLES: Final = (API_REQUEST, API_OPERATE)
"""What a caller of this app's API may be."""

API_SCOPE_ID: Final = "349fdc62-f371-4455-b19a-f6f3ff75ef56"
"""Id of the API's delegated permission ``user_impersonation``; people sign in with it."""
