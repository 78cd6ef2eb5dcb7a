"""A connection from request to removal, with what the guide grants and with the delays that Microsoft has."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from infra.azure.permissions import GRAPH_BASE, GRAPH_CONSENT
from onboarding.api.tenants import ACTIONS
from tests.support.administrator import accept, waiting
from tests.support.customers import CUSTOMER, FABRIKAM, CustomerPortal
from tests.support.operations import done, operate, step
from tests.support.pages import page, plain
from tests.support.portal import until
from tests.support.stacks import local_cloud

PUBLIC, US_GOVERNMENT = "AzurePublicCloud", "AzureUSGovernmentCloud"
BASE = [role.value for role in GRAPH_BASE]
CONSENT = [role.value for role in GRAPH_BASE + GRAPH_CONSENT]
LAGS = {"seconds": 1, "owners": 2, "grants": 2, "secrets": 2, "federation": 2, "consent": 2, "roles": 2}
"""Every delay that the simulated cloud knows, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Where a connection lives, and with which permissions of the service."""

    environment: str
    tenant: str
    permissions: str

    @property
    def name(self) -> str:
        """For the name of the test."""
        return f"{self.environment}-{self.tenant}-{self.permissions}"


CASES = [
    Case(environment=environment, tenant=tenant, permissions=permissions)
    for environment in (PUBLIC, US_GOVERNMENT)
    for tenant in ("home", "other")
    for permissions in ("base", "consent")
]
USUAL = {2, 5}
"""Of the cases, those that no long run has to do: each value once."""


class Life:
    """One connection, and the people around it."""

    def __init__(self, portal: CustomerPortal, case: Case) -> None:
        self._portal = portal
        self._case = case
        self._where = CUSTOMER if case.tenant == "other" else {}

    async def let_in(self) -> None:
        """Another tenant's administrator consents to the service, and assigns its role, a moment before."""
        if self._case.tenant == "other":
            roles = BASE if self._case.permissions == "base" else CONSENT
            body = {"tenant": FABRIKAM, "roles": roles}
            consent = (await self._portal.control("POST", "/consents", body)).json()
            await self._portal.control("POST", "/roleAssignments", {"principalId": consent["principalId"]})

    async def begin(self) -> str:
        """Request the onboarding as soon as a dry run finds nothing wrong; its ID."""
        wanted: dict[str, Any] = self._where | {
            "azureEnvironment": self._case.environment,
            "userDiscovery": {"enabled": True},
        }

        async def ready() -> bool:
            answer = await self._portal.call(
                "POST", "/api/onboardings?dryRun=true", json=self._portal.request(**wanted)
            )
            assert answer.status_code == 200, answer.text
            return all(finding["severity"] != "Error" for finding in answer.json()["findings"])

        await until(ready, "a dry run without errors", pause=0.5)
        return await self._portal.accepted(**wanted)

    async def administrator_consents(self, onboarding: str) -> None:
        """Open each page that the onboarding shows, accept, and confirm."""
        for url in (await waiting(self._portal, onboarding))["actionUrls"]:
            await accept(self._portal, url)
        answer = await self._portal.call("POST", f"/api/onboardings/{onboarding}/confirm")
        assert answer.status_code == 202, answer.text

    async def renew(self, connection: str) -> None:
        """Make a new secret, confirm it, and see the old one go."""
        operation = await operate(self._portal, "POST", f"/api/connections/{connection}/renewals", json={})
        await step(self._portal, f"/api/operations/{operation['id']}", "confirmation", "Waiting")
        path = f"/api/connections/{connection}/renewals/{operation['id']}/confirm"
        await done(self._portal, await operate(self._portal, "POST", path))

    async def conforms(self, connection: str) -> None:
        """The directory is as it should be."""
        report = await self._portal.get(f"/api/connections/{connection}/conformance", caller="operator")
        checks = [check for app in ("serverApp", "clientApp") for check in report[app]["checks"]]
        assert [check["name"] for check in checks if check["result"] == "Fail"] == []

    async def inspected(self, connection: str) -> None:
        """The inspection of the next day finds no difference."""
        clock = {"advance": 86_400}
        answer = await self._portal.http.put(f"{self._portal.stack.api}/admin/host/clock", json=clock)
        assert answer.status_code == 200, answer.text
        await self._portal.fire("sweep_directory")
        path = f"/api/connections/{connection}"

        async def seen() -> Any:
            return (await self._portal.get(path, caller="operator")).get("directory")

        assert (await until(seen, "the inspection"))["differences"] == []

    async def remove(self, connection: str) -> None:
        """Off-board, permanently."""
        await done(self._portal, await operate(self._portal, "DELETE", f"/api/connections/{connection}"))

    async def calls(self) -> set[str]:
        """Method and path of each call that the app made to Graph, Resource Manager or the vault."""
        found = (await self._portal.control("GET", "/calls?batched=true")).json()["value"]
        return {
            f"{call['method']} {template(call['path'])}"
            for call in found
            if call["clientRequestId"] and call["service"] in {"graph", "resourceManager", "keyVault"}
        }


