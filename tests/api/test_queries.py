from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.portal import REFUSED, Portal, problem


async def start(portal: Portal, query: str, **more) -> tuple[str, httpx.Response]:
    """Post a request with a query as it is; return the connection's name and the answer."""
    body = portal.request()
    return body["name"], await portal.call("POST", f"/api/onboardings{query}", json=body, **more)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("?dryRun", "dryRun"),
        ("?dryRun=", "dryRun"),
        ("?&dryRun=&", "dryRun"),
        ("?dryRun=true&dryRun=", "dryRun"),
        ("?dryRun=true&dryRun=false", "dryRun"),
        ("?dryRun=1", "dryRun"),
        ("?dryrun=true", "dryrun"),
        ("?dryRun=%C0%AF", "dryRun"),
        ("?=true", ""),
        ("?Idempotency-Key=ticket-1", "Idempotency-Key"),
        ("?On-Behalf-Of=name%3DKim", "On-Behalf-Of"),
    ],
)
async def test_an_unclear_query_starts_nothing(portal, query, name):
    """Only a request that is clearly no dry run starts an onboarding."""
    caller = await portal.caller("Onboarding.Request")
    _, answer = await start(portal, query, caller=caller)
    document = problem(answer, 400, "invalid-parameter")
    assert document["detail"].startswith(f"{name}: ")
    assert await portal.all("/api/onboardings", caller=caller) == []


@pytest.mark.parametrize("query", ["?dryRun=true", "?dryRun=True", "?dry%52un=TRUE"])
async def test_a_dry_run_is_one_however_it_is_written(portal, query):
    """A dry run writes nothing."""
    caller = await portal.caller("Onboarding.Request")
    _, answer = await start(portal, query, caller=caller)
    assert answer.status_code == 200
    assert await portal.all("/api/onboardings", caller=caller) == []


@pytest.mark.parametrize(
    "path",
    ["?status=", "?tenantId=", "?continuationToken=", "?maxpagesize", "?status=Failed&status=Failed"],
)
async def test_a_filter_without_a_value_lists_nothing(portal, path):
    """An empty filter is an error, and never answered with the whole list."""
    problem(await portal.call("GET", f"/api/onboardings{path}"), 400, "invalid-parameter")


async def test_a_parameter_of_another_call_is_not_ignored(portal):
    """There is no dry run of a removal or a renewal: such a call changes nothing."""
    connection = await portal.onboarded()
    for method, path in (("DELETE", ""), ("POST", "/renewals"), ("POST", "/acknowledge")):
        answer = await portal.call(
            method,
            f"/api/connections/{connection['id']}{path}?dryRun=true",
            caller="operator",
            **({"json": {}} if path else {}),
        )
        document = problem(answer, 400, "invalid-parameter")
        assert "dryRun: There is no such parameter" in document["detail"]
    assert await portal.get(f"/api/connections/{connection['id']}", caller="operator") == connection


async def test_a_body_in_chunks_is_not_taken_for_no_body(portal):
    """The Functions host drops a body that is sent in chunks: the answer explains it, and nothing starts."""
    connection = await portal.onboarded()

    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"secretValidity": "P2Y"}'

    for path in ("/api/onboardings", f"/api/connections/{connection['id']}/renewals"):
        answer = await portal.call(
            "POST",
            path,
            caller="operator",
            content=chunks(),
            headers={"Content-Type": "application/json"},
        )
        assert "Content-Length" in problem(answer, 411, "length-required")["remedy"]
    assert await portal.get(f"/api/connections/{connection['id']}", caller="operator") == connection


@pytest.mark.parametrize(
    "host",
    [
        "[",
        "[::1",
        "[contoso]",
        "[1.2.3.4]",
        "a b",
        "a/b",
        "a?b",
        "a@b",
        "a:b",
        "a:99999",
        ":80",
        "<a>",
        "a\\b",
        "caf\u00e9".encode(),
        "\u2100".encode(),  # would be several characters in a name
        b"\xff",
    ],
)
async def test_a_host_that_is_none_is_refused(portal, host):
    """The answer to a Host header that is no name shows what to send; no link leads there."""
    for path in ("/api/openapi.json", "/api/onboardings"):
        answer = await portal.call("GET", path, headers={"Host": host})
        assert "Host header" in problem(answer, 400, "url-invalid")["remedy"]


