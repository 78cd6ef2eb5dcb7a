"""The permissions that the two applications ask for, by their well-known ids.

Source: https://learn.microsoft.com/graph/permissions-reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MICROSOFT_GRAPH: Final = "00000003-0000-0000-c000-000000000000"
"""Application id of Microsoft Graph in every tenant and cloud."""


class PermissionType(StrEnum):
    """How Graph's requiredResourceAccess names the two kinds."""

    DELEGATED = "Scope"
    APPLICATION = "Role"


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """One permission of a resource."""

    resource: str  # application id of the resource
    id: str
    value: str  # its name
    type: PermissionType

    def __str__(self) -> str:
        """As the portal names it: an application can have a delegated permission of the same name."""
        kind = "application" if self.type is PermissionType.APPLICATION else "delegated"
        resource = (
            "Microsoft Graph" if self.resource == MICROSOFT_GRAPH else f"the server app {self.resource}"
        )
        return f"{kind} permission {self.value} of {resource}"


USER_READ: Final = Permission(
    resource=MICROSOFT_GRAPH,
    id="e1fe6dd8-ba31-4d61-89e7-88639da4683d",
    value="User.Read",
    type=PermissionType.DELEGATED,
)
DIRECTORY_READ_ALL: Final = Permission(
    resource=MICROSOFT_GRAPH,
    id="7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    value="Directory.Read.All",
    type=PermissionType.APPLICATION,
)


def required_resource_access(*permissions: Permission) -> list[dict[str, object]]:
    """Permissions as Graph's ``requiredResourceAccess``: one entry a resource."""
    resources: dict[str, list[dict[str, str]]] = {}
    for permission in permissions:
        entry = {"id": permission.id, "type": str(permission.type)}
        resources.setdefault(permission.resource, []).append(entry)
    return [{"resourceAppId": resource, "resourceAccess": access} for resource, access in resources.items()]
