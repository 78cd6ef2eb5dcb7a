"""Service principals: https://learn.microsoft.com/graph/api/resources/serviceprincipal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from infra.local.cloud.directory import Directory
from infra.local.cloud.graph.access import (
    APPLICATION_READERS,
    WRITE_ALL,
    WRITE_OWNED,
    may_write_all,
    need_ownership,
    new_owners,
    owners_of,
    service_principal,
)
from infra.local.cloud.graph.applications import soft_delete_principal
from infra.local.cloud.graph.call import Call, done, entity
from infra.local.cloud.graph.certificates import with_ids
from infra.local.cloud.graph.errors import (
    bad_request,
    conflict,
    denied,
    no_backing_application,
    not_found,
    read_only,
    required,
)
from infra.local.cloud.graph.filters import Filterable
from infra.local.cloud.graph.listing import Resource, context, counted, listed, selected, selection
from infra.local.cloud.graph.objects import (
    SERVICE_PRINCIPAL,
    SERVICE_PRINCIPAL_READ_ONLY,
    new_service_principal,
)
from infra.local.cloud.graph.passwords import new_password
from infra.local.cloud.graph.paths import Handler
from infra.local.cloud.messages import Answer, JsonObject

RESOURCE: Final = Resource(
    name="servicePrincipal",
    collection="servicePrincipals",
    properties=frozenset(SERVICE_PRINCIPAL.properties),
    filterable=Filterable(
        resource="ServicePrincipal",
        properties=frozenset(
            {"id", "appId", "displayName", "servicePrincipalType", "accountEnabled", "appOwnerOrganizationId"}
        ),
        lists=frozenset({"servicePrincipalNames", "tags", "alternativeNames"}),
    ),
    sortable=frozenset({"displayName"}),
)


class ServicePrincipals:
    """Handlers for ``/servicePrincipals``."""

    def __init__(self, directory: Directory) -> None:
        """Serve the directory's service principals."""
        self._directory = directory

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path; ``{}`` is the key of an object."""
        return {
            ("GET", "servicePrincipals"): self.list,
            ("POST", "servicePrincipals"): self.create,
            ("GET", "servicePrincipals/$count"): self.count,
            ("GET", "servicePrincipals/{}"): self.get,
            ("PATCH", "servicePrincipals/{}"): self.update,
            ("DELETE", "servicePrincipals/{}"): self.delete,
            ("POST", "servicePrincipals/{}/addPassword"): self.add_password,
            ("POST", "servicePrincipals/{}/removePassword"): self.remove_password,
        }

    def list(self, call: Call) -> Answer:
        """A page of service principals."""
        call.need(*APPLICATION_READERS)
        related = {
            "appRoleAssignments": lambda body: self._directory.assignments.find("principalId", body["id"]),
            "owners": lambda body: owners_of(self._directory, body["id"]),
        }
        return listed(call, RESOURCE, self._directory.service_principals, related)

    def count(self, call: Call) -> Answer:
        """Their number, as plain text."""
        call.need(*APPLICATION_READERS)
        return Answer(status=200, text=str(counted(call, RESOURCE, self._directory.service_principals)))

    def get(self, call: Call) -> Answer:
        """One service principal."""
        call.need(*APPLICATION_READERS)
        names = selection(call, RESOURCE)
        body = service_principal(call, self._directory)
        return entity(call, context(RESOURCE, names, single=True), selected(body, names, single=True))

    def create(self, call: Call) -> Answer:
        """Create the service principal of an application; the caller becomes its owner."""
        call.need(WRITE_OWNED, WRITE_ALL)
        wanted = call.json()
        app_id = wanted.get("appId")
        if not isinstance(app_id, str) or not app_id:
            raise required("appId", "ServicePrincipal")
        return self._create(call, app_id, wanted)

    def update(self, call: Call) -> Answer:
        """Change a service principal, or create the one of this application if it is missing."""
        call.need(WRITE_OWNED, WRITE_ALL)
        key = call.keys[0]
        if key.name != "appId" or not call.creates_if_missing():
            before = service_principal(call, self._directory)
            return self._update(call, self._directory.service_principals.latest(before["id"]) or before)
        existing = self._directory.service_principals.upserted("appId", key.value)
        if existing is not None:
            latest = self._directory.service_principals.latest(existing["id"])
            return self._update(call, latest or existing)
        return self._create(call, key.value, call.json() if call.body else {}, upsert=True)

    def delete(self, call: Call) -> Answer:
        """Move a service principal to the deleted items."""
        body = service_principal(call, self._directory)
        need_ownership(call, self._directory, body["id"])
        latest = self._directory.service_principals.latest(body["id"])
        if latest is None:
            raise not_found(body["id"])
        soft_delete_principal(self._directory, latest)
        return done()

    def add_password(self, call: Call) -> Answer:
        """Add a secret to a service principal, which has its own; only this answer contains its text."""
        body = self._own(call)
        stored, shown = new_password(self._directory, None, body, call.json().get("passwordCredential"))
        self._put_passwords(body, [stored, *body["passwordCredentials"]])
        return entity(call, "microsoft.graph.passwordCredential", shown)

    def remove_password(self, call: Call) -> Answer:
        """Remove a secret of a service principal by its key ID."""
        body, key_id = self._own(call), str(call.json().get("keyId") or "").lower()
        kept = [each for each in body["passwordCredentials"] if each["keyId"] != key_id]
        if len(kept) == len(body["passwordCredentials"]):
            raise bad_request(f"No password credential found with keyId '{key_id}'.")
        self._directory.forget_secret(key_id)
        self._put_passwords(body, kept)
        return done()

    def _own(self, call: Call) -> JsonObject:
        """The service principal as last written, if the caller can change it."""
        body = service_principal(call, self._directory)
        need_ownership(call, self._directory, body["id"])
        return self._directory.service_principals.latest(body["id"]) or body

    def _put_passwords(self, body: JsonObject, passwords: Sequence[JsonObject]) -> None:
        self._directory.service_principals.put(body["id"], body | {"passwordCredentials": [*passwords]})

    def _create(self, call: Call, app_id: str, wanted: JsonObject, *, upsert: bool = False) -> Answer:
        owners = new_owners(call, self._directory, wanted, upsert=upsert)
        application = self._backing_application(call, app_id)
        if (name := wanted.get("displayName")) is not None and name != application["displayName"]:
            raise bad_request(
                "Property displayName on the service principal does not match the application object."
            )
        if self._directory.principal_of(app_id) is not None:
            raise _taken(app_id)
        deleted = self._directory.deleted_service_principals.holder("appId", app_id)
        if deleted is not None:
            raise conflict("appId")
        changes = {name: value for name, value in wanted.items() if "@odata." not in name and name != "appId"}
        particular = {
            "appId": application["appId"],
            "displayName": application["displayName"],
            "createdByAppId": call.caller.client_id,
        }
        body = new_service_principal(self._directory, particular, application)
        body = self._with(body, changes)
        self._directory.service_principals.put(body["id"], body)
        self._directory.set_owners(body["id"], owners, new=True)
        return entity(call, context(RESOURCE, (), single=True), body, status=201)

    def _backing_application(self, call: Call, app_id: str) -> JsonObject:
        """The application, if it is visible and, for a limited caller, owned by the caller."""
        applications = self._directory.applications
        application = applications.first("appId", app_id)
        latest = applications.holder("appId", app_id)
        elsewhere = denied(
            "When using this permission, the backing application of the service principal being created"
            " must in the"
            " local tenant"
        )
        if application is None:
            # A replica that does not have the application yet answers a limited caller that it
            # is in another tenant; closer to the end of the lag it answers as it does to everyone.
            waited = applications.waited(latest["id"]) if latest is not None else 0.0
            if not may_write_all(call) and waited < 0.5:  # noqa: PLR2004
                raise elsewhere
            raise no_backing_application(app_id)
        if not may_write_all(call) and call.caller.object_id not in self._directory.owners(application["id"]):
            raise denied()
        return latest or application

    def _update(self, call: Call, before: JsonObject) -> Answer:
        need_ownership(call, self._directory, before["id"])
        wanted = call.json() if call.body else {}
        changes = {name: value for name, value in wanted.items() if "@odata." not in name}
        if changes.get("appId") == before["appId"]:
            changes.pop("appId")
        body = self._with(before, changes)
        if body != before:
            self._directory.service_principals.put(body["id"], body)
        return done()

    @staticmethod
    def _with(before: JsonObject, changes: JsonObject) -> JsonObject:
        for name in changes:
            if name not in before:
                raise bad_request(f"Invalid property '{name}'.")
            if name in SERVICE_PRINCIPAL_READ_ONLY:
                raise read_only(name)
        body = SERVICE_PRINCIPAL.read(changes, before, "")
        if not isinstance(body, dict):
            raise TypeError("A service principal is a structure.")
        return with_ids(body)


def _taken(app_id: str) -> Exception:
    message = (
        "The service principal cannot be created, updated, or restored because the service principal name"
        f" {app_id} is already in use."
    )
    return bad_request(message, detail="ObjectConflict", target="servicePrincipalNames")
