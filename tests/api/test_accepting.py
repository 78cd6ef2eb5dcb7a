from __future__ import annotations

import asyncio

import pytest

from tests.support.portal import problem, unique


async def test_a_request_is_accepted_and_says_where_to_look(portal):
    """A 202 contains the URL of the onboarding twice and a Retry-After; the resource exists at once."""
    answer = await portal.post()
    assert answer.status_code == 202
    document = answer.json()
    location = f"{portal.stack.api}/api/onboardings/{document['id']}"
    assert answer.headers["Location"] == answer.headers["Operation-Location"] == location
    assert int(answer.headers["Retry-After"]) >= 1
    assert document["status"] == "NotStarted"
    found = await portal.get(location)
    assert found["id"] == document["id"]
    assert found["steps"][0]["name"] == "preflight"
    assert len(found["steps"]) == 12


async def test_an_onboarding_is_followed_to_its_end(portal):
    """A portal polls until the status is final: each step then has its times, and there is a connection."""
    onboarding = await portal.accepted(name="Contoso followed")
    document = await portal.finished(onboarding)
    assert document["status"] == "Succeeded"
    assert "error" not in document
    assert document["request"]["name"] == "Contoso followed"
    for step in document["steps"]:
        assert step["status"] == "Succeeded", step
        assert step["attempts"] >= 1
        assert step["startedAt"] <= step["finishedAt"]
        assert step["title"]
    answer = await portal.call("GET", f"/api/onboardings/{onboarding}")
    assert "Retry-After" not in answer.headers, "there is nothing more to wait for"
    connection = await portal.get(f"/api/connections/{document['connectionId']}")
    assert connection["onboardingId"] == onboarding


async def test_the_same_key_and_body_get_the_present_state(portal):
    """A request repeated after a lost answer changes nothing, and shows what has become of the first one."""
    headers, body = {"Idempotency-Key": unique("key")}, portal.request()
    first = await portal.call("POST", "/api/onboardings", headers=headers, json=body)
    done = await portal.finished(first.json()["id"])
    second = await portal.call("POST", "/api/onboardings", headers=headers, json=body)
    assert first.status_code == second.status_code == 202
    assert second.json() == {name: done[name] for name in second.json()}
    assert (first.json()["status"], second.json()["status"]) == ("NotStarted", done["status"])
    for name in ("Location", "Operation-Location", "Content-Type"):
        assert first.headers[name] == second.headers[name]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Retry-After" in first.headers
    assert "Retry-After" not in second.headers


async def test_defaults_written_out_are_the_same_body(portal):
    """A request that spells out the defaults counts as the same request."""
    headers, body = {"Idempotency-Key": unique("key")}, portal.request()
    first = await portal.call("POST", "/api/onboardings", headers=headers, json=body)
    spelt = {"serverApp": {"secretValidity": "P1Y"}, **body, "tenantId": body["tenantId"].upper()}
    second = await portal.call("POST", "/api/onboardings", headers=headers, json=spelt)
    assert (second.status_code, second.json()["id"]) == (202, first.json()["id"])


async def test_the_same_key_with_another_body_is_a_conflict(portal):
    """A key that was already used for another request is refused, and the first onboarding continues."""
    key = {"Idempotency-Key": unique("key")}
    first = await portal.post(headers=key)
    document = problem(await portal.post(headers=key), 409, "idempotency-key-reused")
    assert "new key" in document["remedy"]
    assert (await portal.finished(first.json()["id"]))["status"] == "Succeeded"


async def test_a_key_belongs_to_its_caller(portal):
    """Two portals that choose the same key do not affect each other."""
    key = {"Idempotency-Key": unique("key")}
    body = portal.request()
    one = await portal.call("POST", "/api/onboardings", headers=key, json=body)
    other = await portal.call(
        "POST", "/api/onboardings", headers=key, json={**body, "name": unique()}, caller="operator"
    )
    assert one.status_code == other.status_code == 202
    assert one.json()["id"] != other.json()["id"]


async def test_without_a_key_each_request_is_a_new_one(portal):
    """Two requests without a key create two onboardings."""
    assert await portal.accepted() != await portal.accepted()


async def test_twenty_simultaneous_requests_with_one_key_are_one_onboarding(portal):
    """A portal that repeats a request twenty times at once creates two applications, not forty."""
    headers, body = {"Idempotency-Key": unique("key")}, portal.request()
    answers = await asyncio.gather(
        *(portal.call("POST", "/api/onboardings", headers=headers, json=body) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    onboarding = answers[0].json()["id"]
    assert (await portal.finished(onboarding))["status"] == "Succeeded"
    entries = [each for each in await portal.all("/api/onboardings") if each["name"] == body["name"]]
    assert [each["id"] for each in entries] == [onboarding]
    found = await portal.graph(f"/applications?$filter=startswith(uniqueName,'cmg-{onboarding}')")
    assert len(found["value"]) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "caf\u00e9".encode(), "a\tb"])
async def test_a_key_that_is_none_is_refused(portal, key):
    """A key that a proxy might change on its way is refused."""
    document = problem(await portal.post(headers={"Idempotency-Key": key}), 400, "invalid-parameter")
    assert "Idempotency-Key" in document["detail"]


async def test_the_longest_key_is_taken(portal):
    """A key can have up to 255 visible characters of any kind."""
    key = (unique() + "!~'\"$;/\\?#" * 30)[:255]
    one = await portal.post(headers={"Idempotency-Key": key})
    assert one.status_code == 202


async def test_a_deployment_serves_one_cloud(portal):
    """A request for another cloud is refused at once, and the answer names the deployment to use."""
    answer = await portal.post(azureEnvironment="AzureUSGovernmentCloud")
    document = problem(answer, 422, "invalid-request")
    (error,) = document["errors"]
    assert (error["code"], error["pointer"]) == ("other-environment", "/azureEnvironment")
    assert "AzureUSGovernmentCloud" in error["remedy"]
