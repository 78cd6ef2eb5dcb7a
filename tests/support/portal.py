"""The local cloud as seen from outside: by callers of the API, administrators, and tests."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import httpx
import jwt

from infra.local.stack import Stack
from tests.support import described

_LONGEST_PAUSE: Final = 0.25  # seconds
USUAL: Final = 0.2
"""Seconds between two checks of a run that somebody waits for: no run takes less."""

REFUSED: Final = {"serverApp": {"appIdUri": "https://fabrikam.com/x"}}
"""What the preflight refuses and only the requester can correct: a URI on a domain of others."""

FINAL: Final = {"Succeeded", "Failed", "Cancelled", "RolledBack"}
_RESOURCES: Final = {
    "AzurePublicCloud": {
        "graph": "https://graph.microsoft.com",
        "resourceManager": "https://management.azure.com",
        "keyVault": "https://vault.azure.net",
    },
    "AzureUSGovernmentCloud": {
        "graph": "https://graph.microsoft.us",
        "resourceManager": "https://management.core.usgovcloudapi.net",
        "keyVault": "https://vault.usgovcloudapi.net",
    },
}


def unique(prefix: str = "n") -> str:
    """A name that nobody else uses."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


async def until(
    condition: Callable[[], Awaitable[Any]],
    what: str = "the condition",
    seconds: float = 60,
    pause: float = 0.03,
    longest: float = _LONGEST_PAUSE,
) -> Any:
    """The result of a condition as soon as it has one; fails if it has none in time."""
    deadline = time.monotonic() + seconds
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        await asyncio.sleep(pause)  # longer each time: frequent polling slows down what it waits for
        pause = min(pause * 1.5, longest)
    return value


