"""A connection from request to removal, and the people around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.azure.permissions import GRAPH_APP_ID, GRAPH_BASE, GRAPH_CONSENT, GRAPH_SEE
from infra.local.cloud.settings import REGISTER
from tests.support.administrator import accept
from tests.support.customers import CUSTOMER, FABRIKAM, CustomerPortal
from tests.support.operations import listed, operate
from tests.support.portal import FINAL, unique, until
from tests.support.precreated import precreated

PUBLIC, US_GOVERNMENT = "AzurePublicCloud", "AzureUSGovernmentCloud"
SETS = {
    "base": [role.value for role in GRAPH_BASE],
    "see": [role.value for role in GRAPH_BASE + GRAPH_SEE],
    "consent": [role.value for role in GRAPH_BASE + GRAPH_CONSENT],
}
"""Permissions in Graph that the script grants without options, with --see-consent, and with --consent."""

ROLES: dict[str, dict[str, list[str]]] = {
    "custom": {"actions": REGISTER["actions"]},
    "Contributor": {
        "actions": ["*"],
        "notActions": [
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
        ],
    },
}
"""Roles on the subscription. Contributor:
https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged#contributor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Where a connection lives, and what the service may do there."""

    environment: str
    tenant: str
    permissions: str
    role: str

    @classmethod
    def of(cls, environment: str, tenant: str, permissions: str, role: str) -> Case:
        """A case, from its values in order."""
        return cls(environment=environment, tenant=tenant, permissions=permissions, role=role)

    @property
    def name(self) -> str:
        """The name in the name of a test."""
        return f"{self.environment}-{self.tenant}-{self.permissions}-{self.role}"


class Life:
    """One connection."""

    def __init__(self, portal: CustomerPortal, case: Case) -> None:
        self._portal = portal
        self._case = case
        self._where = CUSTOMER if case.tenant == "other" else {}
        self._connection = ""

    async def prepare(self) -> None:
        """The service may do nothing here, and has no token."""
        if self._case.tenant == "other":
            await self._portal.leave()
            return
        roles = {"identityRoles": SETS[self._case.permissions], "permissions": [], "vaultActions": []}
        await self._portal.control("PUT", "/settings", roles)
        await self._portal.control("DELETE", "/identityTokens")

    async def let_in(self) -> None:
        """Do what the guide asks people to do, just before the request."""
        role = ROLES[self._case.role]
        if self._case.tenant == "home":
            roles = {"permissions": [role], "vaultActions": ["secrets/*"]}
            await self._portal.control("PUT", "/settings", roles)
            return
        await self._trust_again()
        body = {"tenant": FABRIKAM, "roles": SETS[self._case.permissions]}
        principal = (await self._portal.control("POST", "/consents", body)).json()["principalId"]
        assigned = {"principalId": principal, "permissions": [role]}
        await self._portal.control("POST", "/roleAssignments", assigned)

    async def onboard(self) -> None:
        """One request, and one visit of each page that the service shows to an administrator."""
        request = {"azureEnvironment": self._case.environment, "userDiscovery": {"enabled": True}}
        self._connection = await self._onboarded(**self._where, **request)

    async def renew(self) -> None:
        """Make a new secret, confirm it, and see the old one go."""
        renewals = f"/api/connections/{self._connection}/renewals"
        operation = await operate(self._portal, "POST", renewals, json={})
        await self._when(f"/api/operations/{operation['id']}", lambda run: _waits(run, "confirmation"))
        await self._done(await operate(self._portal, "POST", f"{renewals}/{operation['id']}/confirm"))

    async def conforms(self) -> None:
        """The directory is as it should be."""
        path = f"/api/connections/{self._connection}/conformance"
        report = await self._portal.get(path, caller="operator")
        checks = [check for app in ("serverApp", "clientApp") for check in report[app]["checks"]]
        assert [check["name"] for check in checks if check["result"] == "Fail"] == []

    async def inspected(self) -> None:
        """The inspection has found no difference."""
        path = f"/api/connections/{self._connection}"
        assert (await self._when(path, lambda found: found.get("directory")))["differences"] == []

    async def remove(self) -> None:
        """Off-board it permanently."""
        await self._removed(self._connection)

    async def _onboarded(self, **request: Any) -> str:
        """The connection of one request."""
        onboarding = await self._portal.accepted(caller="operator", **request)
        path = f"/api/onboardings/{onboarding}"
        if self._case.permissions != "consent":
            for url in (await self._when(path, lambda run: _waits(run, "consent")))["actionUrls"]:
                await accept(self._portal, url)
        if self._case.permissions == "base":
            answer = await self._portal.call("POST", f"{path}/confirm", caller="operator")
            assert answer.status_code == 202, answer.text
        document = await self._when(path, _ended)
        assert document["status"] == "Succeeded", document["error"]
        return str(document["connectionId"])

    async def _removed(self, connection: str) -> None:
        await self._done(await operate(self._portal, "DELETE", f"/api/connections/{connection}"))

    async def _done(self, operation: dict[str, Any]) -> None:
        document = await self._when(f"/api/operations/{operation['id']}", _ended)
        assert document["status"] == "Succeeded", document["error"]

    async def _when(self, path: str, found: Callable[[dict[str, Any]], Any]) -> Any:
        """A value in a document, as soon as it is there. The time limits are long because pauses are."""

        async def look() -> Any:
            return found(await self._portal.get(path, caller="operator"))

        return await until(look, f"{self._case.name} at {path}", seconds=240, pause=0.5, longest=1)

    async def _trust_again(self) -> None:
        """The federated credential of the multi-tenant application is new."""
        path = (
            f"/applications(appId='{self._portal.info['multitenantClientId']}')/federatedIdentityCredentials"
        )
        (credential,) = await listed(self._portal, path)
        await self._portal.look("graph", "DELETE", f"/v1.0{path}/{credential['id']}")
        given = {name: credential[name] for name in ("name", "issuer", "subject", "audiences")}
        await self._portal.look("graph", "POST", f"/v1.0{path}", given)


