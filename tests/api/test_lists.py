from __future__ import annotations

import asyncio
import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.portal import REFUSED, problem, unique

OTHER = "11111111-2222-4333-8444-555555555555"
ELSEWHERE = "8b1f6c70-2d94-4e3a-a5c1-6f7e0d9b3a21"  # served, but it has not consented


@pytest.fixture(scope="module")
async def alice(portal):
    """A portal of its own, with five onboardings that failed in another tenant and two that worked."""
    name = await portal.caller("Onboarding.Request")
    unknown = {"service": "login", "tenant": ELSEWHERE, "kind": "status", "status": 400, "times": None}
    async with portal.fault(**unknown, code="AADSTS90002"):
        for number in range(5):
            onboarding = await portal.accepted(caller=name, name=f"a{number}", tenantId=ELSEWHERE)
            await portal.finished(onboarding)
    for number in range(5, 7):
        await portal.finished(await portal.accepted(caller=name, name=unique(f"a{number}")))
    return name


@pytest.fixture(scope="module")
async def bob(portal):
    """Another portal, with one onboarding."""
    name = await portal.caller("Onboarding.Request")
    await portal.finished(await portal.accepted(caller=name, name=unique("b0")))
    return name


def names(entries) -> list[str]:
    return [entry["name"][:2] for entry in entries]


@pytest.mark.parametrize("size", ["1", "2", "3", "7", "100"])
async def test_pages_show_each_onboarding_once_newest_first(portal, alice, size):
    """For every page size, following nextLink shows each item once, the newest first."""
    entries = await portal.all("/api/onboardings", caller=alice, maxpagesize=size)
    assert names(entries) == ["a6", "a5", "a4", "a3", "a2", "a1", "a0"]


async def test_a_next_link_is_complete(portal, alice):
    """A client follows the link unchanged: it is absolute, and contains the filters."""
    page = await portal.get("/api/onboardings", caller=alice, maxpagesize="2", status="Failed")
    link = urlsplit(page["nextLink"])
    assert f"{link.scheme}://{link.netloc}" == portal.stack.api
    query = parse_qs(link.query)
    assert (query["maxpagesize"], query["status"]) == (["2"], ["Failed"])
    assert len(page["value"]) <= 2


async def test_an_entry_tells_what_a_list_needs(portal, alice):
    """A list shows name, tenant, status, requester and time, and either the connection or the error."""
    entries = await portal.all("/api/onboardings", caller=alice)
    worked, failed = entries[0], entries[-1]
    assert (worked["status"], failed["status"]) == ("Succeeded", "Failed")
    assert worked["connectionId"]
    assert "error" not in worked
    assert (failed["error"]["code"], failed["error"]["step"]) == ("tenant-not-found", "preflight")
    assert failed["tenantId"] == ELSEWHERE
    assert failed["requestedBy"]["name"] == f"app {portal.clients[alice]['clientId']}"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"status": "Failed"}, ["a4", "a3", "a2", "a1", "a0"]),
        ({"status": "Succeeded"}, ["a6", "a5"]),
        ({"status": "Running"}, []),
        ({"status": "Waiting"}, []),
        ({"status": "NotStarted"}, []),
        ({"tenantId": ELSEWHERE}, ["a4", "a3", "a2", "a1", "a0"]),
        ({"tenantId": ELSEWHERE.upper(), "status": "Failed"}, ["a4", "a3", "a2", "a1", "a0"]),
        ({"tenantId": ELSEWHERE, "status": "Succeeded"}, []),
        ({"tenantId": OTHER}, []),
    ],
    ids=str,
)
async def test_filters_narrow_a_list(portal, alice, bob, parameters, expected):
    """Filters by status and tenant, alone or together, apply within what the caller may see."""
    assert bob
    found = await portal.all("/api/onboardings", caller=alice, maxpagesize="2", **parameters)
    assert names(found) == expected


async def test_an_operator_sees_everybodys(portal, alice, bob):
    """Operators see all onboardings and connections; each portal sees its own."""
    mine = {each["id"] for each in await portal.all("/api/onboardings", caller=alice)}
    bobs = {each["id"] for each in await portal.all("/api/onboardings", caller=bob)}
    everything = {each["id"] for each in await portal.all("/api/onboardings", caller="operator")}
    assert len(mine) == 7
    assert len(bobs) == 1
    assert mine | bobs <= everything
    assert not mine & bobs


