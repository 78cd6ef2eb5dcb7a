"""A server app that a second connection shares: it is the first one's, with its secret, and never changed."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.portal import pointers, problem
from tests.support.precreated import precreated

UNKNOWN = "11111111-2222-4333-8444-555555555555"


async def test_a_server_app_is_shared(portal):
    """A second connection can share a server app with its secret, and never changes it."""
    first = await portal.onboarded()
    server = f"/v1.0/applications/{first['serverApp']['objectId']}"
    before = (await portal.look("graph", "GET", server)).content
    second = await portal.onboarded(serverApp={"existing": {"connectionId": first["id"]}})
    for field in ("serverApp", "secret", "appIdUri"):
        assert second[field] == first[field]
    assert second["clientApp"]["clientId"] != first["clientApp"]["clientId"]
    assert (await portal.look("graph", "GET", server)).content == before


async def test_an_operator_shares_any_a_requester_its_own(portal):
    """Only the requester of a connection can share its app; to others the connection does not exist."""
    other = await portal.caller("Onboarding.Request")
    theirs = await portal.onboarded(caller=other)
    shared = {"serverApp": {"existing": {"connectionId": theirs["id"]}}}
    await asyncio.gather(
        portal.onboarded(caller="operator", **shared), portal.onboarded(caller=other, **shared)
    )
    for query in ({}, {"dryRun": "true"}):
        answer = await portal.call("POST", "/api/onboardings", params=query, json=portal.request(**shared))
        document = problem(answer, 422, "invalid-request")
        assert pointers(document) == {"/serverApp/existing/connectionId"}
        (error,) = document["errors"]
        assert error["code"] == "connection-not-found"
        assert theirs["id"] in error["detail"]


@pytest.mark.parametrize("connection", ["nothing", f"{UNKNOWN}.365db8432754f7fb3bc5"])
async def test_a_connection_that_is_not_there_can_not_be_shared(portal, connection):
    """An invalid ID, and a connection of another tenant, are refused."""
    answer = await portal.post(caller="operator", serverApp={"existing": {"connectionId": connection}})
    document = problem(answer, 422, "invalid-request")
    assert pointers(document) == {"/serverApp/existing/connectionId"}


async def test_one_server_app_for_several_hierarchies_is_against_the_advice(portal):
    """Sharing, and importing what another connection has imported, is a warning: tenant attach forbids it."""
    apps = await precreated(portal)
    first = await portal.onboarded(**apps.request())
    for existing in (
        {"connectionId": first["id"]},
        {"clientId": apps.server["appId"].upper(), "secret": apps.secret},
    ):
        request = portal.request(serverApp={"existing": existing})
        answer = await portal.call("POST", "/api/onboardings", params={"dryRun": "true"}, json=request)
        document = answer.json()
        assert document["wouldFail"] is False
        found = {each["code"]: each for each in document["findings"]}
        finding = found["server-app-of-several-hierarchies"]
        assert (finding["severity"], finding["pointer"]) == ("Warning", "/serverApp/existing")
        assert "tenant attach" in finding["detail"]
        assert document["tenantName"]
        assert document["tenantDomain"] == first["tenantDomain"] == "contoso.onmicrosoft.com"
    script = (await portal.call("GET", f"/api/connections/{first['id']}/handover")).text
    assert f"contoso.onmicrosoft.com, {first['tenantId']}" in script