class HardLife(Life):
    """A connection in the home tenant to which rare events happen; beside it, another one is imported.

    A response is lost, somebody deletes the secret in the vault, and the request has its own App ID URI.
    """

    async def prepare(self) -> None:
        """Register two applications, and grant a part of the consent to one of them."""
        await super().prepare()
        self._apps = await precreated(self._portal, user_discovery=True, consent=False)
        client, graph = await self._principal(self._apps.client["appId"]), await self._principal(GRAPH_APP_ID)
        await self._principal(self._apps.server["appId"])
        grant = {"clientId": client, "consentType": "AllPrincipals", "resourceId": graph, "scope": "openid"}
        await self._portal.look("graph", "POST", "/v1.0/oauth2PermissionGrants", grant)

    async def onboard(self) -> None:
        """Onboard with its own App ID URI, and lose the response to the first creation."""
        lost = {"service": "graph", "method": "POST", "path": "/applications$", "kind": "drop"}
        uri = f"api://{self._portal.info['tenant']}/{unique()}"
        async with self._portal.fault(**lost, when="after"):
            self._connection = await self._onboarded(
                azureEnvironment=self._case.environment, serverApp={"appIdUri": uri}
            )

    async def renew(self) -> None:
        """Renew after somebody has deleted the secret in the vault."""
        path = f"/api/connections/{self._connection}"
        secret = (await self._portal.get(path, caller="operator"))["secret"]["vaultSecretId"]
        name = secret.split("/secrets/")[1].split("/")[0]
        await self._portal.look("keyVault", "DELETE", f"/secrets/{name}?api-version=7.5")
        await super().renew()

    async def conforms(self) -> None:
        """Then another connection comes and goes, with the applications of an administrator."""
        await super().conforms()
        request = {"azureEnvironment": self._case.environment, "userDiscovery": {"enabled": True}}
        imported = await self._onboarded(**request, **self._apps.request(), adminConsent="ByService")
        await self._removed(imported)

    async def _principal(self, app_id: str) -> str:
        found = await listed(self._portal, f"/servicePrincipals?$filter=appId eq '{app_id}'")
        if not found:
            made = await self._portal.look("graph", "POST", "/v1.0/servicePrincipals", {"appId": app_id})
            return str(made.json()["id"])
        return str(found[0]["id"])


def _ended(document: dict[str, Any]) -> dict[str, Any] | None:
    return document if document["status"] in FINAL else None


def _waits(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    """A step, as soon as it waits for a person."""
    assert document["status"] not in FINAL, document["error"]
    step: dict[str, Any] = next(each for each in document["steps"] if each["name"] == name)
    return step if step["status"] == "Waiting" and "waitingFor" in step else None
