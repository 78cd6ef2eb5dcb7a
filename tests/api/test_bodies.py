from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.portal import Portal, pointers, problem

JSON = {"Content-Type": "application/json"}
ALL_FAULTS = {
    "/name",
    "/tenantId",
    "/subscriptionId",
    "/service",
    "/azureEnvironment",
    "/description",
    "/serverApp/name",
    "/serverApp/homePageUrl",
    "/serverApp/appIdUri",
    "/serverApp/secretEndDate",
    "/serverApp/secretValidity",
    "/clientApp",
    "/userDiscovery/enabled",
    "/a~1b~0c",
}


async def send(portal: Portal, content: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    """Post a body unchanged."""
    return await portal.call("POST", "/api/onboardings", content=content, headers=headers or JSON)


async def test_every_field_at_fault_is_pointed_at(portal):
    """A form can show each mistake next to its field: the answer lists all, each with code and text."""
    answer = await portal.post(
        name="\u202e",
        tenantId="contoso.onmicrosoft.com",
        subscriptionId="mine",
        service="Desktop",
        azureEnvironment="Mars",
        description="x" * 1025,
        serverApp={
            "name": "",
            "homePageUrl": "javascript:alert(1)",
            "appIdUri": "https://ConfigMgrService",
            "secretEndDate": "tomorrow",
            "secretValidity": "P99Y",
        },
        clientApp="x",
        userDiscovery={"enabled": 1},
        **{"a/b~c": 1},
    )
    document = problem(answer, 422, "invalid-request")
    assert pointers(document) == ALL_FAULTS
    assert all(each["code"] and each["detail"] for each in document["errors"])
    assert str(len(ALL_FAULTS)) in document["detail"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a\nb", "U+000A (at position 1, counted from 0)"),
        ("a\r\nb", "U+000D (at position 1, counted from 0)"),
        ("a\u200fb", "U+200F (at position 1, counted from 0)"),  # right-to-left mark
        ("ab\u202e", "U+202E (at position 2, counted from 0)"),  # right-to-left override
        ("a\u0000", "U+0000 (at position 1, counted from 0)"),
        (" a", "begin or end with white space"),
    ],
)
async def test_a_name_that_deceives_is_refused_in_words(portal, name, reason):
    """Text with invisible characters or line breaks is refused in every text field."""
    answer = await portal.post(
        name=name,
        description=name,
        serverApp={"name": name},
        clientApp={"name": name},
        groupDiscovery={"groupNames": ["x", name]},
        owners=[{"name": name, "email": "kim@contoso.com"}],
        labels={"team": name},
    )
    document = problem(answer, 422, "invalid-request")
    assert pointers(document) == {
        "/name",
        "/description",
        "/serverApp/name",
        "/clientApp/name",
        "/groupDiscovery/groupNames/1",
        "/owners/0/name",
        "/labels/team",
    }
    assert all(reason in each["detail"] for each in document["errors"])


async def test_a_name_of_257_characters_is_refused(portal):
    """The answer to a name that is too long contains the longest length that Entra ID accepts."""
    long = "x" * 257
    answer = await portal.post(name=long, serverApp={"name": long}, clientApp={"name": long})
    document = problem(answer, 422, "invalid-request")
    assert pointers(document) == {"/name", "/serverApp/name", "/clientApp/name"}
    assert all("256" in each["detail"] for each in document["errors"])


async def test_what_is_missing_is_pointed_at(portal):
    """The answer to an empty request lists the required fields."""
    document = problem(await send(portal, b"{}"), 422, "invalid-request")
    assert pointers(document) == {"/name", "/tenantId"}
    assert {each["code"] for each in document["errors"]} == {"field-missing"}


async def test_an_unknown_field_is_not_ignored(portal):
    """A misspelt option would have no effect without notice; the answer points to it instead."""
    answer = await portal.post(serverApp={"secretValidty": "P2Y"})
    (error,) = problem(answer, 422, "invalid-request")["errors"]
    assert (error["code"], error["pointer"]) == ("field-unknown", "/serverApp/secretValidty")


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/xml", "application/jsonx", ""],
)
async def test_a_body_of_another_type_is_refused(portal, content_type):
    """A body that is not declared as JSON is refused without being parsed."""
    headers = {"Content-Type": content_type} if content_type is not None else {}
    answer = await portal.call("POST", "/api/onboardings", content=b"{}", headers=headers)
    document = problem(answer, 415, "content-type-not-json")
    assert "application/json" in document["remedy"]
    assert answer.headers["Accept"] == "application/json"


async def test_a_charset_may_be_named(portal):
    """The parameters of the content type, and its case, do not matter."""
    answer = await send(
        portal, json.dumps(portal.request()).encode(), {"Content-Type": "Application/JSON; charset=utf-8"}
    )
    assert answer.status_code == 202


