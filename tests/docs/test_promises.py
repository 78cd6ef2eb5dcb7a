"""What the pages promise about statuses, headers and repeated requests: each sentence is tested once."""

from __future__ import annotations

import json
import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.support.portal import until
from tests.support.sources import ROOT

LEAST: Final = {
    "tenantId": "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05",
    "subscriptionId": "9a6c2b14-58d3-4f0e-8e21-7b5d3c9f0a46",
}


class Reader:
    """Somebody who has read the pages, and calls the API as a requester."""

    def __init__(self, http: httpx.AsyncClient, connection: str, onboarding: str) -> None:
        self.http = http
        self.connection = connection
        self.onboarding = onboarding

    async def call(self, method: str, path: str, status: int, code: str = "", **more: Any) -> httpx.Response:
        """An answer, which must have a status and, for a problem, a code."""
        answer = await self.http.request(method, path, **more)
        found = answer.headers.get("x-ms-error-code", "")
        assert (answer.status_code, found) == (status, code), answer.text
        return answer

    async def onboard(self, key: str, status: int = 202, code: str = "", **changes: Any) -> httpx.Response:
        """Request an onboarding with an Idempotency-Key."""
        body = {"name": f"Promise {key}", "adminConsent": "ByAdministrator", **LEAST, **changes}
        headers = {"Idempotency-Key": key}
        return await self.call("POST", "/onboardings", status, code, json=body, headers=headers)


@pytest.fixture(scope="module")
async def reader(local_cloud: Path) -> AsyncIterator[Reader]:
    """A reader with a connection of its own."""
    cloud = json.loads((local_cloud / "endpoints.json").read_text(encoding="utf-8"))
    client, trust = cloud["clients"]["requester"], ssl.create_default_context(cafile=cloud["certificate"])
    grant = {"grant_type": "client_credentials", "scope": f"{cloud['audience']}/.default"}
    grant |= {"client_id": client["clientId"], "client_secret": client["clientSecret"]}
    async with httpx.AsyncClient(verify=trust, trust_env=False, timeout=30) as http:
        url = f"{cloud['login']}/{cloud['tenant']}/oauth2/v2.0/token"
        token = (await http.post(url, data=grant)).json()["access_token"]
        http.base_url, http.headers["Authorization"] = httpx.URL(f"{cloud['api']}/api"), f"Bearer {token}"
        made = await http.post("/onboardings", json={"name": f"Promises {uuid.uuid4().hex[:8]}", **LEAST})

        async def ended() -> Any:
            answer = await http.get(made.headers["Location"])
            return None if "Retry-After" in answer.headers else answer.json()

        onboarding = await until(ended, "the end of the onboarding")
        yield Reader(http, onboarding["connectionId"], onboarding["id"])


async def unknown_parameters(reader: Reader) -> None:
    await reader.call("GET", "/connections?colour=red", 400, "invalid-parameter")
    await reader.call("GET", "/connections?api-version=2024-01-01", 200)


