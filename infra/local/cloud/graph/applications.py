"""Applications: https://learn.microsoft.com/graph/api/resources/application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from infra.local.cloud.directory import Directory
from infra.local.cloud.graph.access import (
    APPLICATION_READERS,
    WRITE_ALL,
    WRITE_OWNED,
    application,
    may_write_all,
    need_ownership,
    new_owners,
    owners_of,
)
from infra.local.cloud.graph.application_rules import check_application
from infra.local.cloud.graph.call import Call, done, entity
from infra.local.cloud.graph.certificates import with_ids
from infra.local.cloud.graph.errors import (
    bad_request,
    conflict,
    denied,
    invalid_value,
    not_found,
    read_only,
    required,
)
from infra.local.cloud.graph.filters import Filterable
from infra.local.cloud.graph.identifier_uris import check_identifier_uris
from infra.local.cloud.graph.listing import Resource, context, counted, listed, selected, selection
from infra.local.cloud.graph.objects import APPLICATION, APPLICATION_READ_ONLY, mirrored, new_application
from infra.local.cloud.graph.passwords import new_password
from infra.local.cloud.graph.paths import Handler
from infra.local.cloud.graph.policies import for_application
from infra.local.cloud.messages import Answer, JsonObject, utc_text

RESOURCE: Final = Resource(
    name="application",
    collection="applications",
    properties=frozenset(APPLICATION.properties),
    filterable=Filterable(
        resource="Application",
        properties=frozenset(
            {"id", "appId", "displayName", "uniqueName", "signInAudience", "publisherDomain"}
        ),
        moments=frozenset({"createdDateTime"}),
        lists=frozenset({"identifierUris", "tags"}),
    ),
    sortable=frozenset({"displayName"}),
)


class Applications:
    """Handlers for ``/applications``."""

    def __init__(self, directory: Directory, policy: Callable[[str], JsonObject]) -> None:
        """``policy`` returns the tenant's default app management policy as it counts for a caller."""
        self._directory = directory
        self._policy = policy

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path; ``{}`` is the key of an object."""
        return {
            ("GET", "applications"): self.list_all,
            ("POST", "applications"): self.create,
            ("GET", "applications/$count"): self.count,
            ("GET", "applications/{}"): self.get,
            ("PATCH", "applications/{}"): self.update,
            ("DELETE", "applications/{}"): self.delete,
            ("POST", "applications/{}/addPassword"): self.add_password,
            ("POST", "applications/{}/removePassword"): self.remove_password,
        }

    def list_all(self, call: Call) -> Answer:
        """A page of applications."""
        call.need(*APPLICATION_READERS)
        related = {
            "owners": lambda body: owners_of(self._directory, body["id"]),
            "federatedIdentityCredentials": lambda body: self._directory.federated_credentials(body["id"]),
        }
        return listed(call, RESOURCE, self._directory.applications, related)

    def count(self, call: Call) -> Answer:
        """Their number, as plain text."""
        call.need(*APPLICATION_READERS)
        return Answer(
            status=200,
            text=str(counted(call, RESOURCE, self._directory.applications)),
        )

    def get(self, call: Call) -> Answer:
        """One application."""
        call.need(*APPLICATION_READERS)
        names = selection(call, RESOURCE)
        body = application(call, self._directory)
        return entity(call, context(RESOURCE, names, single=True), selected(body, names, single=True))

    def create(self, call: Call) -> Answer:
        """Create an application; the caller becomes its owner."""
        call.need("AppRegistration.Create", WRITE_OWNED, WRITE_ALL)
        return self._create(call, call.json())

    def update(self, call: Call) -> Answer:
        """Change an application, or create the one with this ``uniqueName`` if it is missing."""
        call.need(WRITE_OWNED, WRITE_ALL)
        key = call.keys[0]
        if key.name != "uniqueName" or not call.creates_if_missing():
            before = application(call, self._directory)
            # A change is applied to the latest state, whatever older one a read sees.
            return self._update(call, self._directory.applications.latest(before["id"]) or before)
        # What an upsert sees is not documented: here it is what a read sees, so it can try to create again.
        before_or_none = self._directory.applications.upserted("uniqueName", key.value)
        if before_or_none is not None:
            latest = self._directory.applications.latest(before_or_none["id"])
            return self._update(call, latest or before_or_none)
        wanted = call.json()
        if wanted.get("passwordCredentials"):
            raise _passwords_not_patchable()
        return self._create(call, wanted | {"uniqueName": key.value}, upsert=True)

    def delete(self, call: Call) -> Answer:
        """Move an application, and its service principal, to the deleted items."""
        body = application(call, self._directory)
        need_ownership(call, self._directory, body["id"])
        latest = self._directory.applications.latest(body["id"])
        if latest is None:
            raise not_found(body["id"])
        soft_delete_application(self._directory, latest)
        return done()

    def add_password(self, call: Call) -> Answer:
        """Add a client secret; only this answer contains its text."""
        body = self._own_latest(call)
        policy = self._counting(call, body["id"])
        stored, shown = new_password(self._directory, policy, body, call.json().get("passwordCredential"))
        changed = body | {"passwordCredentials": [stored, *body["passwordCredentials"]]}
        self._directory.applications.put(body["id"], changed, lag=self._directory.password_lag)
        return entity(call, "microsoft.graph.passwordCredential", shown)

    def remove_password(self, call: Call) -> Answer:
        """Remove a client secret by its key ID."""
        seen = application(call, self._directory)
        body = self._own_latest(call)
        key_id = str(call.json().get("keyId") or "").lower()
        kept = [each for each in body["passwordCredentials"] if each["keyId"] != key_id]
        # A replica that does not have the secret yet does not find it, either.
        known = any(each["keyId"] == key_id for each in seen["passwordCredentials"])
        if not known or len(kept) == len(body["passwordCredentials"]):
            raise bad_request(f"No password credential found with keyId '{key_id}'.")
        self._directory.forget_secret(key_id)
        changed = body | {"passwordCredentials": kept}
        self._directory.applications.put(body["id"], changed, lag=self._directory.password_lag)
        return done()

    def _own_latest(self, call: Call) -> JsonObject:
        """The application as last written, if it is visible and the caller can change it."""
        body = application(call, self._directory)
        need_ownership(call, self._directory, body["id"])
        latest = self._directory.applications.latest(body["id"])
        if latest is None:
            raise not_found(body["id"])
        return latest

    def _create(self, call: Call, wanted: JsonObject, *, upsert: bool = False) -> Answer:
        owners = new_owners(call, self._directory, wanted, upsert=upsert)
        wanted = {name: value for name, value in wanted.items() if "@odata." not in name}
        passwords = wanted.pop("passwordCredentials", None) or []
        body = new_application(self._directory, {"createdByAppId": call.caller.client_id})
        body = self._with(call, body, wanted)
        if not body["displayName"]:
            raise required("displayName", "Application")
        self._check(call, body, None, added=body["identifierUris"])
        shown = body
        if passwords:
            if not isinstance(passwords, list) or len(passwords) > 1:
                raise bad_request("Only one password credential can be added when an application is created.")
            stored, once = new_password(self._directory, self._counting(call, body["id"]), body, passwords[0])
            shown = body | {"passwordCredentials": [once]}
            body = body | {"passwordCredentials": [stored]}
        self._directory.applications.put(body["id"], body)
        self._directory.set_owners(body["id"], owners, new=True)
        return entity(call, context(RESOURCE, (), single=True), shown, status=201)

    def _update(self, call: Call, before: JsonObject) -> Answer:
        need_ownership(call, self._directory, before["id"])
        wanted = {name: value for name, value in call.json().items() if "@odata." not in name}
        if "passwordCredentials" in wanted:
            raise _passwords_not_patchable()
        if wanted.get("uniqueName") == before["uniqueName"]:
            wanted.pop("uniqueName", None)
        if "uniqueName" in wanted and before["uniqueName"] is not None:
            raise read_only("uniqueName")
        body = self._with(call, before, wanted)
        if not body["displayName"]:
            raise invalid_value("displayName", "Application")
        known = {uri.casefold() for uri in before["identifierUris"]}
        added = [uri for uri in body["identifierUris"] if uri.casefold() not in known]
        self._check(call, body, before, added=added)
        self._directory.applications.put(body["id"], body)
        principal = self._directory.principal_of(body["appId"])
        if principal is not None and (mirror := mirrored(principal, body)) != principal:
            self._directory.service_principals.put(principal["id"], mirror)
        return done()

    def _with(self, call: Call, before: JsonObject, wanted: JsonObject) -> JsonObject:
        for name in wanted:
            if name not in before:
                raise bad_request(f"Invalid property '{name}'.")
            if name in APPLICATION_READ_ONLY and wanted[name] != before.get(name):
                raise read_only(name)
        changes = {name: value for name, value in wanted.items() if name not in APPLICATION_READ_ONLY}
        body = APPLICATION.read(changes, before, "")
        if not isinstance(body, dict):
            raise TypeError("An application is a structure.")
        if body["api"]["acceptMappedClaims"] is not None and not may_write_all(call):
            raise denied()
        return with_ids(body)

    def _counting(self, call: Call, application_id: str) -> JsonObject:
        """The app management policy as it counts for the caller and an application."""
        policy = self._policy(call.caller.object_id)
        return for_application(policy, self._directory, application_id)

    def _check(self, call: Call, body: JsonObject, before: JsonObject | None, *, added: list[str]) -> None:
        check_application(body, before)
        name = body["uniqueName"]
        if name is not None:
            if not name:
                raise invalid_value("uniqueName", "Application")
            for collection in (self._directory.applications, self._directory.deleted_applications):
                holder = collection.holder("uniqueName", name)
                if holder is not None and holder["id"] != body["id"]:
                    raise conflict("uniqueName")
        check_identifier_uris(self._directory, self._counting(call, body["id"]), body, added)


def soft_delete_application(directory: Directory, body: JsonObject) -> None:
    """Move an application and its service principal to the deleted items, where names stay taken."""
    directory.applications.remove(body["id"])
    directory.deleted_applications.put(body["id"], body | {"deletedDateTime": utc_text()})
    principal = directory.principal_of(body["appId"])
    if principal is not None:
        soft_delete_principal(directory, principal)


def soft_delete_principal(directory: Directory, principal: JsonObject) -> None:
    """Move a service principal to the deleted items; its grants and those on it end."""
    directory.remove_links(principal["id"])
    directory.service_principals.remove(principal["id"])
    directory.deleted_service_principals.put(principal["id"], principal | {"deletedDateTime": utc_text()})


def _passwords_not_patchable() -> Exception:
    return bad_request(
        "Using PATCH to set passwordCredential is not supported. Use addPassword and removePassword.",
        target="passwordCredentials",
        detail="InvalidValue",
    )
