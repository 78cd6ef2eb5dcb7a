"""The permissions that the two applications request, by their well-known IDs.

Source: https://learn.microsoft.com/graph/permissions-reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from onboarding.texts import phrases
from onboarding.texts.phrases import Said

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

    @property
    def said(self) -> Said:
        """As the portal names it: an application can have a delegated permission of the same name."""
        if self.resource != MICROSOFT_GRAPH:
            return phrases.OF_SERVER_APP.of(permission=self.value, resource=self.resource)
        application = self.type is PermissionType.APPLICATION
        kind = phrases.GRAPH_APPLICATION if application else phrases.GRAPH_DELEGATED
        return kind.of(permission=self.value)


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
