"""Each endpoint is called with what somebody else owns: by another requester, from a customer's tenant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import jwt
import pytest

from onboarding.api.endpoint import Endpoint
from onboarding.service import ENDPOINTS
from tests.support.customers import FABRIKAM
from tests.support.operations import step
from tests.support.portal import Portal, problem, unique

BODIES: Final[dict[str, Any]] = {"snooze_connection": {"days": 3}}
"""Bodies that are valid, so that nothing but the caller is wrong."""

ELSEWHERE: Final = {"get_tenant_setup", "revoke_feed"}
"""The page of a tenant has no owner; subscriptions need a key, which this deployment does not have."""

OPEN: Final = {"Waiting", "Running"}
"""A waiting run is `Running` for a moment each time it checks again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Belongings:
    """What a requester owns, by the prefixes of the paths that lead to it."""

    caller: str
    ids: dict[str, str]
    secrets: tuple[str, ...]
    renewal: str

    def targets(self) -> Iterator[tuple[Endpoint, str]]:
        """Each endpoint for something that exists or could exist, with its path."""
        for endpoint in ENDPOINTS:
            if "{" in endpoint.path and endpoint.roles and endpoint.name not in ELSEWHERE:
                kinds = [kind for kind in self.ids if endpoint.path.startswith(f"{kind}/")]
                identifier = self.ids[kinds[0]] if kinds else "0"
                path = endpoint.path.format(id=identifier, name="webhook", renewal=self.renewal)
                yield endpoint, f"/api{path}"

    async def documents(self, portal: Portal) -> dict[str, Any]:
        """What the requester sees of it, except how often a run has checked whether it can continue."""
        found = {}
        for kind in ("/connections", "/onboardings", "/operations"):
            document = await portal.get(f"/api{kind}/{self.ids[kind]}", caller=self.caller)
            same = document if kind == "/connections" else {"request", "requestedBy", "stepsDone"}
            found[kind] = {name: value for name, value in document.items() if name in same}
            if kind != "/connections":
                found[kind]["open"] = document["status"] in OPEN
        return found


@pytest.fixture(scope="module")
async def belongings(portal) -> Belongings:
    """A connection with a renewal that waits, and an onboarding that waits."""
    caller = await portal.caller("Onboarding.Request")
    connection = await portal.onboarded(caller=caller, labels={"site": unique("site")})
    waiting = await portal.accepted(caller=caller, adminConsent="ByAdministrator")
    run = f"/api/onboardings/{waiting}"
    await step(portal, run, "consent", "Waiting")
    for each in (await portal.get(run, caller=caller))["steps"]:
        if each["name"] not in {"consent", "connection"}:
            await step(portal, run, each["name"], "Succeeded")
    path = f"/api/connections/{connection['id']}/renewals"
    renewal = (await portal.call("POST", path, caller=caller)).json()["id"]
    await step(portal, f"/api/operations/{renewal}", "confirmation", "Waiting")
    ids = {
        "/connections": connection["id"],
        "/onboardings": waiting,
        "/operations": renewal,
    }
    apps = tuple(connection[app]["clientId"] for app in ("serverApp", "clientApp"))
    secrets = (*ids.values(), connection["name"], connection["requestedBy"]["id"], *apps)
    return Belongings(caller=caller, ids=ids, secrets=secrets, renewal=renewal)


async def test_no_endpoint_serves_what_another_requester_has(portal, belongings):
    """A call with another requester's ID is answered with 404 or 403, and changes nothing."""
    mallory, before = await portal.caller("Onboarding.Request"), await belongings.documents(portal)
    statuses = {}
    for endpoint, path in belongings.targets():
        more: dict[str, Any] = {"json": BODIES.get(endpoint.name, {})} if endpoint.body else {}
        answer = await portal.call(endpoint.method, path, caller=mallory, **more)
        statuses[endpoint.name] = answer.status_code
        told = [text for text in belongings.secrets if text in answer.text.replace(path, "")]
        assert told == [], f"{endpoint.route} tells {told}"
    wrong = {name: status for name, status in statuses.items() if status not in {403, 404}}
    assert wrong == {}
    assert len(statuses) > 35
    assert await belongings.documents(portal) == before


async def test_no_list_shows_what_another_requester_has(portal, belongings):
    """Lists are empty, whatever the filter."""
    mallory, (connection, waiting, *_) = await portal.caller("Onboarding.Request"), belongings.secrets
    owner = (await portal.get(f"/api/connections/{connection}", caller=belongings.caller))["requestedBy"]
    filters: list[dict[str, str]] = [
        {},
        {"requestedBy": owner["id"]},
        {"connectionId": connection},
        {"onboardingId": waiting},
    ]
    seen = 0
    for path in ("onboardings", "connections", "operations", "expirations"):
        for query in filters:
            answer = await portal.call("GET", f"/api/{path}", caller=mallory, params=query)
            if answer.status_code == 400:  # the list has no such filter
                problem(answer, 400, "invalid-parameter")
                continue
            seen += 1
            assert answer.json()["value"] == []
    assert seen > 8


async def test_nobody_from_the_tenant_of_a_customer_gets_in(portal, belongings):
    """A token that a customer's tenant issued is refused, even with the right roles and audience."""
    genuine: dict[str, Any] = jwt.decode(await portal.token("operator"), options={"verify_signature": False})
    home = portal.info["tenant"]
    claims = genuine | {"tid": FABRIKAM, "iss": genuine["iss"].replace(home, FABRIKAM)}
    token = (await portal.control("POST", "/tokens", {"claims": claims, "header": None})).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    before = await belongings.documents(portal)
    statuses = {}
    for endpoint, path in belongings.targets():
        more: dict[str, Any] = {"json": BODIES.get(endpoint.name, {})} if endpoint.body else {}
        answer = await portal.call(endpoint.method, path, caller=None, headers=headers, **more)
        statuses[endpoint.name] = answer.status_code
    assert set(statuses.values()) == {401}
    assert await belongings.documents(portal) == before