async def test_connections_are_seen_by_whoever_asked_for_them(portal, alice, bob):
    """A portal lists and gets its own connections, and an operator all of them, page by page."""
    mine = await portal.all("/api/connections", caller=alice, maxpagesize="1")
    assert sorted(names(mine)) == ["a5", "a6"]
    (bobs,) = await portal.all("/api/connections", caller=bob)
    everything = [
        each["id"] for each in await portal.all("/api/connections", caller="operator", maxpagesize="2")
    ]
    assert {bobs["id"], *(each["id"] for each in mine)} <= set(everything)
    assert len(everything) == len(set(everything))
    assert await portal.get(f"/api/connections/{bobs['id']}", caller=bob) == bobs
    assert await portal.get(f"/api/connections/{bobs['id']}", caller="operator") == bobs
    problem(await portal.call("GET", f"/api/connections/{bobs['id']}", caller=alice), 404, "not-found")


async def test_other_peoples_onboardings_look_like_none(portal, alice, bob):
    """A caller cannot find out whether the ID of another requester's resource exists."""
    (theirs,) = await portal.all("/api/onboardings", caller=bob)
    for path in (f"/api/onboardings/{theirs['id']}", f"/api/onboardings/{theirs['id']}/events"):
        hidden = problem(await portal.call("GET", path, caller=alice), 404, "not-found")
        absent = problem(
            await portal.call("GET", path.replace(theirs["id"], OTHER), caller=alice), 404, "not-found"
        )
        assert hidden["detail"] == absent["detail"]
        assert (await portal.call("GET", path, caller="operator")).status_code == 200


@pytest.mark.parametrize("path", ["/api/onboardings", "/api/connections", "/api/onboardings/{id}/events"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"maxpagesize": "0"},
        {"maxpagesize": "x"},
        {"maxpagesize": "-1"},
        {"maxpagesize": "ten"},
        {"maxpagesize": ""},
        {"maxpagesize": "1e1"},
        {"maxpagesize": "\u0661"},
        {"maxpagesize": "9" * 5000},
        {"continuationToken": "x"},
        {"continuationToken": "0.x"},
        {"continuationToken": "7."},
        {"continuationToken": "\u00e9"},
        {"continuationToken": "' or 1 eq 1"},
        {"continuationToken": base64.urlsafe_b64encode(b"[" * 3000).decode()},
        {"$top": "5"},
        {"$filter": "status eq 'x'"},
        {"Status": "Failed"},
    ],
    ids=lambda value: next(iter(value.items()))[0] + "=" + next(iter(value.items()))[1][:12],
)
async def test_a_parameter_that_is_wrong_is_named(portal, alice, path, parameters):
    """A misspelt parameter or an invented token is an error, and never answered with another list."""
    (entry, *_) = (await portal.get("/api/onboardings", caller=alice, maxpagesize="1"))["value"]
    answer = await portal.call("GET", path.format(id=entry["id"]), caller=alice, params=parameters)
    document = problem(answer, 400, "invalid-parameter")
    assert next(iter(parameters)) in document["detail"]


@pytest.mark.parametrize(
    "parameters", [{"status": "Done"}, {"status": ""}, {"tenantId": "x"}, {"tenantId": ""}]
)
async def test_a_filter_that_is_wrong_is_named(portal, parameters):
    """The answer to a filter that can match nothing lists the possible values."""
    document = problem(
        await portal.call("GET", "/api/onboardings", params=parameters), 400, "invalid-parameter"
    )
    assert next(iter(parameters)) in document["detail"]


@pytest.mark.usefixtures("alice")
async def test_a_token_of_another_list_does_no_harm(portal, bob):
    """A continuation token never shows a caller the resources of others."""
    page = await portal.get("/api/onboardings", caller="operator", maxpagesize="1")
    token = parse_qs(urlsplit(page["nextLink"]).query)["continuationToken"][0]
    answer = await portal.call("GET", "/api/onboardings", caller=bob, params={"continuationToken": token})
    if answer.status_code == 200:
        mine = {each["id"] for each in await portal.all("/api/onboardings", caller=bob)}
        assert {each["id"] for each in answer.json()["value"]} <= mine
    else:
        problem(answer, 400, "invalid-parameter")


