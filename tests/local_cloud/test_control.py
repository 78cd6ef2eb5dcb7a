from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.local_cloud.clouds import CloudProcess, error, name
from tests.support.portal import until


async def hit(cloud: CloudProcess, fault: str) -> Any:
    return (await cloud.control("GET", f"/faults/{fault}")).json()


async def test_throttling_is_worded_by_each_service(cloud):
    """A throttled request gets 429, with or without Retry-After, and has no effect."""
    await cloud.fault(kind="throttle", service="graph", method="POST", retryAfter=7)
    unique = name()
    answer = await cloud.graph("POST", "/applications", {"displayName": "x", "uniqueName": unique})
    assert error(answer)[:2] == (429, "TooManyRequests")
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["x-ms-throttle-information"] == "WriteLimitExceeded"
    assert (await cloud.graph("GET", f"/applications(uniqueName='{unique}')")).status_code == 404
    await cloud.fault(kind="throttle", service="resourceManager")
    answer = await cloud.service("resourceManager", "GET", "/subscriptions/x?api-version=2022-12-01")
    assert error(answer)[:2] == (429, "SubscriptionRequestsThrottled")
    assert "Retry-After" not in answer.headers
    await cloud.fault(kind="throttle", service="keyVault", retryAfter=1)
    assert error(await cloud.service("keyVault", "GET", "/secrets/x?api-version=7.5"))[:2] == (
        429,
        "Throttled",
    )
    await cloud.fault(kind="throttle", service="login", retryAfter=1)
    answer = await cloud.login()
    assert (answer.status_code, answer.json()["error"]) == (429, "temporarily_unavailable")
    await cloud.fault(kind="throttle", service="managedIdentity", retryAfter=1)
    assert (await cloud.identity_token("https://vault.azure.net")).status_code == 429


async def test_skip_and_times_count_matching_requests(cloud):
    """A fault skips the first requests, affects the set number, and then no others."""
    fault = await cloud.fault(
        kind="status", service="graph", status=503, path=r"/organization\?\$select=id", skip=1, times=2
    )
    statuses = [
        (await cloud.graph("GET", path)).status_code
        for path in ["/organization", *["/organization?$select=id"] * 4]
    ]
    assert statuses == [200, 200, 503, 503, 200]
    assert (await hit(cloud, fault))["hits"] == 2


async def test_a_status_may_come_after_the_effect(cloud):
    """The request takes effect, but its caller gets the error of the fault."""
    unique = name()
    code = "Directory_ConcurrencyViolation"
    await cloud.fault(kind="status", when="after", status=503, code=code, service="graph", method="POST")
    answer = await cloud.graph("POST", "/applications", {"displayName": "x", "uniqueName": unique})
    assert error(answer) == (
        503,
        code,
        "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
    )
    assert (await cloud.graph("GET", f"/applications(uniqueName='{unique}')")).status_code == 200


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_dropped_connection_gives_no_answer(cloud, when):
    """The connection closes without a response, before or after the request takes effect."""
    unique = name()
    await cloud.fault(kind="drop", when=when, service="graph", method="POST")
    await cloud.control("DELETE", "/calls")
    with pytest.raises(httpx.TransportError):
        await cloud.graph("POST", "/applications", {"displayName": "x", "uniqueName": unique})
    found = await cloud.graph("GET", f"/applications(uniqueName='{unique}')")
    assert found.status_code == (200 if when == "after" else 404)
    first = (await cloud.control("GET", "/calls?service=graph")).json()["value"][0]
    assert (first["method"], first["status"]) == ("POST", None)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_held_request_waits_until_it_is_released(cloud, when):
    """A request can be held before or after its effect; after its release, the response is as usual."""
    unique = name()
    fault = await cloud.fault(kind="hold", when=when, service="graph", method="POST")
    task = asyncio.create_task(
        cloud.graph("POST", "/applications", {"displayName": "x", "uniqueName": unique})
    )

    async def held():
        return (await hit(cloud, fault))["held"] == 1

    await until(held)
    found = await cloud.graph("GET", f"/applications(uniqueName='{unique}')")
    assert found.status_code == (200 if when == "after" else 404)
    assert not task.done()
    await cloud.control("POST", f"/faults/{fault}/release")
    assert (await task).status_code == 201
    assert (await hit(cloud, fault))["held"] == 0


