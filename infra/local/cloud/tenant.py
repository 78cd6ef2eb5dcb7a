"""The sample tenant before any onboarding: identities, the API's application, its clients."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from infra.azure.permissions import GRAPH_BASE, GRAPH_CONSENT, GRAPH_SEE
from infra.local.cloud.database import Database
from infra.local.cloud.directory import Directory
from infra.local.cloud.environments import SUBSCRIPTION, TENANT
from infra.local.cloud.first_party import (
    GRAPH_APP_ID,
    GRAPH_ROLES,
    MICROSOFT_TENANT,
    app_role,
    first_party,
)
from infra.local.cloud.graph.assignments import new_assignment
from infra.local.cloud.graph.objects import new_application, new_service_principal
from infra.local.cloud.messages import JsonObject, new_id, new_secret, utc_text

API_ROLES: Final = ("Onboarding.Request", "Onboarding.Operate")
PERMISSION_SETS: Final = {
    "base": tuple(role.value for role in GRAPH_BASE),
    "see": tuple(role.value for role in GRAPH_BASE + GRAPH_SEE),
    "consent": tuple(role.value for role in GRAPH_BASE + GRAPH_CONSENT),
}
"""The Graph permissions of the service's own identity: what infra/azure grants without options,
with --see-consent, and with --consent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A calling application, with its secret."""

    client_id: str
    client_secret: str
    principal_id: str

    def body(self) -> JsonObject:
        """As ``cloud.json`` shows it."""
        return {"clientId": self.client_id, "clientSecret": self.client_secret}


def add_first_party(directory: Directory) -> None:
    """Add the service principals that every tenant has."""
    for particular in first_party(directory.environment):
        principal = new_service_principal(directory, particular) | {
            "appOwnerOrganizationId": MICROSOFT_TENANT,
            "appDisplayName": particular["displayName"],
            "signInAudience": "AzureADMultipleOrgs",
        }
        directory.service_principals.put(principal["id"], principal, settled=True)


def add_principal(directory: Directory, application: JsonObject) -> JsonObject:
    """Add the service principal of an application, which can be from another tenant."""
    particular = {"appId": application["appId"], "displayName": application["displayName"]}
    principal = new_service_principal(directory, particular, application)
    directory.service_principals.put(principal["id"], principal, settled=True)
    return principal


def assign(directory: Directory, principal_id: str, resource_app_id: str, roles: Iterable[str]) -> None:
    """Replace a principal's roles in a resource with these, by name.

    Raises ``KeyError`` for an unknown role and ``LookupError`` if one of the two is not in the directory.
    """
    resource = directory.principal_of(resource_app_id)
    principal = directory.service_principals.latest(principal_id)
    if resource is None or principal is None:
        raise LookupError("There is no such service principal.")
    ids = {role["value"]: role["id"] for role in resource["appRoles"]}
    wanted = [ids[role] for role in roles]
    for old in directory.assignments.holders("principalId", principal_id):
        if old["resourceId"] == resource["id"]:
            directory.assignments.remove(old["id"])
    for role_id in wanted:
        assignment = new_assignment(principal, resource, role_id)
        directory.assignments.put(assignment["id"], assignment, settled=True)


class Tenant:
    """The principals of the tenant from the start, and the ones that are added."""

    def __init__(self, directory: Directory, database: Database, identity_roles: Sequence[str]) -> None:
        """Create the tenant at the first start; find it again at every later one."""
        self._directory = directory
        self._database = database
        self.identity_roles = tuple(identity_roles)
        """What the service's identity has at first, and what its multi-tenant application requests."""
        kept = database.get("tenant", "sample") or self._make()
        self.api_app_id: str = kept["api"]
        self.identity_client_id: str = kept["identity"]["clientId"]
        self.identity_principal_id: str = kept["identity"]["principalId"]
        self.identity_header: str = kept["identityHeader"]
        self.clients = {name: Client(**client) for name, client in kept["clients"].items()}

    @property
    def administrator(self) -> Client:
        """Can do everything in Graph, Resource Manager and the vault."""
        return self.clients["administrator"]

    def add_client(
        self,
        name: str,
        api_roles: Iterable[str],
        graph_roles: Iterable[str],
        directory: Directory | None = None,
    ) -> Client:
        """Add an application with a secret and these roles, here or in another directory.

        Raises ``KeyError`` for an unknown role, and ``LookupError`` for the API's roles in a directory that
        does not have the API.
        """
        directory = directory or self._directory
        client, secret = new_application(directory, {"displayName": name}), new_secret()
        now = datetime.now(UTC)
        credential: JsonObject = {
            "customKeyIdentifier": None,
            "displayName": "sample",
            "endDateTime": utc_text(now + timedelta(days=730)),
            "hint": secret[:3],
            "keyId": new_id(),
            "secretText": None,
            "startDateTime": utc_text(now),
        }
        directory.remember_secret(credential["keyId"], secret)
        client["passwordCredentials"] = [credential]
        directory.applications.put(client["id"], client, settled=True)
        principal = add_principal(directory, client)
        if roles := list(api_roles):
            assign(directory, principal["id"], self._api_app_id(), roles)
        assign(directory, principal["id"], GRAPH_APP_ID, graph_roles)
        return Client(client_id=client["appId"], client_secret=secret, principal_id=principal["id"])

    def set_identity_roles(self, roles: Iterable[str]) -> None:
        """Replace the Graph permissions of the service's own identity with these."""
        assign(self._directory, self.identity_principal_id, GRAPH_APP_ID, roles)

    def _api_app_id(self) -> str:
        api = self._database.get("tenant", "api")
        return str(api)

    def _make(self) -> JsonObject:
        directory = self._directory
        add_first_party(directory)
        api = self._api()
        self._database.put("tenant", "api", api["appId"])
        identity = self._identity()
        assign(directory, identity["id"], GRAPH_APP_ID, self.identity_roles)
        everything = [role for role in GRAPH_ROLES if role != "AppRegistration.Create"]
        clients = {
            "requester": self.add_client("Sample requester", API_ROLES[:1], ()),
            "operator": self.add_client("Sample operator", API_ROLES, ()),
            "administrator": self.add_client("Sample administrator", API_ROLES, everything),
        }
        kept: JsonObject = {
            "api": api["appId"],
            "identity": {"clientId": identity["appId"], "principalId": identity["id"]},
            "identityHeader": secrets.token_hex(16).upper(),
            "clients": {
                name: {
                    "client_id": client.client_id,
                    "client_secret": client.client_secret,
                    "principal_id": client.principal_id,
                }
                for name, client in clients.items()
            },
        }
        self._database.put("tenant", "sample", kept)
        return kept

    def _api(self) -> JsonObject:
        application = new_application(self._directory, {"displayName": "Onboarding API"})
        application["identifierUris"] = [f"api://{application['appId']}"]
        application["appRoles"] = [app_role(role, new_id()) for role in API_ROLES]
        self._directory.applications.put(application["id"], application, settled=True)
        add_principal(self._directory, application)
        return application

    def _identity(self) -> JsonObject:
        name = "id-onboarding"
        path = (
            f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-onboarding"
            f"/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        )
        particular = {
            "appId": new_id(),
            "displayName": name,
            "alternativeNames": ["isExplicit=True", path],
            "servicePrincipalType": "ManagedIdentity",
            "appOwnerOrganizationId": TENANT,
        }
        principal = new_service_principal(self._directory, particular)
        self._directory.service_principals.put(principal["id"], principal, settled=True)
        return principal
