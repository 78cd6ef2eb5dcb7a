"""The directory behind login and Graph: its objects, their owners, and the effects of a change on others."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Iterable

from infra.local.cloud.collection import Collection, Index, Replication
from infra.local.cloud.database import Database
from infra.local.cloud.environments import HOME, Environment, TenantNames
from infra.local.cloud.messages import JsonObject


def _value(name: str) -> Index:
    """Index an object by one text property."""

    def values(body: JsonObject) -> Iterable[str]:
        value = body.get(name)
        return (value,) if isinstance(value, str) else ()

    return values


def _values(name: str) -> Index:
    """Index an object by each entry of a list of text."""

    def values(body: JsonObject) -> Iterable[str]:
        return body.get(name) or ()

    return values


def link_id() -> str:
    """An ID like those of grants in Entra ID: 43 characters of base64url."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes + uuid.uuid4().bytes).rstrip(b"=").decode()


class Directory:
    """All objects of one simulated tenant."""

    def __init__(
        self, database: Database, environment: Environment, tenant: TenantNames, replication: Replication
    ) -> None:
        """Load the directory from the database."""
        self.environment = environment
        self.tenant = tenant
        self._database = database
        self._replication = replication
        self._prefix = "" if tenant is HOME else f"{tenant.id}/"
        by_name = {"displayName": _value("displayName"), "appId": _value("appId")}
        named = by_name | {"uniqueName": _value("uniqueName"), "identifierUris": _values("identifierUris")}
        self.applications = self._collection("applications", named)
        self.service_principals = self._collection(
            "servicePrincipals", by_name | {"servicePrincipalNames": _values("servicePrincipalNames")}
        )
        self.deleted_applications = self._collection("deletedApplications", named)
        self.deleted_service_principals = self._collection("deletedServicePrincipals", by_name)
        self.assignments = self._collection(
            "appRoleAssignments",
            {"principalId": _value("principalId"), "resourceId": _value("resourceId")},
            is_grant=True,
        )
        self.grants = self._collection(
            "oauth2PermissionGrants",
            {"clientId": _value("clientId"), "resourceId": _value("resourceId")},
            is_grant=True,
        )
        self._owners: dict[str, list[str]] = dict(database.rows(f"{self._prefix}owners"))
        self._owned_from: dict[str, float] = {}
        self._federated: dict[str, list[JsonObject]] = dict(
            database.rows(f"{self._prefix}federatedCredentials")
        )
        self._trusted_at: dict[str, float] = {}  # federated credentials that were added since the start
        self._policies: dict[str, JsonObject] = dict(database.rows(f"{self._prefix}appPolicies"))
        self._secret_at: dict[str, float] = {}  # those that were added since the start
        self._secrets: dict[str, str] = dict(database.rows(f"{self._prefix}secretHashes"))

    def _collection(self, kind: str, indexes: dict[str, Index], *, is_grant: bool = False) -> Collection:
        return Collection(
            self._database, f"{self._prefix}{kind}", self._replication, indexes, is_grant=is_grant
        )

    @property
    def upsert_owns(self) -> bool:
        """Whether a caller owns what its upsert creates."""
        return self._replication.upsert_owns

    @property
    def password_lag(self) -> float:
        """The seconds until reads see an added or removed client secret."""
        return self._replication.passwords

    @property
    def quota(self) -> int:
        """How many objects an identity can own; 0: any number."""
        return self._replication.quota

    def owned_by(self, owner: str) -> list[str]:
        """The IDs of the objects that a service principal owns, also of deleted ones."""
        return [object_id for object_id, owners in self._owners.items() if owner in owners]

    # Owners: the service principals that Application.ReadWrite.OwnedBy lets change an object.

    def owners(self, object_id: str) -> list[str]:
        """The IDs of an application's or service principal's owners, as the replicas know them."""
        if time.time() < self._owned_from.get(object_id, 0.0):
            return []
        return self._owners.get(object_id, [])

    def set_owners(self, object_id: str, owners: list[str], *, new: bool = False) -> None:
        """Replace the owners of an object; without owners, remove the entry. Those of a new one can lag."""
        if new and self._replication.owners:
            self._owned_from[object_id] = time.time() + self._replication.owners
        if owners:
            self._owners[object_id] = owners
            self._database.put(f"{self._prefix}owners", object_id, owners)
        elif self._owners.pop(object_id, None) is not None:
            self._database.delete(f"{self._prefix}owners", object_id)

    # Client secrets: only a digest is stored, as in the real directory.

    def remember_secret(self, key_id: str, secret: str) -> None:
        """Make a client secret valid for the password credential with this key id."""
        digest = hashlib.sha256(secret.encode()).hexdigest()
        self._secrets[key_id] = digest
        self._secret_at[key_id] = time.time()
        self._database.put(f"{self._prefix}secretHashes", key_id, digest)

    def forget_secret(self, key_id: str) -> None:
        """Make a client secret permanently invalid."""
        if self._secrets.pop(key_id, None) is not None:
            self._database.delete(f"{self._prefix}secretHashes", key_id)

    def credential_of(self, application: JsonObject, secret: str, lag: float = 0.0) -> JsonObject | None:
        """The password credential that this secret belongs to, expired or not.

        ``lag``: the seconds for which a new one is still unknown to the reader.
        """
        digest, known = hashlib.sha256(secret.encode()).hexdigest(), time.time() - lag
        for credential in application["passwordCredentials"]:
            key_id = credential["keyId"]
            if self._secret_at.get(key_id, 0.0) <= known and hmac.compare_digest(
                self._secrets.get(key_id, ""), digest
            ):
                found: JsonObject = credential
                return found
        return None

    # Federated identity credentials of an application.

    def federated_credentials(self, application_id: str, lag: float = 0.0) -> list[JsonObject]:
        """The issuers and subjects whose tokens an application accepts in place of a secret.

        ``lag``: the seconds for which a new one is still unknown to the reader.
        """
        known = time.time() - lag
        return [
            credential
            for credential in self._federated.get(application_id, [])
            if self._trusted_at.get(credential["id"], 0.0) <= known
        ]

    def set_federated_credentials(self, application_id: str, credentials: list[JsonObject]) -> None:
        """Replace all of them."""
        before = {each["id"] for each in self._federated.get(application_id, [])}
        self._trusted_at |= {each["id"]: time.time() for each in credentials if each["id"] not in before}
        self._federated[application_id] = credentials
        self._database.put(f"{self._prefix}federatedCredentials", application_id, credentials)

    # App management policies, with the applications that they are assigned to.

    def app_policies(self, application_id: str = "") -> list[JsonObject]:
        """All policies, or those that are assigned to one application."""
        return [
            policy
            for policy in self._policies.values()
            if not application_id or application_id in policy["appliesTo"]
        ]

    def put_app_policy(self, policy: JsonObject) -> None:
        """Create or change a policy."""
        self._policies[policy["id"]] = policy
        self._database.put(f"{self._prefix}appPolicies", policy["id"], policy)

    # The effects of one change on other objects.

    def principal_of(self, app_id: str) -> JsonObject | None:
        """The service principal of an application in this tenant, after the last write."""
        return self.service_principals.holder("appId", app_id)

    def roles_of(self, principal_id: str, resource: JsonObject, lag: float = 0.0) -> list[str]:
        """The app roles of a principal at a resource: the ``roles`` claim of a token.

        ``lag``: the seconds for which a new assignment is still unknown to login.
        """
        values = {role["id"]: role["value"] for role in resource["appRoles"] if role.get("isEnabled", True)}
        return sorted(
            values[assignment["appRoleId"]]
            for assignment in self.assignments.holders("principalId", principal_id)
            if assignment["resourceId"] == resource["id"]
            and assignment["appRoleId"] in values
            and self.assignments.age(assignment["id"]) >= lag
        )

    def remove_links(self, principal_id: str) -> None:
        """Remove the grants from and to a service principal that is being deleted."""
        for collection, names in (
            (self.assignments, ("principalId", "resourceId")),
            (self.grants, ("clientId", "resourceId")),
        ):
            for name in names:
                for link in collection.holders(name, principal_id):
                    collection.remove(link["id"])
