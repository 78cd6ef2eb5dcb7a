"""What an operator sees and does during an incident, through the API of a local cloud."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support import runbook
from tests.support.portal import Portal


async def overview(portal: Portal) -> dict[str, Any]:
    """The page to look at first."""
    ((method, path), *_) = runbook.first()
    answer = await portal.call(method, path, caller="operator")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def attention(portal: Portal) -> dict[str, dict[str, Any]]:
    """What needs attention, by code, in the order of the overview."""
    return {each["code"]: each for each in (await overview(portal))["attention"]}


async def act(portal: Portal, incident: str, number: int = 0, **values: Any) -> Any:
    """Make a call that the page about an incident names; return the response."""
    method, path = runbook.calls(incident, **values)[number]
    answer = await portal.call(method, path, caller="operator")
    assert answer.is_success, answer.text
    return answer.json()


async def secrets_of(portal: Portal, onboarding: str) -> int:
    """How many client secrets the server app of an onboarding has."""
    found = await portal.get(f"/api/onboardings/{onboarding}", caller="operator")
    connection = await portal.get(f"/api/connections/{found['connectionId']}", caller="operator")
    app = await portal.graph(f"/applications/{connection['serverApp']['objectId']}")
    return len(app["passwordCredentials"])


async def advance(portal: Portal, by: timedelta) -> None:
    """Move the clock of the hosts."""
    address = f"{portal.stack.api}/admin/host/clock"
    assert (await portal.http.put(address, json={"advance": by.total_seconds()})).is_success


async def inspected(portal: Portal, connection: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The differences of a connection by code, after the page's call."""
    await advance(portal, timedelta(minutes=2))  # the shortest time between two inspections on request
    shown = await act(portal, "A customer changed something in the tenant", id=connection["id"])
    return {each["code"]: each for each in shown["directory"].get("differences", ())}


async def notices(portal: Portal, connection: dict[str, Any]) -> list[str]:
    """The types of the notices about a connection that its customer got."""
    inbox = (await portal.control("GET", "/inbox/notices")).json()["value"]
    bodies = [each["body"] for each in inbox]
    source = f"/connections/{connection['id']}"
    return [str(body["type"]) for body in bodies if body["source"] == source]


async def withdraw(portal: Portal, connection: dict[str, Any]) -> list[dict[str, Any]]:
    """Withdraw the consent to the client app as its administrator does; return what was withdrawn."""
    withdrawn = await grants(portal, connection)
    assert withdrawn
    for grant in withdrawn:
        await portal.look("graph", "DELETE", f"/v1.0/oauth2PermissionGrants/{grant['id']}")
    return withdrawn


async def grants(portal: Portal, connection: dict[str, Any]) -> list[dict[str, Any]]:
    """The consent that the client app has."""
    path = f"/servicePrincipals/{connection['clientApp']['servicePrincipalId']}/oauth2PermissionGrants"
    found: list[dict[str, Any]] = (await portal.graph(path))["value"]
    return found


async def consent(portal: Portal, connection: dict[str, Any], withdrawn: list[dict[str, Any]]) -> None:
    """Consent again to what is missing."""
    kept = {grant["resourceId"] for grant in await grants(portal, connection)}
    for grant in withdrawn:
        if grant["resourceId"] in kept:
            continue
        members = ("clientId", "consentType", "resourceId", "scope")
        body = {name: grant[name] for name in members}
        await portal.look("graph", "POST", "/v1.0/oauth2PermissionGrants", body)