@pytest.mark.parametrize(
    "identifier",
    [
        "x",
        OTHER,
        OTHER.replace("-", ""),
        "..",
        "%2e%2e",
        "a'b",
        "%00",
        "%ff",
        "%E2%80%AE",
        "head",
        "x" * 4000,
        f"{OTHER}.x",
        f"{OTHER}.{'0' * 20}",
        f"~requester:{OTHER}.x",
        f"{OTHER}.",
    ],
)
@pytest.mark.parametrize("collection", ["onboardings", "connections"])
async def test_an_id_that_is_none_is_not_found(portal, collection, identifier):
    """A path to a resource that does not exist is answered with 404."""
    answer = await portal.call("GET", f"/api/{collection}/{identifier}", caller="operator")
    assert answer.status_code == 404
    if answer.content:  # the host itself answers where no route matches
        problem(answer, 404, "not-found")


async def test_an_index_row_is_no_connection(portal, alice):
    """The row by which a portal finds its connections cannot be read as a connection."""
    (connection, *_) = await portal.all("/api/connections", caller=alice)
    onboarding = await portal.get(f"/api/onboardings/{connection['onboardingId']}", caller=alice)
    pointer = f"~requester:{onboarding['requestedBy']['id']}.{connection['id']}"
    problem(await portal.call("GET", f"/api/connections/{pointer}", caller="operator"), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/onboardings"),
        ("DELETE", "/api/onboardings"),
        ("POST", f"/api/onboardings/{OTHER}/events"),
        ("POST", "/api/connections"),
        ("GET", "/api/unknown"),
        ("GET", "/api"),
        ("GET", "/api/onboardings/x/y/z"),
    ],
)
async def test_a_call_that_there_is_not_is_not_found(portal, method, path):
    """As in Azure, a route without that method is answered with 404."""
    assert (await portal.call(method, path)).status_code == 404


async def test_the_trail_of_an_onboarding_is_complete(portal):
    """The trail shows the requester, the times of each step, and the request IDs of its calls, once."""
    onboarding = await portal.accepted()
    await portal.finished(onboarding)
    events = await portal.all(f"/api/onboardings/{onboarding}/events", maxpagesize="5")
    lines = [(each["kind"], each.get("step"), each.get("attempt")) for each in events]
    assert len(lines) == len(set(lines)), "a line is doubled"
    assert lines[0] == ("accepted", None, None)
    assert events[0]["actor"] == f"app {portal.clients['requester']['clientId']}"
    steps = [each["name"] for each in (await portal.get(f"/api/onboardings/{onboarding}"))["steps"]]
    for kind in ("started", "succeeded"):
        assert sorted(step for each, step, _ in lines if each == kind) == sorted(steps)
    assert [each["at"][:23] for each in events] == sorted(each["at"][:23] for each in events)


async def test_the_trail_has_the_request_ids_of_the_cloud(portal):
    """The cloud has served each call in the trail, under the request IDs that its support asks for."""
    onboarding = await portal.accepted()
    await portal.finished(onboarding)
    served = {call["requestId"]: call for call in (await portal.control("GET", "/calls")).json()["value"]}
    events = await portal.all(f"/api/onboardings/{onboarding}/events")
    calls = [call for each in events for call in each["calls"]]
    assert len(calls) > 12
    for call in calls:
        known = served[call["requestId"]]
        assert call["status"] == known["status"]
        assert call["method"] == known["method"]
        assert call["clientRequestId"] == known["clientRequestId"]
    assert {call["service"] for call in calls} == {"Microsoft Graph", "Azure Resource Manager", "Key Vault"}
    assert len({call["clientRequestId"] for call in calls}) == len(calls)


async def test_a_list_is_not_cached(portal):
    """Answers forbid caching: a kept one would be wrong a second later."""
    for path in ("/api/onboardings", "/api/connections"):
        answer = await portal.call("GET", path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "application/json"


async def test_a_list_is_whole_while_onboardings_go_on(portal):
    """A caller who reads a list sees onboardings that are accepted and finished meanwhile; no page fails."""
    caller = await portal.caller("Onboarding.Request")
    accepted = await asyncio.gather(*(portal.accepted(caller=caller, **REFUSED) for _ in range(6)))
    seen = {each["id"] for each in await portal.all("/api/onboardings", caller=caller, maxpagesize="2")}
    await asyncio.gather(*map(portal.finished, accepted))
    later = [each["id"] for each in await portal.all("/api/onboardings", caller=caller, maxpagesize="2")]
    assert sorted(later) == sorted(accepted)
    assert seen <= set(accepted)