@pytest.mark.parametrize("value", [b"\xff", b"\xed\xa0\x80", b"\x80/json", b"caf\xc3\xa9", b"W/\xfe"])
async def test_a_header_of_any_bytes_gets_an_answer(portal, value):
    """No header that is not text makes the service fail."""
    names = ("Content-Type", "Accept", "Accept-Language", "If-Match", "If-None-Match", "Idempotency-Key")
    for name in (*names, "Authorization", "On-Behalf-Of", "traceparent"):
        headers = {"Content-Type": "application/json", "Accept": "*/*", name: value}
        for method in ("GET", "POST"):
            answer = await portal.call(method, "/api/onboardings?dryRun=true", headers=headers, content=b"{}")
            assert answer.status_code < 500, (name, answer.text)


async def token_of(portal: Portal, path: str, caller: str) -> str:
    """The continuation token of a list with more than one entry."""
    page = await portal.get(path, caller=caller, maxpagesize="1")
    (token,) = parse_qs(urlsplit(page["nextLink"]).query)["continuationToken"]
    return str(token)


@pytest.fixture(scope="module")
async def carol(portal):
    """A requester with two onboardings that failed."""
    caller = await portal.caller("Onboarding.Request")
    for _ in range(2):
        await portal.refused(caller=caller, **REFUSED)
    return caller


async def test_a_continuation_token_shows_nothing(portal, carol):
    """A token contains no readable ID, date or name."""
    token = await token_of(portal, "/api/onboardings", "operator")
    text = base64.urlsafe_b64decode(token + "===")
    with pytest.raises(UnicodeDecodeError):
        text.decode("ascii")
    shown = json.dumps(await portal.all("/api/onboardings", caller=carol))
    for words in (b"requester", b"new", b"all:", b"PartitionKey"):
        assert words not in text, shown


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"caller": "other"}, id="another caller"),
        pytest.param({"caller": "operator"}, id="an operator"),
        pytest.param({"status": "Failed"}, id="another filter"),
        pytest.param({"path": "/api/connections"}, id="another list"),
        pytest.param({"cut": -1}, id="shorter"),
        pytest.param({"cut": 3}, id="a part of it"),
    ],
)
async def test_a_token_is_valid_for_its_caller_and_its_list(portal, carol, change):
    """A token that another list, filter or caller made is refused."""
    token = await token_of(portal, "/api/onboardings", carol)
    caller = change.pop("caller", carol)
    if caller == "other":
        caller = await portal.caller("Onboarding.Request")
    path, cut = change.pop("path", "/api/onboardings"), change.pop("cut", None)
    answer = await portal.call(
        "GET", path, caller=caller, params={**change, "continuationToken": token[:cut]}
    )
    document = problem(answer, 400, "invalid-parameter")
    assert document["detail"].startswith("continuationToken: ")


async def test_the_size_of_the_next_page_can_change(portal, carol):
    """The size of a page is no filter: a token is valid with another one."""
    token = await token_of(portal, "/api/onboardings", carol)
    page = await portal.get("/api/onboardings", caller=carol, maxpagesize="7", continuationToken=token)
    assert len(page["value"]) == 1


@pytest.mark.parametrize("size", ["007", "01"])
async def test_leading_zeros_do_not_matter(portal, size):
    """A number is a number, however many zeros it begins with."""
    assert len((await portal.get("/api/onboardings", caller="operator", maxpagesize=size))["value"]) <= 7


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/expirations?owner=" + "x" * 5000 + "%40contoso.com", "owner"),
        ("/api/expirations?owner=%ED%A0%80%40contoso.com", "owner"),
        ("/api/expirations?withinDays=" + "9" * 5000, "withinDays"),
        ("/api/expirations?withinDays=-0", "withinDays"),
        ("/api/expirations?continuationToken=" + "A" * 5000, "continuationToken"),
        ("/api/onboardings?continuationToken=" + "9" * 5000 + ".", "continuationToken"),
        ("/api/onboardings?continuationToken=%ED%A0%80", "continuationToken"),
        ("/api/overview?tenantId=" + "0" * 5000, "tenantId"),
        ("/api/onboardings?maxpagesize=" + "0" * 5000 + "1", "maxpagesize"),
        ("/api/audit?to=0001-01-01T00:00:00Z", "to"),
        ("/api/audit/verify?to=0001-01-01T00:00:00%2B14:00", "to"),
        ("/api/operations?createdAfter=0001-01-01T00:00:00%2B14:00", "createdAfter"),
        ("/api/attention?since=9999-12-31T23:59:59-14:00", "since"),
    ],
    ids=lambda value: value[:48],
)
async def test_a_value_of_any_length_is_refused(portal, path, name):
    """No value of a parameter, however long or strange, is an error of the service."""
    document = problem(await portal.call("GET", path, caller="operator"), 400, "invalid-parameter")
    assert document["detail"].startswith(f"{name}: ")
