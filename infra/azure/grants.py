"""Assigns an application role of a resource to a principal, if it is not assigned yet."""

from __future__ import annotations

from collections.abc import Collection

from infra.azure.directory import Directory, DirectoryError
from infra.azure.permissions import AppRole
from infra.azure.plan import Change


def assigned(directory: Directory, principal_id: str, resource_id: str) -> set[str]:
    """IDs of the resource's roles that the service principal has."""
    path = f"/servicePrincipals/{principal_id}/appRoleAssignments"
    return {entry["appRoleId"] for entry in directory.list(path) if entry["resourceId"] == resource_id}


def holders(directory: Directory, resource_id: str) -> set[tuple[str, str]]:
    """The assignments of the resource's roles, as (principal ID, role ID)."""
    path = f"/servicePrincipals/{resource_id}/appRoleAssignedTo"
    return {(entry["principalId"], entry["appRoleId"]) for entry in directory.list(path)}


def grant(
    directory: Directory, *, role: AppRole, principal_id: str, resource_id: str, held: Collection[str]
) -> Change:
    """The change that assigns this role to the principal, unless ``held`` (role IDs) contains it."""

    def apply() -> None:
        assign(directory, role=role, principal_id=principal_id, resource_id=resource_id)

    return Change(what=role.value, why=role.why, apply=None if role.id in held else apply)


def assign(
    directory: Directory, *, role: AppRole, principal_id: str, resource_id: str, fresh: bool = False
) -> None:
    """Assign the role. An existing assignment counts as done."""
    body = {"principalId": principal_id, "resourceId": resource_id, "appRoleId": role.id}
    try:
        directory.write("POST", f"/servicePrincipals/{resource_id}/appRoleAssignedTo", body, fresh=fresh)
    except DirectoryError as error:
        if not error.already_exists:
            raise
