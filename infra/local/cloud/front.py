"""Between the sockets and a service: reads the request, applies faults, records the call, answers."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

from aiohttp import web

from infra.local.cloud.collection import Replication
from infra.local.cloud.database import Database
from infra.local.cloud.faults import Fault, Faults
from infra.local.cloud.messages import Answer, Failure, JsonObject, Need, Request, Service

_logger = logging.getLogger(__name__)

_REMEMBERED_CALLS: Final = 200_000
_NO_ANSWER: Final = Answer(status=503)
"""Means that the connection is closed without an answer."""


async def read(received: web.BaseRequest) -> Request:
    """An aiohttp request as the services use it (aiohttp answers 413 to a body over 1 MiB)."""
    query: dict[str, str] = {}
    for name, value in received.rel_url.query.items():
        query.setdefault(name, value)
    return Request(
        method=received.method,
        path=received.rel_url.raw_path,
        query=query,
        target=received.path_qs,
        headers=received.headers,
        body=await received.read(),
    )


def response(answer: Answer) -> web.Response:
    """An answer as aiohttp sends it."""
    headers = dict(answer.headers)
    if content_type := answer.content_type():
        headers.setdefault("Content-Type", content_type)
    return web.Response(status=answer.status, body=answer.encoded(), headers=headers)


_Entry = tuple[str, str, str, int | None, float, str, str, float, tuple[Need, ...]]


@dataclass(slots=True)
class Calls:
    """The served requests, oldest first, without bodies and tokens."""

    entries: deque[_Entry] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_CALLS))
    batched: deque[_Entry] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_CALLS))
    """The requests inside batches, each with the IDs of its batch."""

    def record(self, service: str, request: Request, answer: Answer | None, started: float) -> None:
        """Store one call; ``answer`` is None if the caller got none."""
        own = () if request.path.endswith("/$batch") else tuple(request.needs)
        self.entries.append(_entry(service, request, answer.status if answer else None, started, own))
        if answer is None or answer.body is None or not request.path.endswith("/$batch"):
            return
        statuses = {each["id"]: each["status"] for each in answer.body.get("responses", ())}
        base = request.path.removesuffix("/$batch")
        for step in json.loads(request.body)["requests"] if statuses else ():
            inner = replace(request, method=step["method"], target=f"{base}/{step['url'].lstrip('/')}")
            path = unquote(step["url"].strip("/").partition("?")[0])
            needs = tuple(need for need in request.needs if unquote(need.target) == path)
            self.batched.append(_entry(service, inner, statuses.get(str(step["id"])), started, needs))

    def clear(self) -> None:
        """Forget all."""
        self.entries.clear()
        self.batched.clear()

    def bodies(self, service: str | None, *, batched: bool = False) -> list[JsonObject]:
        """As ``GET /calls`` shows them; the requests inside batches only if asked for."""
        names = (
            "service",
            "method",
            "path",
            "status",
            "at",
            "clientRequestId",
            "requestId",
            "seconds",
            "needs",
        )
        entries = [*self.entries, *(self.batched if batched else ())]
        return [
            dict(zip(names, entry, strict=True))
            | {
                "at": datetime.fromtimestamp(entry[4], UTC).isoformat(),
                "needs": [{"anyOf": need.any_of, "held": need.held} for need in entry[-1]],
            }
            for entry in entries
            if service in {None, entry[0]}
        ]


def _entry(
    service: str, request: Request, status: int | None, started: float, needs: tuple[Need, ...]
) -> _Entry:
    headers = request.headers
    return (
        service,
        request.method,
        request.target,
        status,
        started,
        headers.get("client-request-id") or headers.get("x-ms-client-request-id") or "",
        request.id,
        time.time() - started,
        needs,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Front:
    """What all services share at run time."""

    database: Database
    replication: Replication
    faults: Faults
    calls: Calls

    def server(self, service: Service) -> web.Server:
        """An aiohttp server for one service."""

        async def serve(received: web.BaseRequest) -> web.StreamResponse:
            return await self._serve(service, received)

        return web.Server(serve, access_log=None)

    async def _serve(self, service: Service, received: web.BaseRequest) -> web.StreamResponse:
        started = time.time()
        request = await read(received)
        struck = self.faults.meeting(service.name, request)
        answer = await self._strike(service, request, struck, "before")
        if answer is None:
            answer = self._handle(
                service, request, stale=any(each.settings.kind == "stale" for each in struck)
            )
            answer = await self._strike(service, request, struck, "after") or answer
            answer = _rewritten(answer, struck)
        dropped = answer is _NO_ANSWER
        self.calls.record(service.name, request, None if dropped else answer, started)
        if dropped and received.transport is not None:
            received.transport.abort()
        return response(answer)

    async def _strike(
        self, service: Service, request: Request, struck: list[Fault], when: str
    ) -> Answer | None:
        """Apply the faults before, or after, the request takes effect; return their answer, if any."""
        answer = None
        for settings, fault in ((each.settings, each) for each in struck if each.settings.when == when):
            match settings.kind:
                case "latency":
                    await asyncio.sleep(settings.seconds)
                case "hold":
                    await fault.hold()
                case "drop":
                    answer = _NO_ANSWER
                case "throttle" | "status":
                    failure = Failure(
                        status=settings.status or 429,
                        code=settings.code,
                        message=settings.message,
                        retry_after=settings.retryAfter,
                    )
                    answer = service.failed(request, failure)
                case "stale" | "rewrite":
                    continue
        return answer

    def _handle(self, service: Service, request: Request, *, stale: bool) -> Answer:
        self.replication.stale = stale
        try:
            return service.handle(request)
        except Exception:
            _logger.exception("The simulated %s failed on %s %s", service.name, request.method, request.path)
            return service.failed(request, Failure(status=500))
        finally:
            self.replication.stale = False
            self.database.commit()


def _rewritten(answer: Answer, struck: list[Fault]) -> Answer:
    """An answer with the values of the faults that rewrite it."""
    rewriting = [fault.settings for fault in struck if fault.settings.kind == "rewrite"]
    if not rewriting or answer.body is None:
        return answer
    text = answer.encoded().decode()
    for settings in rewriting:
        text = settings.rewritten(text)
    headers = {**answer.headers, "Content-Type": "application/json; charset=utf-8"}
    return replace(answer, body=None, text=text, headers=headers)
