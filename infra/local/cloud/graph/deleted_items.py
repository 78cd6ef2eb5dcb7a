"""The deleted items: applications and service principals that can be restored, or deleted permanently.

https://learn.microsoft.com/graph/api/resources/directory. The real ones disappear after 30 days.
"""

from __future__ import annotations

from infra.local.cloud.collection import Collection
from infra.local.cloud.directory import Directory
from infra.local.cloud.graph.access import UNLIMITED_READERS, need_ownership
from infra.local.cloud.graph.applications import RESOURCE as APPLICATIONS
from infra.local.cloud.graph.call import Call, done, entity
from infra.local.cloud.graph.errors import bad_request, not_found
from infra.local.cloud.graph.listing import Resource, listed
from infra.local.cloud.graph.paths import Handler
from infra.local.cloud.graph.service_principals import RESOURCE as SERVICE_PRINCIPALS
from infra.local.cloud.messages import Answer, JsonObject, is_guid


class DeletedItems:
    """Handlers for ``/directory/deletedItems``."""

    def __init__(self, directory: Directory) -> None:
        """Serve the directory's deleted items."""
        self._directory = directory

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path; ``{}`` is the key of an object."""
        path = "directory/deletedItems"
        routes: dict[tuple[str, str], Handler] = {
            ("GET", f"{path}/{{}}"): self.get,
            ("DELETE", f"{path}/{{}}"): self.purge,
            ("POST", f"{path}/{{}}/restore"): self.restore,
        }
        # The documentation has the full namespace, Microsoft's SDKs use its alias.
        for namespace in ("microsoft.graph", "graph"):
            routes["GET", f"{path}/{namespace}.application"] = self.list_applications
            routes["GET", f"{path}/{namespace}.servicePrincipal"] = self.list_service_principals
            routes["GET", f"{path}/{{}}/{namespace}.application"] = self.get
            routes["GET", f"{path}/{{}}/{namespace}.servicePrincipal"] = self.get
        return routes

    def list_applications(self, call: Call) -> Answer:
        """A page of deleted applications."""
        call.need(*UNLIMITED_READERS)
        return listed(call, APPLICATIONS, self._directory.deleted_applications)

    def list_service_principals(self, call: Call) -> Answer:
        """A page of deleted service principals."""
        call.need(*UNLIMITED_READERS)
        return listed(call, SERVICE_PRINCIPALS, self._directory.deleted_service_principals)

    def get(self, call: Call) -> Answer:
        """One deleted object."""
        call.need(*UNLIMITED_READERS)
        resource, _, body = self._one(call)
        typed = {"@odata.type": f"#microsoft.graph.{resource.name}"}
        return entity(call, "directoryObjects/$entity", typed | body)

    def purge(self, call: Call) -> Answer:
        """Delete one permanently: only then are its names free."""
        resource, collection, body = self._one(call)
        need_ownership(call, self._directory, body["id"])
        collection.remove(body["id"])
        self._directory.set_owners(body["id"], [])
        if resource is APPLICATIONS:
            for credential in body["passwordCredentials"]:
                self._directory.forget_secret(credential["keyId"])
        return done()

    def restore(self, call: Call) -> Answer:
        """Restore one unchanged. A service principal is restored separately from its application."""
        resource, collection, body = self._one(call)
        need_ownership(call, self._directory, body["id"])
        restored = body | {"deletedDateTime": None}
        if resource is APPLICATIONS:
            self._directory.applications.put(body["id"], restored)
        else:
            if self._directory.principal_of(body["appId"]) is not None:
                raise bad_request(
                    "The service principal cannot be created, updated, or restored because the service"
                    " principal"
                    f" name {body['appId']} is already in use."
                )
            self._directory.service_principals.put(body["id"], restored)
        collection.remove(body["id"])
        typed = {"@odata.type": f"#microsoft.graph.{resource.name}"}
        return entity(call, "directoryObjects/$entity", typed | restored)

    def _one(self, call: Call) -> tuple[Resource, Collection, JsonObject]:
        object_id = call.keys[0].value.lower()
        if not is_guid(object_id):
            raise bad_request(f"Invalid object identifier '{object_id}'.")
        for resource, collection in (
            (APPLICATIONS, self._directory.deleted_applications),
            (SERVICE_PRINCIPALS, self._directory.deleted_service_principals),
        ):
            body = collection.seen(object_id)
            if body is not None and collection.latest(object_id) is not None:
                return resource, collection, body
        raise not_found(object_id)
