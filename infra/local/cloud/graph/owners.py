"""Owners of applications and service principals, and federated credentials of applications.

https://learn.microsoft.com/graph/api/application-list-owners and
https://learn.microsoft.com/graph/api/resources/federatedidentitycredential
"""

from __future__ import annotations

from typing import Final

from infra.local.cloud.directory import Directory
from infra.local.cloud.graph.access import (
    APPLICATION_READERS,
    application,
    need_ownership,
    owners_of,
    service_principal,
)
from infra.local.cloud.graph.call import Call, done, entity
from infra.local.cloud.graph.errors import bad_request, conflict, not_found, required
from infra.local.cloud.graph.filters import Filterable
from infra.local.cloud.graph.listing import Resource, Subset, listed
from infra.local.cloud.graph.paths import Handler
from infra.local.cloud.graph.service_principals import RESOURCE as SERVICE_PRINCIPALS
from infra.local.cloud.messages import Answer, JsonObject, new_id

_FEDERATED: Final = Resource(
    name="federatedIdentityCredential",
    collection="federatedIdentityCredentials",
    properties=frozenset({"audiences", "description", "id", "issuer", "name", "subject"}),
    filterable=Filterable(resource="FederatedIdentityCredential", properties=frozenset({"name", "subject"})),
)
_MOST_FEDERATED: Final = 20


class Owners:
    """Handlers for the owners and credentials of an application or service principal."""

    def __init__(self, directory: Directory) -> None:
        """Serve the directory's owners and federated credentials."""
        self._directory = directory

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path; ``{}`` is the key of an object."""
        routes: dict[tuple[str, str], Handler] = {}
        for collection in ("applications", "servicePrincipals"):
            path = f"{collection}/{{}}/owners"
            routes["GET", path] = self.list
            routes["POST", f"{path}/$ref"] = self.add
            routes["DELETE", f"{path}/{{}}/$ref"] = self.remove
        routes["GET", "servicePrincipals/{}/ownedObjects"] = self.list_owned
        path = "applications/{}/federatedIdentityCredentials"
        routes["GET", path] = self.list_federated
        routes["POST", path] = self.add_federated
        routes["DELETE", f"{path}/{{}}"] = self.remove_federated
        return routes

    def list(self, call: Call) -> Answer:
        """The owners of an object."""
        call.need(*APPLICATION_READERS)
        owners = owners_of(self._directory, self._named(call)["id"])
        return listed(call, SERVICE_PRINCIPALS, Subset(owners))

    def list_owned(self, call: Call) -> Answer:
        """The applications and service principals that a service principal owns."""
        call.need(*APPLICATION_READERS)
        directory = self._directory
        ids = directory.owned_by(service_principal(call, directory)["id"])
        seen = (directory.applications.seen(each) or directory.service_principals.seen(each) for each in ids)
        return listed(call, SERVICE_PRINCIPALS, Subset(body for body in seen if body is not None))

    def add(self, call: Call) -> Answer:
        """Add an owner."""
        body = self._named(call)
        need_ownership(call, self._directory, body["id"])
        owner = str(call.json().get("@odata.id") or "").rstrip("/").rpartition("/")[2].lower()
        owners = self._directory.owners(body["id"])
        if self._directory.service_principals.seen(owner) is None:
            raise not_found(owner)
        if owner in owners:
            raise bad_request(
                "One or more added object references already exist for the following modified"
                " properties: 'owners'."
            )
        self._directory.set_owners(body["id"], [*owners, owner])
        return done()

    def remove(self, call: Call) -> Answer:
        """Remove an owner."""
        body = self._named(call)
        need_ownership(call, self._directory, body["id"])
        owner, owners = call.keys[1].value.lower(), self._directory.owners(body["id"])
        if owner not in owners:
            raise not_found(owner)
        self._directory.set_owners(body["id"], [each for each in owners if each != owner])
        return done()

    def list_federated(self, call: Call) -> Answer:
        """The issuers and subjects whose tokens an application accepts in place of a secret."""
        call.need(*APPLICATION_READERS)
        credentials = self._directory.federated_credentials(application(call, self._directory)["id"])
        return listed(call, _FEDERATED, Subset(credentials))

    def add_federated(self, call: Call) -> Answer:
        """Accept the tokens of one issuer for one subject."""
        body = application(call, self._directory)
        need_ownership(call, self._directory, body["id"])
        wanted = call.json()
        for name in ("name", "issuer", "subject", "audiences"):
            if not wanted.get(name):
                raise required(name, "FederatedIdentityCredential")
        if unknown := set(wanted) - _FEDERATED.properties:
            raise bad_request(f"Invalid property '{min(unknown)}'.")
        credentials = self._directory.federated_credentials(body["id"])
        if len(credentials) >= _MOST_FEDERATED:
            raise bad_request("The maximum number of federated identity credentials is 20.")
        if any(each["name"] == wanted["name"] for each in credentials):
            raise conflict("name")
        credential: JsonObject = {"description": None} | wanted | {"id": new_id()}
        self._directory.set_federated_credentials(body["id"], [*credentials, credential])
        return entity(call, "federatedIdentityCredentials/$entity", credential, status=201)

    def remove_federated(self, call: Call) -> Answer:
        """Stop accepting them."""
        body = application(call, self._directory)
        need_ownership(call, self._directory, body["id"])
        credentials = self._directory.federated_credentials(body["id"])
        kept = [each for each in credentials if call.keys[1].value not in (each["id"], each["name"])]
        if len(kept) == len(credentials):
            raise not_found(call.keys[1].value)
        self._directory.set_federated_credentials(body["id"], kept)
        return done()

    def _named(self, call: Call) -> JsonObject:
        if call.path.startswith("applications"):
            return application(call, self._directory)
        return service_principal(call, self._directory)
