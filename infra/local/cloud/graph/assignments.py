"""App roles assigned to service principals: consent to application permissions.

https://learn.microsoft.com/graph/api/resources/approleassignment
"""

from __future__ import annotations

from typing import Final

from infra.local.cloud.directory import Directory, link_id
from infra.local.cloud.graph.access import (
    APPLICATION_READERS,
    ASSIGNMENT_WRITER,
    UNLIMITED_READERS,
    service_principal,
)
from infra.local.cloud.graph.call import Call, done, entity
from infra.local.cloud.graph.errors import bad_request, not_found, required
from infra.local.cloud.graph.filters import Filterable
from infra.local.cloud.graph.listing import Resource, Subset, listed
from infra.local.cloud.graph.paths import Handler
from infra.local.cloud.messages import Answer, JsonObject, is_guid, utc_text

_DEFAULT_ROLE: Final = "00000000-0000-0000-0000-000000000000"

ASSIGNMENTS: Final = Resource(
    name="appRoleAssignment",
    collection="appRoleAssignments",
    properties=frozenset(
        {
            "id",
            "deletedDateTime",
            "appRoleId",
            "createdDateTime",
            "principalDisplayName",
            "principalId",
            "principalType",
            "resourceDisplayName",
            "resourceId",
        }
    ),
    filterable=Filterable(
        resource="AppRoleAssignment", properties=frozenset({"resourceId", "principalId", "appRoleId"})
    ),
)


class AppRoleAssignments:
    """Handlers for the app roles of a service principal, and for those that others have in it."""

    def __init__(self, directory: Directory) -> None:
        """Serve the directory's assignments."""
        self._directory = directory

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path; ``{}`` is the key of an object."""
        routes: dict[tuple[str, str], Handler] = {}
        for segment in ("appRoleAssignments", "appRoleAssignedTo"):
            path = f"servicePrincipals/{{}}/{segment}"
            routes["GET", path] = self.list
            routes["POST", path] = self.create
            routes["GET", f"{path}/{{}}"] = self.get
            routes["DELETE", f"{path}/{{}}"] = self.delete
        return routes

    def list(self, call: Call) -> Answer:
        """The assignments on one side of a service principal."""
        call.need(*APPLICATION_READERS)
        principal = service_principal(call, self._directory)
        return listed(
            call, ASSIGNMENTS, Subset(self._directory.assignments.find(_side(call), principal["id"]))
        )

    def get(self, call: Call) -> Answer:
        """One assignment."""
        call.need(*APPLICATION_READERS)
        return entity(call, "appRoleAssignments/$entity", self._one(call))

    def create(self, call: Call) -> Answer:
        """Assign an app role of a resource to a service principal."""
        call.need(ASSIGNMENT_WRITER)
        call.need(*UNLIMITED_READERS)
        named = service_principal(call, self._directory)
        wanted = call.json()
        for name in ("principalId", "resourceId", "appRoleId"):
            if not is_guid(wanted.get(name)):
                raise (
                    required(name, "AppRoleAssignment")
                    if not wanted.get(name)
                    else bad_request(
                        "Cannot convert a primitive value to the expected type 'Edm.Guid'."
                        " See the inner exception for more details."
                    )
                )
        if wanted[_side(call)] != named["id"]:
            raise bad_request(
                f"The {_side(call)} of the assignment does not match the object that the request addresses."
            )
        principal = self._referred(wanted["principalId"])
        resource = self._referred(wanted["resourceId"])
        role_id = wanted["appRoleId"].lower()
        if role_id != _DEFAULT_ROLE and role_id not in {role["id"] for role in resource["appRoles"]}:
            raise bad_request(
                f"Permission being assigned was not found on application '{resource['appId']}'.",
                detail="InvalidUpdate",
                target="appRoleId",
            )
        for other in self._directory.assignments.holders("principalId", principal["id"]):
            if (other["resourceId"], other["appRoleId"]) == (resource["id"], role_id):
                raise bad_request(
                    "Permission being assigned already exists on the object", detail="InvalidUpdate"
                )
        body = new_assignment(principal, resource, role_id)
        self._directory.assignments.put(body["id"], body)
        return entity(call, "appRoleAssignments/$entity", body, status=201)

    def delete(self, call: Call) -> Answer:
        """Remove an app role."""
        call.need(ASSIGNMENT_WRITER)
        self._directory.assignments.remove(self._one(call)["id"])
        return done()

    def _one(self, call: Call) -> JsonObject:
        principal = service_principal(call, self._directory)
        body = self._directory.assignments.seen(call.keys[1].value)
        if body is None or body[_side(call)] != principal["id"]:
            raise not_found(call.keys[1].value)
        return body

    def _referred(self, principal_id: str) -> JsonObject:
        body = self._directory.service_principals.seen(principal_id.lower())
        if body is None:
            raise bad_request("Not a valid reference update.")
        return body


def _side(call: Call) -> str:
    return "resourceId" if "/appRoleAssignedTo" in call.path else "principalId"


def new_assignment(principal: JsonObject, resource: JsonObject, role_id: str) -> JsonObject:
    """An app role of a resource, assigned to a service principal."""
    return {
        "id": link_id(),
        "deletedDateTime": None,
        "appRoleId": role_id,
        "createdDateTime": utc_text(),
        "principalDisplayName": principal["displayName"],
        "principalId": principal["id"],
        "principalType": "ServicePrincipal",
        "resourceDisplayName": resource["displayName"],
        "resourceId": resource["id"],
    }
