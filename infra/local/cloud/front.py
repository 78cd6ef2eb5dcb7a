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

from aiohttp import web

from infra.local.cloud.collection import Replication
from infra.local.cloud.database import Database
from infra.local.cloud.faults import Fault, Faults
from infra.local.cloud.messages import Answer, Failure, JsonObject, Request, Service

_logger = logging.getLogger(__name__)

_REMEMBERED_CALLS: Final = 200_000
_NO_ANSWER: Final = Answer(status=503)
"""Stands for closing the connection without a word."""


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


@dataclass(slots=True)
class Calls:
    """The served requests, oldest first, without bodies and tokens."""

    entries: deque[tuple[str, str, str, int | None, float, str, str, float]] = field(
        default_factory=lambda: deque(maxlen=_REMEMBERED_CALLS)
    )

    def record(self, service: str, request: Request, status: int | None, started: float) -> None:
        """Store one call; ``status`` is None if the caller got no answer."""
        self.entries.append(
            (
                service,
                request.method,
                request.target,
                status,
                started,
                request.headers.get("client-request-id")
                or request.headers.get("x-ms-client-request-id")
                or "",
                request.id,
                time.time() - started,
            )
        )

    def record_batch(self, service: str, request: Request, answer: Answer, started: float) -> None:
        """Store the requests inside a batch, each as a call of its own."""
        if not request.path.endswith("/$batch") or answer.body is None:
            return
        statuses = {each["id"]: each["status"] for each in answer.body.get("responses", ())}
        base = request.path.removesuffix("/$batch")
        for step in json.loads(request.body)["requests"] if statuses else ():
            inner = replace(request, method=step["method"], target=f"{base}/{step['url'].lstrip('/')}")
            self.record(service, inner, statuses.get(str(step["id"])), started)

    def bodies(self, service: str | None) -> list[JsonObject]:
        """As ``GET /calls`` shows them."""
        names = ("service", "method", "path", "status", "at", "clientRequestId", "requestId", "seconds")
        chosen = (entry for entry in self.entries if service in (None, entry[0]))
        return [
            dict(zip(names, entry, strict=True)) | {"at": datetime.fromtimestamp(entry[4], UTC).isoformat()}
            for entry in chosen
        ]


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
        dropped = answer is _NO_ANSWER
        self.calls.record(service.name, request, None if dropped else answer.status, started)
        self.calls.record_batch(service.name, request, answer, started)
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
                case "stale":
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
