"""The administrator of a tenant, from whom an onboarding requests consent."""

from __future__ import annotations

from typing import Any

from tests.support.golden import DIRECTORY_READ_ALL, GRAPH
from tests.support.portal import Portal, until


async def waiting(portal: Portal, onboarding: str) -> dict[str, Any]:
    """The step consent, as soon as it waits for an administrator."""

    async def waits() -> dict[str, Any] | None:
        document = await portal.get(f"/api/onboardings/{onboarding}")
        assert document["status"] not in {"Succeeded", "Failed"}, document["error"]
        (step,) = [each for each in document["steps"] if each["name"] == "consent"]
        return step if step["status"] == "Waiting" and step["waitingFor"] else None

    found: dict[str, Any] = await until(waits, "the wait for an administrator")
    return found


class Administrator:
    """An administrator who opens the links and consents, one application after the other."""

    def __init__(self, portal: Portal, onboarding: str) -> None:
        self._portal = portal
        self._onboarding = onboarding

    async def app(self, role: str) -> dict[str, str]:
        """The client ID and the service principal of one of the two applications."""
        name = f"cmg-{self._onboarding}-{role}"
        app_id = (await self._portal.graph(f"/applications(uniqueName='{name}')"))["appId"]
        principal = await self._portal.graph(f"/servicePrincipals(appId='{app_id}')")
        return {"appId": app_id, "principal": principal["id"]}

    async def link(self, role: str) -> str:
        """The page where Entra ID shows an administrator everything that an application requests."""
        app = await self.app(role)
        login, tenant = self._portal.info["login"], self._portal.info["tenant"]
        return f"{login}/{tenant}/adminconsent?client_id={app['appId']}"

    async def consents_for_client(self) -> None:
        """What the consent page does for the native app."""
        client, server = await self.app("client"), await self.app("server")
        for resource, scope in (
            (await self._graph(), "User.Read"),
            (server["principal"], "user_impersonation"),
        ):
            body = {
                "clientId": client["principal"],
                "consentType": "AllPrincipals",
                "resourceId": resource,
                "scope": scope,
            }
            await self._portal.look("graph", "POST", "/v1.0/oauth2PermissionGrants", body)

    async def consents_for_server(self) -> None:
        """What the consent page does for the web app."""
        server, graph = await self.app("server"), await self._graph()
        body = {"principalId": server["principal"], "resourceId": graph, "appRoleId": DIRECTORY_READ_ALL}
        await self._portal.look("graph", "POST", f"/v1.0/servicePrincipals/{graph}/appRoleAssignedTo", body)

    async def _graph(self) -> str:
        return str((await self._portal.graph(f"/servicePrincipals(appId='{GRAPH}')"))["id"])
