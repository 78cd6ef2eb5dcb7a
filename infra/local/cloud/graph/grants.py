"""Delegated permissions granted to clients: consent for users.

https://learn.microsoft.com/graph/api/resources/oauth2permissiongrant
"""

from __future__ import annotations

from typing import Final

from infra.local.cloud.directory import Directory, link_id
from infra.local.cloud.graph.access import GRANT_READERS, GRANT_WRITERS, service_principal
from infra.local.cloud.graph.call import Call, done, entity
from infra.local.cloud.graph.errors import GraphError, absent_reference, bad_request, not_found, required
from infra.local.cloud.graph.filters import Filterable
from infra.local.cloud.graph.listing import Resource, Subset, listed
from infra.local.cloud.graph.paths import Handler
from infra.local.cloud.messages import Answer, JsonObject

_LONGEST_SCOPE: Final = 3850

GRANTS: Final = Resource(
    name="oAuth2PermissionGrant",
    collection="oauth2PermissionGrants",
    properties=frozenset({"clientId", "consentType", "id", "principalId", "resourceId", "scope"}),
    filterable=Filterable(
        resource="OAuth2PermissionGrant",
        properties=frozenset({"clientId", "consentType", "principalId", "resourceId"}),
    ),
)


class PermissionGrants:
    """Handlers for ``/oauth2PermissionGrants``."""

    def __init__(self, directory: Directory) -> None:
        """Serve the directory's grants."""
        self._directory = directory

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path; ``{}`` is the key of an object."""
        return {
            ("GET", "oauth2PermissionGrants"): self.list,
            ("POST", "oauth2PermissionGrants"): self.create,
            ("GET", "oauth2PermissionGrants/{}"): self.get,
            ("PATCH", "oauth2PermissionGrants/{}"): self.update,
            ("DELETE", "oauth2PermissionGrants/{}"): self.delete,
            ("GET", "servicePrincipals/{}/oauth2PermissionGrants"): self.list_of_client,
        }

    def list(self, call: Call) -> Answer:
        """A page of grants."""
        call.need(*GRANT_READERS)
        return listed(call, GRANTS, self._directory.grants)

    def list_of_client(self, call: Call) -> Answer:
        """The grants of one service principal for users."""
        call.need(*GRANT_READERS)
        principal = service_principal(call, self._directory)
        return listed(call, GRANTS, Subset(self._directory.grants.find("clientId", principal["id"])))

    def get(self, call: Call) -> Answer:
        """One grant."""
        call.need(*GRANT_READERS)
        return entity(call, "oauth2PermissionGrants/$entity", self._one(call))

    def create(self, call: Call) -> Answer:
        """Grant delegated permissions of a resource to a client."""
        call.need(*GRANT_WRITERS)
        wanted = call.json()
        for name in ("clientId", "consentType", "resourceId"):
            if not isinstance(wanted.get(name), str) or not wanted[name]:
                raise required(name, "OAuth2PermissionGrant")
        principal_id = wanted.get("principalId")
        if wanted["consentType"] not in ("AllPrincipals", "Principal"):
            raise bad_request(
                "Invalid value specified for property 'consentType' of resource 'OAuth2PermissionGrant'."
            )
        if (wanted["consentType"] == "Principal") != bool(principal_id):
            raise bad_request(
                "Invalid value specified for property 'principalId' of resource 'OAuth2PermissionGrant'."
            )
        scope = _scope(wanted)
        principals = self._directory.service_principals
        if principals.seen(wanted["clientId"].lower()) is None:
            raise not_found(wanted["clientId"])
        if principals.seen(wanted["resourceId"].lower()) is None:
            raise absent_reference(wanted["resourceId"])
        body = {
            "clientId": wanted["clientId"].lower(),
            "consentType": wanted["consentType"],
            "id": link_id(),
            "principalId": principal_id,
            "resourceId": wanted["resourceId"].lower(),
            "scope": scope,
        }
        for other in self._directory.grants.holders("clientId", body["clientId"]):
            if all(other[name] == body[name] for name in ("consentType", "principalId", "resourceId")):
                raise GraphError(
                    409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists."
                )
        self._directory.grants.put(body["id"], body)
        return entity(call, "oauth2PermissionGrants/$entity", body, status=201)

    def update(self, call: Call) -> Answer:
        """Replace the permissions of a grant."""
        call.need(*GRANT_WRITERS)
        before = self._directory.grants.latest(self._one(call)["id"])
        wanted = call.json()
        if before is None:
            raise not_found(call.keys[0].value)
        if set(wanted) - {"scope"} - {name for name in wanted if "@odata." in name}:
            raise bad_request("Only the property 'scope' of a permission grant can be changed.")
        self._directory.grants.put(before["id"], before | {"scope": _scope(wanted)})
        return done()

    def delete(self, call: Call) -> Answer:
        """Revoke a grant."""
        call.need(*GRANT_WRITERS)
        self._directory.grants.remove(self._one(call)["id"])
        return done()

    def _one(self, call: Call) -> JsonObject:
        body = self._directory.grants.seen(call.keys[0].value)
        if body is None:
            raise not_found(call.keys[0].value)
        return body


def _scope(wanted: JsonObject) -> str:
    scope = wanted.get("scope")
    if not isinstance(scope, str) or len(scope) > _LONGEST_SCOPE:
        raise bad_request("Invalid value specified for property 'scope' of resource 'OAuth2PermissionGrant'.")
    return scope