class Portal:
    """Calls the API of a stack, and reads its cloud."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.info: dict[str, Any] = dict(stack.cloud_info)
        trust = ssl.create_default_context(cafile=self.info["certificate"])
        self.http = httpx.AsyncClient(verify=trust, trust_env=False, timeout=30)
        self.clients: dict[str, dict[str, str]] = dict(self.info["clients"])
        self._tokens: dict[tuple[str, str], str] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def token(self, client: str = "requester", audience: str = "") -> str:
        """An access token of a client, by default for the API; cached."""
        audience = audience or self.info["audience"]
        if (client, audience) not in self._tokens:
            secret = self.clients[client]
            answer = await self.http.post(
                f"{self.info['login']}/{self.info['tenant']}/oauth2/v2.0/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": secret["clientId"],
                    "client_secret": secret["clientSecret"],
                    "scope": f"{audience}/.default",
                },
            )
            assert answer.status_code == 200, answer.text
            self._tokens[client, audience] = answer.json()["access_token"]
        return self._tokens[client, audience]

    async def object_id(self, client: str = "requester") -> str:
        """The object ID of a client, as its tokens contain it."""
        claims = jwt.decode(await self.token(client), options={"verify_signature": False})
        return str(claims["oid"])

    async def caller(self, *roles: str) -> str:
        """A new client of the API with these roles; its name in ``clients``."""
        answer = await self.control("POST", "/clients", {"roles": list(roles)})
        name = unique("client")
        self.clients[name] = answer.json()
        return name

    async def call(
        self,
        method: str,
        path: str,
        *,
        caller: str | None = "requester",
        headers: Mapping[str, str | bytes] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Call the API (a path below its base, or an absolute URL) with a caller's token, or without.

        Fails if the response does not conform to the API's description.
        """
        sent: dict[str, str | bytes] = dict(headers or {})
        if caller:
            sent.setdefault("Authorization", f"Bearer {await self.token(caller)}")
        url = path if path.startswith("http") else f"{self.stack.api}{path}"
        answer = await self.http.request(method, url, headers=sent, **more)  # type: ignore[arg-type] # httpx takes bytes
        described.check_answer(answer)
        return answer

    async def get(self, path: str, *, caller: str | None = "requester", **params: str) -> Any:
        """The document of a GET that must succeed."""
        answer = await self.call("GET", path, caller=caller, params=params or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def all(self, path: str, *, caller: str = "requester", **params: str) -> list[Any]:
        """The entries of all pages of a list."""
        page = await self.get(path, caller=caller, **params)
        found = list(page["value"])
        while "nextLink" in page:
            page = await self.get(page["nextLink"], caller=caller)
            found += page["value"]
        return found

    def request(self, **changes: Any) -> dict[str, Any]:
        """A valid request, with a name of its own."""
        return {
            "name": unique("Contoso"),
            "tenantId": self.info["tenant"],
            "subscriptionId": self.info["subscription"],
            **changes,
        }

    async def post(
        self, *, caller: str = "requester", headers: dict[str, str] | None = None, **changes: Any
    ) -> httpx.Response:
        """Request an onboarding."""
        return await self.call(
            "POST", "/api/onboardings", caller=caller, headers=headers, json=self.request(**changes)
        )

    async def accepted(self, *, caller: str = "requester", **changes: Any) -> str:
        """The ID of an accepted onboarding."""
        answer = await self.post(caller=caller, **changes)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def finished(self, onboarding: str) -> dict[str, Any]:
        """An onboarding at its end, as an operator sees it."""

        async def final() -> dict[str, Any] | None:
            document: dict[str, Any] = await self.get(f"/api/onboardings/{onboarding}", caller="operator")
            return document if document["status"] in FINAL else None

        found: dict[str, Any] = await until(final, f"the end of {onboarding}", pause=USUAL)
        return found

    async def onboarded(self, **changes: Any) -> dict[str, Any]:
        """The connection of an onboarding that succeeded."""
        document = await self.finished(await self.accepted(**changes))
        assert document["status"] == "Succeeded", document["error"]
        found: dict[str, Any] = await self.get(
            f"/api/connections/{document['connectionId']}", caller="operator"
        )
        return found

    async def refused(self, **changes: Any) -> dict[str, Any]:
        """The error of an onboarding that failed."""
        document = await self.finished(await self.accepted(**changes))
        assert document["status"] == "Failed", document
        error: dict[str, Any] = document["error"]
        return error

    async def blocked(self, onboarding: str) -> dict[str, Any]:
        """An onboarding that waits for somebody to act, as an operator sees it."""

        async def waits() -> dict[str, Any] | None:
            document: dict[str, Any] = await self.get(f"/api/onboardings/{onboarding}", caller="operator")
            assert document["status"] not in FINAL, document
            actor = document.get("error", {}).get("actor")
            awaited = actor in {"TenantAdministrator", "SubscriptionOwner", "Operator"}
            return document if awaited and document["status"] == "Waiting" else None

        found: dict[str, Any] = await until(waits, f"the wait of {onboarding}", pause=USUAL)
        return found

    async def withheld(self, **changes: Any) -> dict[str, Any]:
        """The error of an onboarding that waits for somebody to act; it is cancelled then."""
        onboarding = await self.accepted(**changes)
        error: dict[str, Any] = (await self.blocked(onboarding))["error"]
        await self.call("POST", f"/api/onboardings/{onboarding}/cancel", caller="operator")
        return error

    async def look(self, service: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call Graph, Resource Manager or the vault as the administrator; anything but success fails."""
        token = await self.token("administrator", _RESOURCES[self.info["environment"]][service])
        url = path if path.startswith("https://") else f"{self.info[service]}{path}"
        answer = await self.http.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.is_success, answer.text
        return answer

    async def graph(self, path: str) -> Any:
        """A document of Graph v1.0."""
        return (await self.look("graph", "GET", f"/v1.0{path}")).json()

    async def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Control the simulated cloud."""
        answer = await self.http.request(method, f"{self.info['control']}{path}", json=body)
        assert answer.is_success, answer.text
        return answer

    @contextlib.asynccontextmanager
    async def settings(self, **changes: Any) -> AsyncIterator[None]:
        """Use other settings of the cloud for a while; the identity's roles take effect as after a day."""
        before = (await self.control("GET", "/settings")).json()
        await self.control("PUT", "/settings", changes)
        await self.control("DELETE", "/identityTokens")
        try:
            yield
        finally:
            await self.control("PUT", "/settings", {name: before[name] for name in changes})
            await self.control("DELETE", "/identityTokens")

    @contextlib.asynccontextmanager
    async def fault(self, **fault: Any) -> AsyncIterator[str]:
        """Set a fault of the cloud for a while; yields its ID."""
        identifier = str((await self.control("POST", "/faults", fault)).json()["id"])
        try:
            yield identifier
        finally:
            await self.control("DELETE", f"/faults/{identifier}")

    async def restart_host(self) -> None:
        """Kill the host; another one, with nothing in memory, is running when this returns."""
        await self.stack.hosts[0].kill()
        await self.stack.ready()

    async def fire(self, function: str) -> None:
        """Fire a timer, and wait until its function has ended."""
        before = self._runs(function)
        answer = await self.http.post(f"{self.stack.api}/admin/functions/{function}", json={})
        assert answer.status_code == 202, answer.text

        async def ended() -> bool:
            return self._runs(function) > before

        await until(ended, f"the end of {function}")

    def _runs(self, function: str) -> int:
        log = (self.stack.folder / "host.log").read_text(encoding="utf-8")
        return sum(f"host: {function} (timer) " in line for line in log.splitlines())


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The document of an error (RFC 9457), after a check of everything that each error must have."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), (
        answer.text
    )
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["code"]) == (status, code), document
    assert answer.headers["x-ms-error-code"] == code
    assert answer.headers["x-ms-request-id"] == document["requestId"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert document["type"].endswith(code)
    assert document["title"]
    assert document["detail"]
    return document


def pointers(document: dict[str, Any]) -> set[str]:
    """The fields that an error points to."""
    return {each["pointer"] for each in document["errors"]}
