"""Lists of what is mine, and what a form needs to offer only what works."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.operations import done, step
from tests.support.portal import Portal, problem, unique


@pytest.fixture(scope="module")
async def alice(portal):
    """A requester."""
    return await portal.caller("Onboarding.Request")


@pytest.fixture(scope="module")
async def made(portal, alice):
    """Two connections of hers; a renewal of the first one by an operator waits for the site."""
    label = unique("T")
    first = await portal.onboarded(caller=alice, labels={"ticket": label, "site": "C01"})
    second = await portal.onboarded(caller=alice, labels={"ticket": "other"})
    path = f"/api/connections/{first['id']}/renewals"
    renewal = (await portal.call("POST", path, caller="operator")).json()
    await step(portal, f"/api/operations/{renewal['id']}", "confirmation", "Waiting")
    return {"first": first, "second": second, "label": label, "renewal": renewal["id"]}


async def ids(portal: Portal, path: str, caller: str, **params: str) -> list[str]:
    """The IDs of a whole list, in its order."""
    found = await portal.all(path, caller=caller, **params)
    return [str(each.get("id") or each["connectionId"]) for each in found]


async def test_an_operator_asks_for_what_a_requester_has(portal, alice, made):
    """Connections, expirations and onboardings show who requested them, and are filtered by that."""
    requested = made["first"]["requestedBy"]
    assert requested["name"] == f"app {portal.clients[alice]['clientId']}"
    hers = sorted([made["first"]["id"], made["second"]["id"]])
    for path in ("/api/connections", "/api/expirations"):
        for caller, who in (("operator", requested["id"]), (alice, "me"), (alice, requested["id"])):
            assert sorted(set(await ids(portal, path, caller, requestedBy=who))) == hers
        assert await ids(portal, path, alice, requestedBy="11111111-2222-4333-8444-555555555555") == []
        assert not set(hers) & set(await ids(portal, path, "operator", requestedBy="me"))
    runs = [made["second"]["onboardingId"], made["first"]["onboardingId"]]
    assert await ids(portal, "/api/onboardings", "operator", requestedBy=requested["id"]) == runs
    (soonest, *_) = await portal.all("/api/expirations", caller=alice)
    assert soonest["requestedBy"] == requested
    assert "ticket" in soonest["labels"]


async def test_lists_are_filtered_by_what_a_portal_knows(portal, alice, made):
    """Labels, name, tenant, onboarding and state, also over several pages."""
    first, label = made["first"], made["label"]
    by_label = {"label.ticket": label, "label.site": "C01"}
    assert await ids(portal, "/api/connections", "operator", **by_label) == [first["id"]]
    assert await ids(portal, "/api/onboardings", "operator", **by_label) == [first["onboardingId"]]
    assert await ids(portal, "/api/onboardings", alice, maxpagesize="1", **by_label) == [
        first["onboardingId"]
    ]
    by_name = {"name": first["name"].upper(), "tenantId": first["tenantId"], "state": "Active"}
    assert await ids(portal, "/api/connections", "operator", **by_name) == [first["id"]]
    one = {"onboardingId": first["onboardingId"]}
    assert await ids(portal, "/api/connections", alice, **one) == [first["id"]]
    assert await ids(portal, "/api/connections", alice, state="Removing") == []
    kinds = {"maxpagesize": "1", "requestedBy": "me"}
    for query in (by_label, {"connectionId": first["id"]}):
        found = await ids(portal, "/api/expirations", alice, **kinds, **query)
        assert found == [first["id"]] * len(first["expirations"])
        csv = await portal.call("GET", "/api/expirations", caller=alice, params={**query, "format": "csv"})
        assert csv.text.count("\r\n") == len(found) + 1
    wrong = await portal.call("GET", "/api/expirations", caller=alice, params={"label.": "C01"})
    assert "label.<name>" in problem(wrong, 400, "invalid-parameter")["errors"][0]["args"]["known"]


async def test_the_operations_of_a_connection(portal, alice, made):
    """Operations are found by connection, by onboarding, and by who asked for them."""
    first = made["first"]
    for caller in (alice, "operator"):
        for query in ({"connectionId": first["id"]}, {"onboardingId": first["onboardingId"]}):
            assert await ids(portal, "/api/operations", caller, **query) == [made["renewal"]]
    assert await ids(portal, "/api/operations", alice, requestedBy="me") == []
    assert made["renewal"] in await ids(portal, "/api/operations", "operator", requestedBy="me")
    assert await ids(portal, "/api/operations", alice, connectionId=made["second"]["id"]) == []
    mine = {"label.ticket": made["label"], "label.site": "C01"}
    assert await ids(portal, "/api/operations", "operator", kind="renewal", **mine) == [made["renewal"]]
    assert await ids(portal, "/api/operations", alice, kind="removal", **mine) == []
    assert await ids(portal, "/api/operations", alice, **{"label.site": "C02"}) == []
    (listed,) = await portal.all("/api/operations", caller=alice, **mine)
    assert listed["labels"] == first["request"]["labels"]


async def test_several_statuses_and_a_time(portal, alice, made):
    """More than one status, and only what was requested after a point in time; links keep the filters."""
    both = [made["second"]["onboardingId"], made["first"]["onboardingId"]]
    query = {"status": "Succeeded,Failed", "maxpagesize": "1"}
    assert await ids(portal, "/api/onboardings", alice, **query) == both
    assert await ids(portal, "/api/onboardings", alice, status="Waiting,Running") == []
    first = await portal.get(f"/api/onboardings/{both[1]}", caller=alice)
    assert await ids(portal, "/api/onboardings", alice, createdAfter=first["createdAt"]) == both[:1]
    wrong = await portal.call("GET", "/api/onboardings", caller=alice, params={"status": "Waiting,Odd"})
    problem(wrong, 400, "invalid-parameter")


async def test_a_lost_answer_is_found_by_its_key(portal, alice):
    """A portal that lost the answer finds the onboarding by its Idempotency-Key; nobody else does.

    The key is one filter among the others.
    """
    key = unique("key")
    answer = await portal.post(
        caller=alice, headers={"Idempotency-Key": key}, adminConsent="ByAdministrator", labels={"key": key}
    )
    made = answer.json()
    passed = {"requestedBy": "me", "tenantId": made["tenantId"], "label.key": key, "maxpagesize": "1"}
    assert await ids(portal, "/api/onboardings", alice, idempotencyKey=key, **passed) == [made["id"]]
    for others in (
        {"status": "Succeeded,Failed"},
        {"label.key": "other"},
        {"createdAfter": made["createdAt"]},
        {"requestedBy": made["tenantId"]},
    ):
        assert await ids(portal, "/api/onboardings", alice, idempotencyKey=key, **others) == []
    assert await ids(portal, "/api/onboardings", alice, idempotencyKey=key) == [answer.json()["id"]]
    assert await ids(portal, "/api/onboardings", "operator", idempotencyKey=key) == []
    cancelled = await portal.call("POST", f"/api/onboardings/{answer.json()['id']}/cancel", caller=alice)
    await done(portal, cancelled.json())


async def test_a_page_goes_on_by_its_token(portal, alice, made):
    """A client that cannot follow a URL sends the token; a page larger than the largest is the largest."""
    page = await portal.get("/api/connections", caller=alice, maxpagesize="1")
    found = [each["id"] for each in page["value"]]
    while token := page.get("continuationToken"):
        page = await portal.get("/api/connections", caller=alice, maxpagesize="1", continuationToken=token)
        found += [each["id"] for each in page["value"]]
    assert sorted(found) == sorted([made["first"]["id"], made["second"]["id"]])
    query = {"maxpagesize": "5000", "api-version": "2024-01-01"}
    assert len(await ids(portal, "/api/connections", alice, **query)) == 2


async def test_a_dry_run_has_an_endpoint_of_its_own(portal, alice):
    """It answers like the dry run, accepts nothing, and refuses the parameters of a real request."""
    body = portal.request(serverApp={"appIdUri": "https://fabrikam.com/x"})
    answer = await portal.call("POST", "/api/onboardings/validate", caller=alice, json=body)
    assert (answer.status_code, answer.json()["wouldFail"]) == (200, True)
    assert "domain-not-verified" in {each["code"] for each in answer.json()["findings"]}
    before = await ids(portal, "/api/onboardings", alice)
    wrong = {"dryRun": "false"}
    refused = await portal.call("POST", "/api/onboardings/validate", caller=alice, json=body, params=wrong)
    problem(refused, 400, "invalid-parameter")
    assert await ids(portal, "/api/onboardings", alice) == before


async def test_a_form_offers_only_what_works(portal, alice):
    """The capabilities name the tenants, the values and the calls that the API then accepts."""
    offered: dict[str, Any] = await portal.get("/api/capabilities", caller=alice)
    assert offered["roles"] == ["Onboarding.Request"]
    assert offered["adminConsent"]["existingApps"] == ["Automatic", "ByAdministrator"]
    home, *others = offered["tenants"]
    assert (home["id"], home["needsSetup"]) == (portal.info["tenant"], False)
    for tenant in others:
        assert (await portal.call("GET", tenant["setupUrl"], caller=alice)).status_code == 200
    assert set(offered["can"]) >= {"cancel", "retry", "rollback", "renew", "confirm", "remove"}
    for profile in offered["profiles"]:
        body = portal.request(profile=profile["name"], configMgrVersion=profile["firstVersion"])
        answer = await portal.call("POST", "/api/onboardings/validate", caller=alice, json=body)
        assert "/profile" not in {each["pointer"] for each in answer.json().get("errors", ())}
    assert offered["languages"] == ["en", "de"]
    assert (offered["scriptsConfirm"], offered["ownerMail"]) == (False, False)
    assert offered["limits"]["secretsADay"] == 100
    everything = await portal.get("/api/capabilities", caller="operator")
    assert everything["adminConsent"]["existingApps"] == everything["adminConsent"]["createdApps"]
