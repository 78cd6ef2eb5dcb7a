"""The app registration of the API: its desired state, and the changes that it needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from infra.azure.directory import Directory
from infra.azure.grants import assign, holders
from infra.azure.permissions import API_OPERATE, API_REQUEST, API_ROLES, API_SCOPE_ID, AppRole
from infra.azure.plan import Change

#: Entra ID issues version 2 to APIs that are registered today; its ``aud`` is the client ID.
_TOKEN_VERSION: Final = 2

_ROLES: Final = [
    {
        "id": role.id,
        "value": role.value,
        "displayName": role.value,
        "description": role.why,
        "allowedMemberTypes": ["Application", "User"],
        "isEnabled": True,
    }
    for role in API_ROLES
]

_SCOPE: Final = {
    "id": API_SCOPE_ID,
    "value": "user_impersonation",
    "type": "User",
    "isEnabled": True,
    "adminConsentDisplayName": "Access CMG onboarding",
    "adminConsentDescription": "Let the application call CMG onboarding as the signed-in user.",
    "userConsentDisplayName": "Access CMG onboarding",
    "userConsentDescription": "Let the application call CMG onboarding as you.",
}


class Registration:
    """One app registration and its service principal, found by the registration's unique name."""

    def __init__(self, directory: Directory, *, display_name: str, unique_name: str) -> None:
        """Set the name. Nothing is read before ``plan``."""
        self._directory = directory
        self._display_name = display_name
        self._path = f"/applications(uniqueName='{unique_name}')"
        self.application: dict[str, Any] = {}
        """As last seen; empty until it exists."""
        self._principal: dict[str, Any] = {}
        self._is_new = False

    def plan(self, *, requesters: Iterable[str], operators: Iterable[str]) -> list[Change]:
        """Read the current state, and return the changes. Callers are identified by object ID."""
        self.application = self._directory.find(self._path) or {}
        if self.application:
            self._principal = self._directory.find(self._principal_path) or {}
        held = holders(self._directory, self._principal["id"]) if self._principal else set()
        print(f"App registration of the API, in Microsoft Graph ({self._directory.graph}):\n")
        return [
            self._registration(),
            self._uri(),
            self._service_principal(),
            *(self._caller(API_REQUEST, caller, held) for caller in requesters),
            *(self._caller(API_OPERATE, caller, held) for caller in operators),
        ]

    @property
    def _principal_path(self) -> str:
        return f"/servicePrincipals(appId='{self.application['appId']}')"

    def _registration(self) -> Change:
        wanted = _differences(self.application)
        if not self.application:
            wanted["displayName"] = self._display_name

        def apply() -> None:
            answer = self._directory.write("PATCH", self._path, wanted, upsert=not self.application)
            self.application = answer or self._directory.read_fresh(self._path)

        verb = f"update {', '.join(wanted)} of" if self.application and wanted else "app registration"
        return Change(
            what=f"{verb} {self.application.get('displayName', self._display_name)}",
            why=f"Contains the roles for callers: {', '.join(role.value for role in API_ROLES)}.",
            apply=apply if wanted else None,
        )

    def _uri(self) -> Change:
        uris = self.application.get("identifierUris", [])

        def apply() -> None:
            uri = f"api://{self.application['appId']}"
            self._directory.write("PATCH", self._path, {"identifierUris": [*uris, uri]}, fresh=True)

        there = bool(self.application) and f"api://{self.application['appId']}" in uris
        return Change(
            what="App ID URI api://<client id>",
            why="The resource of the callers' tokens. Every tenant policy allows this form.",
            apply=None if there else apply,
        )

    def _service_principal(self) -> Change:
        def apply() -> None:
            body = {"appRoleAssignmentRequired": True}
            answer = self._directory.write("PATCH", self._principal_path, body, upsert=True, fresh=True)
            self._is_new = bool(answer)
            self._principal = answer or self._directory.read_fresh(self._principal_path)

        return Change(
            what="service principal, assignment required",
            why="Only callers with a role can get a token.",
            apply=None if self._principal.get("appRoleAssignmentRequired") else apply,
        )

    def _caller(self, role: AppRole, caller: str, held: set[tuple[str, str]]) -> Change:
        def apply() -> None:
            assign(
                self._directory,
                role=role,
                principal_id=caller,
                resource_id=self._principal["id"],
                fresh=self._is_new,
            )

        return Change(
            what=f"role {role.value} for {caller}",
            why=role.why,
            apply=None if (caller, role.id) in held else apply,
        )


def _differences(application: dict[str, Any]) -> dict[str, Any]:
    """The properties to write, so that the registration has ours and keeps what others added to it."""
    wanted: dict[str, Any] = {}
    if application.get("signInAudience") != "AzureADMyOrg":
        wanted["signInAudience"] = "AzureADMyOrg"
    roles = _merged(application.get("appRoles", []), _ROLES)
    if roles != application.get("appRoles"):
        wanted["appRoles"] = roles
    present = application.get("api") or {}
    api = {
        "oauth2PermissionScopes": _merged(present.get("oauth2PermissionScopes", []), [_SCOPE]),
        "requestedAccessTokenVersion": _TOKEN_VERSION,
    }
    if any(present.get(name) != value for name, value in api.items()):
        wanted["api"] = api
    return wanted


def _merged(present: list[dict[str, Any]], ours: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``present`` with our entries set, by ID. What Graph adds to an entry (such as ``origin``) stays."""
    merged = {entry["id"]: entry for entry in present}
    for entry in ours:
        merged[entry["id"]] = {**merged.get(entry["id"], {}), **entry}
    return list(merged.values())
