"""The customer's tenant, as its administrator sees it."""

from __future__ import annotations

from typing import Any

from infra.local.stack import Stack
from tests.support.portal import Portal

FABRIKAM = "8b1f6c70-2d94-4e3a-a5c1-6f7e0d9b3a21"
SUBSCRIPTION = "c4e2d810-7f36-49ab-b0d5-1a8e6c5f2b93"
CUSTOMER = {"tenantId": FABRIKAM, "subscriptionId": SUBSCRIPTION}


class CustomerPortal(Portal):
    """Callers of a local cloud, and the administrator of the other tenant."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self._administrator: dict[str, str] = {}

    async def let_in(self) -> str:
        """Consent, and assign the role on the subscription; return the service's object ID there."""
        consent = (await self.control("POST", "/consents", {"tenant": FABRIKAM})).json()
        await self.control("POST", "/roleAssignments", {"principalId": consent["principalId"]})
        return str(consent["principalId"])

    async def leave(self) -> None:
        """Withdraw the consent."""
        await self.control("DELETE", f"/consents/{FABRIKAM}")

    async def customer_graph(self, path: str) -> Any:
        """A document of Graph v1.0 in the customer's tenant."""
        if not self._administrator:
            body = {"tenant": FABRIKAM, "graphRoles": ["Directory.Read.All"]}
            self._administrator = (await self.control("POST", "/clients", body)).json()
        form = {
            "grant_type": "client_credentials",
            "client_id": self._administrator["clientId"],
            "client_secret": self._administrator["clientSecret"],
            "scope": "https://graph.microsoft.com/.default",
        }
        login = await self.http.post(f"{self.info['login']}/{FABRIKAM}/oauth2/v2.0/token", data=form)
        headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
        answer = await self.http.get(f"{self.info['graph']}/v1.0{path}", headers=headers)
        assert answer.is_success, answer.text
        return answer.json()
