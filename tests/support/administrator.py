"""The administrator of a tenant, whom an onboarding asks for consent."""

from __future__ import annotations

from typing import Any

from tests.support.portal import Portal, until


async def waiting(portal: Portal, onboarding: str) -> dict[str, Any]:
    """The step ``consent``, as soon as it waits for an administrator."""

    async def waits() -> dict[str, Any] | None:
        document = await portal.get(f"/api/onboardings/{onboarding}")
        assert document["status"] not in {"Succeeded", "Failed"}, document["error"]
        (step,) = [each for each in document["steps"] if each["name"] == "consent"]
        return step if step["status"] == "Waiting" and "waitingFor" in step else None

    found: dict[str, Any] = await until(waits, "the wait for an administrator")
    return found


async def accept(portal: Portal, url: str) -> None:
    """Open a consent page and accept. An app without a reply address leads to an error page."""
    answer = await portal.http.post(url, data={"answer": "accept"})
    assert answer.status_code == 302 or "AADSTS500113" in answer.text, answer.text


class Administrator:
    """An administrator who opens the links and consents, for one application after the other."""

    def __init__(self, portal: Portal, onboarding: str) -> None:
        self._portal = portal
        self._onboarding = onboarding

    async def link(self, role: str) -> str:
        """The page where Entra ID shows an administrator everything that an application requests."""
        name = f"cmg-{self._onboarding}-{role}"
        app = await self._portal.graph(f"/applications(uniqueName='{name}')")
        login, tenant = self._portal.info["login"], self._portal.info["tenant"]
        return f"{login}/{tenant}/adminconsent?client_id={app['appId']}"

    async def consents_for_client(self) -> None:
        """Accept what the native app requests."""
        await accept(self._portal, await self.link("client"))

    async def consents_for_server(self) -> None:
        """Accept what the web app requests."""
        await accept(self._portal, await self.link("server"))