async def without_a_token(reader: Reader) -> None:
    answer = await reader.call("GET", "/connections", 401, "token-missing", headers={"Authorization": ""})
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def same_key(reader: Reader) -> None:
    key = uuid.uuid4().hex
    first, second = await reader.onboard(key), await reader.onboard(key)
    assert first.json()["id"] == second.json()["id"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    await reader.onboard(key, 409, "idempotency-key-reused", description="another")


async def taken_name(reader: Reader) -> None:
    key = uuid.uuid4().hex
    await reader.onboard(key)
    await reader.onboard(uuid.uuid4().hex, 409, "name-reserved", name=f"promise {key}")


async def unchanged(reader: Reader) -> None:
    path = f"/onboardings/{reader.onboarding}"
    tag = (await reader.call("GET", path, 200)).headers["ETag"]
    answer = await reader.call("GET", path, 304, headers={"If-None-Match": tag})
    assert answer.content == b""


async def repeated_cancel(reader: Reader) -> None:
    onboarding = (await reader.onboard(uuid.uuid4().hex)).json()["id"]
    for _ in range(2):
        answer = await reader.call("POST", f"/onboardings/{onboarding}/cancel", 202)
        assert answer.headers["Operation-Location"] == answer.headers["Location"]


async def repeated_confirmation(reader: Reader) -> None:
    path = f"/connections/{reader.connection}/confirm"
    first, second = await reader.call("POST", path, 200), await reader.call("POST", path, 200)
    assert first.json() == second.json()


async def gone(reader: Reader) -> None:
    await reader.call("DELETE", f"/connections/{LEAST['tenantId']}.{'0' * 20}", 404, "not-found")


async def behalf(reader: Reader) -> None:
    path, headers = f"/connections/{reader.connection}/confirm", {"On-Behalf-Of": "Kim"}
    await reader.call("POST", path, 400, "invalid-parameter", headers=headers)


async def too_early(reader: Reader) -> None:
    path = f"/connections/{reader.connection}/inspect"
    await reader.call("POST", path, 409, "too-early-to-inspect")


async def no_warning(reader: Reader) -> None:
    path = f"/connections/{reader.connection}/acknowledge"
    await reader.call("POST", path, 409, "no-warning-yet", json={})


async def conflict(reader: Reader) -> None:
    ends = {"secretValidity": "P1Y", "secretEndDate": "2027-09-01T00:00:00Z"}
    answer = await reader.onboard(uuid.uuid4().hex, 422, "invalid-request", serverApp=ends)
    assert [each["code"] for each in answer.json()["errors"]] == ["either-of"]


async def pages_of_files(reader: Reader) -> None:
    query = {"maxpagesize": "1", "format": "json"}
    assert len((await reader.call("GET", "/expirations", 200, params=query)).json()["value"]) == 1
    answer = await reader.call("GET", "/expirations", 200, params={**query, "format": "csv"})
    assert len(answer.text.splitlines()) > 2


async def a_feed_each(reader: Reader) -> None:
    first, second = [(await reader.call("POST", "/expirations/feed", 201)).json()["url"] for _ in range(2)]
    assert first != second


PROMISES: Final[dict[str, tuple[str, Callable[[Reader], Awaitable[None]]]]] = {
    "Unknown query parameters, and headers that are sent as parameters, are rejected with 400": (
        "README.md",
        unknown_parameters,
    ),
    "also answers 401 without a valid token": ("README.md", without_a_token),
    "has the header `Idempotent-Replayed: true`": ("README.md", same_key),
    "is rejected with 409 (`idempotency-key-reused`)": ("README.md", same_key),
    "another request is rejected with 409 (`name-reserved`": ("README.md", taken_name),
    "and the document has not changed, the answer is 304 without content": ("README.md", unchanged),
    "If the resource no longer exists, the answer is 404.": ("README.md", gone),
    "`POST /api/expirations/feed` creates another URL each time": ("README.md", a_feed_each),
    "other values are rejected with 400 (`invalid-parameter`)": ("README.md", behalf),
    "Each answers 202 with the URL to poll in `Operation-Location`, and can be repeated.": (
        "onboardings.md",
        repeated_cancel,
    ),
    "another one gets the same answer": ("connections.md", repeated_confirmation),
    "hour after the onboarding, the answer is 409 `too-early-to-inspect`": (
        "connections.md",
        too_early,
    ),
    "Before the first warning is due, the answer is 409 (`no-warning-yet`)": ("connections.md", no_warning),
    "`either-of` is about two fields of which exactly one is required": ("errors.md", conflict),
    "`maxpagesize` has no effect on CSV and calendars": ("expirations.md", pages_of_files),
}
"""The page in docs/api, the sentence, and the function that tests it."""


@pytest.mark.parametrize("sentence", PROMISES)
async def test_a_promise_is_kept(reader, sentence):
    """The sentence is on the page, and the service does what it says."""
    name, carried_out = PROMISES[sentence]
    text = " ".join((ROOT / "docs" / "api" / name).read_text(encoding="utf-8").split())
    assert sentence.casefold() in text.casefold()
    await carried_out(reader)