async def test_a_body_that_is_too_large_is_refused(portal):
    """The answer contains the size limit, and the service parses nothing beyond it."""
    document = problem(await send(portal, b" " * (16 * 1024 + 1)), 413, "body-too-large")
    assert "16384" in document["detail"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="unfinished"),
        pytest.param(b"{}{}", id="two documents"),
        pytest.param(b"{'name': 1}", id="single quotes"),
        pytest.param(b'{"name": "x",}', id="trailing comma"),
        pytest.param(b'{"name": NaN}', id="NaN"),
        pytest.param(b'{"name": Infinity}', id="Infinity"),
        pytest.param(b'{"name": "\xff"}', id="invalid UTF-8"),
        pytest.param(b'{"name": "\xed\xa0\x80"}', id="surrogate in UTF-8"),
        pytest.param(b'{"name": "\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"name": "\\udc00\\ud800"}', id="surrogates in the wrong order"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param('{"name": "x"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"[" * 16_000, id="deep arrays"),
        pytest.param(b'{"a":' * 3_000, id="deep objects"),
        pytest.param(b'{"name": "a\nb"}', id="line break in text"),
        pytest.param(b'{"name": "\\x41"}', id="unknown escape"),
        pytest.param(b"name=x", id="form"),
        pytest.param(b'{"name": ' + b"9" * 5000 + b"}", id="long number"),
        pytest.param(b"\x00", id="zero byte"),
    ],
)
async def test_a_body_that_is_no_json_is_told_so(portal, body):
    """Malformed text is answered with a 400 that shows where the mistake is."""
    document = problem(await send(portal, body), 400, "malformed-json")
    assert "Send one JSON object in UTF-8" in document["remedy"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[]", id="array"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"x"', id="text"),
        pytest.param(b"7", id="number"),
        pytest.param(b'{"name": 1e999}', id="huge number"),
        pytest.param(b'{"name": {"name": {"name": {}}}}', id="nested"),
        pytest.param(b'{"": ""}', id="field without a name"),
        pytest.param(b'{"__proto__": {}, "__class__": {}}', id="special names"),
        pytest.param(b'{"tenantId": "\\u0000"}', id="zero character"),
        pytest.param(b'{"serverApp": {"secretEndDate": "9999-12-31T23:59:59Z"}}', id="end of time"),
        pytest.param(b'{"serverApp": {"secretEndDate": "0001-01-01T00:00:00+23:59"}}', id="begin of time"),
        pytest.param(b'{"tenantId": "{3f0e8c52}", "serverApp": {"appIdUri": "api://x/y"}}', id="bad id"),
    ],
)
async def test_json_that_is_no_request_is_told_so(portal, body):
    """Valid JSON of any wrong shape is answered with a 422 that lists its faults."""
    document = problem(await send(portal, body), 422, "invalid-request")
    assert document["errors"]


async def test_a_secret_sent_by_mistake_does_not_come_back(portal):
    """The answer does not repeat a value that was sent in the wrong field."""
    answer = await portal.post(secretKey="hunter2", name="hunter2\n", tenantId="hunter2")
    problem(answer, 422, "invalid-request")
    assert "hunter2" not in answer.text


NOT_SERVED = "11111111-2222-4333-8444-555555555555"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from([NOT_SERVED, "https://x/y", "P1Y", "2027-01-01T00:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5)
            | st.sampled_from(
                ["name", "appIdUri", "homePageUrl", "secretEndDate", "secretValidity", "enabled"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
FIELDS = ["name", "tenantId", "serverApp", "clientApp", "userDiscovery", "description", "azureEnvironment"]
DOCUMENTS = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), VALUES, max_size=5)
VALID = json.dumps({"name": "x", "tenantId": NOT_SERVED}).encode()
MUTATED = st.tuples(st.integers(0, len(VALID)), st.binary(max_size=4)).map(
    lambda change: VALID[: change[0]] + change[1] + VALID[change[0] :]
)


@settings(max_examples=80, parent=settings.get_profile("quiet"))
@given(body=DOCUMENTS.map(lambda document: json.dumps(document).encode()) | MUTATED | st.binary(max_size=80))
async def test_no_body_breaks_the_service(portal, body):
    """Any body that is posted is accepted, or answered with one of the caller's errors as a problem."""
    answer = await send(portal, body)
    assert answer.status_code in {202, 400, 422}, (answer.text, body)
    if answer.status_code == 202:  # two fields are enough
        assert {"name", "tenantId"} <= set(json.loads(body))
    else:
        problem(answer, answer.status_code, answer.json()["code"])
