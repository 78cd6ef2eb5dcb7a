"""The sample run: one onboarding, followed to its end, and one warning."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from infra.local.errors import LocalError

REQUEST: Final = Path(__file__).parent / "sample.json"
_LIMIT: Final = 120.0
"""Seconds that the onboarding may take; an idle machine needs two or three."""

_WARNING_LIMIT: Final = 30.0
_FINAL: Final = frozenset({"Succeeded", "Failed", "Cancelled", "RolledBack"})
_PAUSE: Final = 0.15


class Sample:
    """Does what a portal does, with the requester's token, and reports it.

    Args:
        endpoints: the content of ``endpoints.json``.
        say: receives one line for each thing that happens.
    """

    def __init__(self, endpoints: Mapping[str, Any], say: Callable[[str], None]) -> None:
        self._endpoints = endpoints
        self._say = say
        self._started = time.monotonic()
        trust = ssl.create_default_context(cafile=endpoints["certificate"])
        # Everything is on this machine; a proxy from the environment would only interfere.
        self._http = httpx.AsyncClient(verify=trust, trust_env=False, timeout=30)
        self._headers: dict[str, str] = {}

    async def run(self) -> None:
        """Onboard, and wait for a warning.

        Raises:
            LocalError: the onboarding or its warning failed.
        """
        async with self._http:
            try:
                connection, is_new = await self._onboard()
                if is_new:  # an earlier run has had the warning
                    await self._confirm(connection)
                    await self._warn(connection)
            except (httpx.HTTPError, KeyError, ValueError) as error:
                raise LocalError(f"unexpected response: {error!r}") from error

    async def _onboard(self) -> tuple[str, bool]:
        """The connection, and whether this run has requested it."""
        self._headers = {"Authorization": f"Bearer {await self._token('requester')}"}
        answer = await self._call(
            "POST",
            "/api/onboardings",
            content=REQUEST.read_bytes(),
            headers={"Content-Type": "application/json", "Idempotency-Key": "sample"},
        )
        identifier, is_new = answer["id"], answer["status"] not in _FINAL
        self._line(f"accepted as {identifier}")
        seen: dict[str, tuple[str, str | None]] = {}
        deadline = time.monotonic() + _LIMIT
        while time.monotonic() < deadline:
            document = await self._call("GET", f"/api/onboardings/{identifier}")
            self._show(document["steps"], seen)
            if document["status"] in _FINAL:
                return self._end(document), is_new
            await asyncio.sleep(_PAUSE)
        raise LocalError(f"the onboarding is still {document['status']} after {_LIMIT:.0f} s")

    def _show(self, steps: list[dict[str, Any]], seen: dict[str, tuple[str, str | None]]) -> None:
        for step in steps:
            now = (step["status"], step.get("waitingFor"))
            if seen.get(step["name"], ("Pending", None)) == now:
                continue
            seen[step["name"]] = now
            status, waiting_for = now
            detail = ""
            if status == "Waiting" and waiting_for:
                detail = f" for {waiting_for}"
            elif status in ("Waiting", "Failed") and step.get("error"):
                detail = f": {_reason(step['error'])}"
            self._line(f"{step['name']:<34} {status}{detail}")

    def _end(self, document: Mapping[str, Any]) -> str:
        if document["status"] != "Succeeded":
            reason = f": {_reason(document['error'])}" if document.get("error") else ""
            raise LocalError(f"the onboarding ended as {document['status']}{reason}")
        connection = str(document["connectionId"])
        self._line(f"succeeded; the connection is {connection}")
        return connection

    async def _confirm(self, connection: str) -> None:
        """Confirm the handover, as people do when the script has run at the site.

        The settings of the run can reserve this for operators.
        """
        if "confirm" not in (await self._call("GET", "/api/capabilities"))["can"]:
            self._headers = {"Authorization": f"Bearer {await self._token('operator')}"}
        answer = await self._call("POST", f"/api/connections/{connection}/confirm")
        self._line(f"the site is connected: {answer['handover']['state']}")

    async def _warn(self, connection: str) -> None:
        """Move the clock to the first warning, let the sweep find it, and wait for it in the inbox."""
        self._headers = {"Authorization": f"Bearer {await self._token('operator')}"}
        document = await self._call("GET", f"/api/connections/{connection}")
        due = datetime.fromisoformat(document["nextWarning"]["dueAt"])
        self._line(f"clock set to {due:%Y-%m-%d}, the date of the first warning")
        before = len(await self._notices())
        await self._call("PUT", "/admin/host/clock", json={"now": (due + timedelta(seconds=1)).isoformat()})
        try:
            await self._call("POST", "/admin/functions/sweep_expirations", json={})
            notice = await self._notice(before)
        finally:
            await self._call("DELETE", "/admin/host/clock")
        self._line(f"warning arrived: {notice.get('type')} about {notice.get('subject')}")

    async def _notice(self, known: int) -> Mapping[str, Any]:
        deadline = time.monotonic() + _WARNING_LIMIT
        while time.monotonic() < deadline:
            notices = await self._notices()
            warnings = [event for event in map(_event, notices[known:]) if "NearExpiry" in event["type"]]
            if warnings:
                return warnings[-1]
            await asyncio.sleep(_PAUSE)
        raise LocalError(f"no warning arrived within {_WARNING_LIMIT:.0f} s")

    async def _notices(self) -> list[Any]:
        answer = await self._http.get(f"{self._endpoints['control']}/inbox/notices")
        answer.raise_for_status()
        value: list[Any] = answer.json()["value"]
        return value

    async def _token(self, client: str) -> str:
        secret = self._endpoints["clients"][client]
        answer = await self._http.post(
            f"{self._endpoints['login']}/{self._endpoints['tenant']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": secret["clientId"],
                "client_secret": secret["clientSecret"],
                "scope": f"{self._endpoints['audience']}/.default",
            },
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        headers = {**self._headers, **options.pop("headers", {})}
        answer = await self._http.request(method, self._endpoints["api"] + path, headers=headers, **options)
        if not answer.is_success:
            raise LocalError(f"{method} {path} returned {answer.status_code}: {answer.text.strip()[:500]}")
        return dict(answer.json()) if answer.content else {}

    def _line(self, text: str) -> None:
        self._say(f"{time.monotonic() - self._started:6.1f} s  {text}")


def _reason(error: Mapping[str, Any]) -> str:
    return " ".join(str(error[part]) for part in ("code", "title", "detail") if error.get(part))


def _event(received: Mapping[str, Any]) -> Mapping[str, Any]:
    """The CloudEvent in a request: in its body (structured mode) or in its headers (binary mode)."""
    body = received["body"]
    document = json.loads(body) if isinstance(body, str) else body
    if isinstance(document, dict) and "type" in document:
        return document
    return {name.lower().removeprefix("ce-"): value for name, value in received["headers"].items()}
