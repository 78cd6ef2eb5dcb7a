"""The service in other tenants: its multi-tenant application, and what their administrators allow.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
and https://learn.microsoft.com/entra/identity-platform/v2-admin-consent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from infra.local.cloud.database import Database
from infra.local.cloud.directory import Directory
from infra.local.cloud.first_party import GRAPH_APP_ID, GRAPH_ROLES
from infra.local.cloud.graph.objects import new_application
from infra.local.cloud.messages import JsonObject, new_id
from infra.local.cloud.tenant import Tenant, add_first_party, add_principal, assign


class Consents:
    """An application of the home tenant that trusts the service's identity, and its consents."""

    def __init__(
        self, database: Database, home: Directory, others: Mapping[str, Directory], tenant: Tenant
    ) -> None:
        """``others`` are by tenant; ``tenant`` has the managed identity."""
        self._home = home
        self._others = others
        self._requested = tenant.identity_roles
        identity = tenant.identity_principal_id
        self.client_id = str(database.get("tenant", "multitenant") or self._make(database, identity))

    def reply_to(self, address: str) -> None:
        """Register the reply address of the service's application, to which consent pages return."""
        application = self._home.applications.holder("appId", self.client_id)
        if application is not None:
            web = application["web"] | {"redirectUris": [address]}
            self._home.applications.put(application["id"], application | {"web": web}, settled=True)

    def directory(self, tenant: str) -> Directory:
        """The directory of another tenant. Raises ``KeyError`` if there is no such tenant."""
        found = self._others.get(tenant.lower())
        if found is None:
            raise KeyError(f"other tenant {tenant}")
        return found

    def consent(self, tenant: str, roles: Iterable[str] | None = None) -> JsonObject:
        """The action of an administrator at the admin-consent URL; ``roles`` replaces the requested ones."""
        directory = self.directory(tenant)
        application = self._home.applications.holder("appId", self.client_id)
        if application is None:
            raise KeyError(f"application {self.client_id}")
        principal = directory.principal_of(self.client_id)
        if principal is None:
            owner = {"appOwnerOrganizationId": self._home.tenant.id}
            principal = add_principal(directory, application) | owner
            directory.service_principals.put(principal["id"], principal, settled=True)
        granted = list(self._requested if roles is None else roles)
        assign(directory, principal["id"], GRAPH_APP_ID, granted)
        return {"tenant": directory.tenant.id, "principalId": principal["id"], "roles": granted}

    def withdraw(self, tenant: str) -> None:
        """The action of an administrator who deletes the enterprise application."""
        directory = self.directory(tenant)
        principal = directory.principal_of(self.client_id)
        if principal is not None:
            directory.remove_links(principal["id"])
            directory.service_principals.remove(principal["id"])

    def _make(self, database: Database, identity: str) -> str:
        for directory in self._others.values():
            add_first_party(directory)
        access = [{"id": GRAPH_ROLES[role], "type": "Role"} for role in self._requested]
        application = new_application(
            self._home,
            {
                "displayName": "Onboarding in other tenants",
                "signInAudience": "AzureADMultipleOrgs",
                "requiredResourceAccess": [{"resourceAppId": GRAPH_APP_ID, "resourceAccess": access}],
            },
        )
        self._home.applications.put(application["id"], application, settled=True)
        add_principal(self._home, application)
        environment, tenant = self._home.environment, self._home.tenant.id
        credential = {
            "id": new_id(),
            "name": "managed-identity",
            "issuer": f"{environment.login}/{tenant}/v2.0",
            "subject": identity,
            "audiences": [environment.token_exchange],
        }
        self._home.set_federated_credentials(application["id"], [credential])
        database.put("tenant", "multitenant", application["appId"])
        return str(application["appId"])