async def test_deleting_faults_releases_what_they_hold(cloud):
    """DELETE /faults removes all faults and releases held requests."""
    fault = await cloud.fault(kind="hold", service="*", times=None, path="/organization")
    task = asyncio.create_task(cloud.graph("GET", "/organization"))

    async def held():
        return (await hit(cloud, fault))["held"] == 1

    await until(held)
    await cloud.control("DELETE", "/faults")
    assert (await task).status_code == 200
    assert (await cloud.control("GET", "/faults")).json() == {"value": []}


async def test_latency_delays_and_combines(cloud):
    """A delayed request has its usual response, or the response of another fault."""
    await cloud.fault(kind="latency", seconds=0.2, service="graph", times=None)
    await cloud.fault(kind="status", status=500, service="graph")
    started = time.monotonic()
    assert (await cloud.graph("GET", "/organization")).status_code == 500
    assert time.monotonic() - started >= 0.2
    assert (await cloud.graph("GET", "/organization")).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "bogus"},
        {"kind": "status"},
        {"kind": "drop", "path": "("},
        {"kind": "drop", "service": "mail"},
        {"kind": "drop", "bogus": 1},
    ],
)
async def test_an_invalid_fault_is_refused(cloud, fault):
    """A misspelt fault is an error."""
    answer = await cloud.http.post(f"{cloud.info['control']}/faults", json=fault)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_calls_are_recorded_without_secrets(cloud):
    """Every call is listed with its path, status and IDs, without its bodies."""
    await cloud.control("DELETE", "/calls")
    app = await cloud.application(passwordCredentials=[{}])
    headers = {"client-request-id": name()}
    answer = await cloud.graph("GET", f"/applications/{app['id']}?$select=id", headers=headers)
    await cloud.service("keyVault", "PUT", "/secrets/x?api-version=7.5", {"value": "top secret"})
    client = cloud.info["clients"]["operator"]
    await cloud.login(client_id=client["clientId"], client_secret=client["clientSecret"])
    listed = await cloud.control("GET", "/calls")
    calls = listed.json()["value"]
    assert [call["service"] for call in calls] == ["graph", "graph", "keyVault", "login"]
    (needed,) = calls[1].pop("needs")
    assert needed["anyOf"][:2] == ["Application.Read.All", "Application.ReadWrite.OwnedBy"]
    assert "Application.Read.All" in needed["held"]
    assert calls[1] | {"at": "", "seconds": 0} == {
        "service": "graph",
        "method": "GET",
        "path": f"/v1.0/applications/{app['id']}?$select=id",
        "status": 200,
        "at": "",
        "clientRequestId": headers["client-request-id"],
        "requestId": answer.headers["request-id"],
        "seconds": 0,
    }
    for secret in ("top secret", client["clientSecret"], app["passwordCredentials"][0]["secretText"]):
        assert secret not in listed.text
    assert len((await cloud.control("GET", "/calls?service=login")).json()["value"]) == 1


async def test_an_inbox_keeps_what_was_posted(cloud):
    """Posted bodies and headers can be read; an inbox can be set to fail for a while."""
    inbox = f"/inbox/{name()}"
    await cloud.control("PUT", f"{inbox}/answer", {"status": 500, "times": 1})
    posted = [
        await cloud.http.post(f"{cloud.info['control']}{inbox}", json={"n": n}, headers={"ce-id": str(n)})
        for n in range(2)
    ]
    assert [answer.status_code for answer in posted] == [500, 204]
    messages = (await cloud.control("GET", inbox)).json()["value"]
    assert [message["body"] for message in messages] == [{"n": 0}, {"n": 1}]
    assert messages[1]["headers"]["ce-id"] == "1"
    await cloud.control("DELETE", inbox)
    assert (await cloud.control("GET", inbox)).json() == {"value": []}


async def test_health(cloud):
    """Control reports that the cloud is running."""
    assert (await cloud.control("GET", "/healthz")).status_code == 200