def documented() -> dict[str, list[str]]:
    """What each call needs, from the page about the calls."""
    return {
        plain(call): plain(needs).split(", ")
        for table in page("docs/calls.md").tables()
        for call, _, needs in table
    }


def test_the_page_names_only_what_the_guide_grants():
    """Each need is a permission, an action of the custom role, or one of the vault."""
    granted = {*CONSENT, *ACTIONS, "as inside"}
    for call, needs in documented().items():
        for need in needs:
            permission = need.removesuffix(" (optional)")
            assert permission in granted or permission.startswith("Microsoft.KeyVault/"), call


def template(path: str) -> str:
    """A path without the keys of objects and without a query."""
    path = unquote(urlsplit(path).path)
    path = re.sub(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "{id}", path)
    path = re.sub(r"'[^']*'", "'{key}'", path)
    path = re.sub(r"/(secrets|deletedsecrets)/[^/]+(/[0-9a-f]{32}|/)?", r"/\1/{name}", path)
    path = re.sub(r"/oauth2PermissionGrants/[^/]+", "/oauth2PermissionGrants/{id}", path)
    path = re.sub(r"/(appRoleAssignments|appRoleAssignedTo)/[^/]+", r"/\1/{id}", path)
    return re.sub(r"/providers/Microsoft\.(?!Authorization)\w+", "/providers/{namespace}", path)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=() if number in USUAL else pytest.mark.soak)
        for number, case in enumerate(CASES)
    ],
)
async def test_a_connection_lives_with_what_the_guide_grants(tmp_path, case):
    """Onboarding, renewal, inspection and removal succeed at the first attempt of each person."""
    async with (
        local_cloud(
            tmp_path,
            azure_environment=case.environment,
            permissions=case.permissions,
            storage_tokens=case.tenant == "home",
            INSPECT_EVERY_DAYS="1",
        ) as stack,
        contextlib.AsyncExitStack() as opened,
    ):
        portal = CustomerPortal(stack)
        opened.push_async_callback(portal.close)
        await portal.control("PUT", "/settings", {"providerSeconds": 0.5, "scatteredLists": True})
        for caller in ("requester", "operator"):  # their roles are not new
            await portal.token(caller)
        await portal.control("PUT", "/lag", LAGS)
        life = Life(portal, case)
        await life.let_in()
        onboarding = await life.begin()
        if case.permissions == "base":
            await life.administrator_consents(onboarding)
        document = await portal.finished(onboarding)
        assert document["status"] == "Succeeded", document["error"]
        connection = document["connectionId"]
        await life.renew(connection)
        await life.conforms(connection)
        await life.inspected(connection)
        await life.remove(connection)
        assert await life.calls() <= documented().keys()
