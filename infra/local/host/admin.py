"""The host's own endpoints, for the machine it runs on.

``POST /admin/functions/{name}`` and ``GET /admin/functions``, ``/admin/host/status`` are Azure's
(learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http), without its master key, since
the host listens on the loopback address only. ``/admin/host/clock`` is this host's own.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from infra.local.host import messages
from infra.local.host.clock import Clock
from infra.local.host.functions import Function, HttpTrigger
from infra.local.host.invocation import Invoker
from infra.local.host.log import logger
from infra.local.host.timers import TimerLoop


class Admin:
    """Answers below ``/admin``."""

    def __init__(
        self,
        functions: Iterable[Function],
        timers: Mapping[str, TimerLoop],
        clock: Clock,
        invoker: Invoker,
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._timers = timers
        self._clock = clock
        self._invoker = invoker
        self._started = time.monotonic()
        self.running: set[asyncio.Task[None]] = set()
        """The functions that were started manually and have not ended."""

    def routes(self) -> list[web.RouteDef]:
        """What to serve."""
        return [
            web.get("/admin/functions", self._list),
            web.get("/admin/functions/{name}", self._show),
            web.post("/admin/functions/{name}", self._fire),
            web.get("/admin/host/status", self._status),
            web.get("/admin/host/clock", self._clock_now),
            web.put("/admin/host/clock", self._set_clock),
            web.delete("/admin/host/clock", self._reset_clock),
        ]

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response([_described(function) for function in self._functions.values()])

    async def _show(self, request: web.Request) -> web.Response:
        function = self._functions.get(request.match_info["name"].lower())
        return web.Response(status=404) if function is None else web.json_response(_described(function))

    async def _fire(self, request: web.Request) -> web.Response:
        function = self._functions.get(request.match_info["name"].lower())
        if function is None:
            return web.Response(status=404)
        if isinstance(function.trigger, HttpTrigger):
            return _refusal(f"{function.name} has an HTTP trigger: call its route")
        try:
            text = await request.text()
            document = (await request.json()) if text.strip() else {}
            given = document.get("input", "")
        except (ValueError, AttributeError):
            return _refusal('the body must be JSON, such as {"input": "..."}')
        task = asyncio.create_task(self._run(function, given if isinstance(given, str) else text))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return web.Response(status=202)

    async def _run(self, function: Function, given: str) -> None:
        timer = self._timers.get(function.name)
        if timer is not None:
            await timer.fire_now()
            return
        now = datetime.now(UTC)
        message = messages.argument(
            identifier=str(uuid.uuid4()),
            body=given,
            dequeue_count=1,
            inserted=now,
            expires=now + timedelta(days=7),
            visible=now,
            receipt="",
        )
        try:
            await self._invoker.run(function, message, reason="by hand")
        except Exception:  # noqa: BLE001 - whatever the function raised; the trace is in the log
            logger.warning("%s failed; it was started manually, so it is not retried", function.name)

    async def _status(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "state": "Running",
                "processId": os.getpid(),
                "processUptime": round((time.monotonic() - self._started) * 1000),
                "functions": len(self._functions),
                "running": self._invoker.running,
            }
        )

    async def _clock_now(self, _: web.Request) -> web.Response:
        return web.json_response({"now": self._clock.now().isoformat(), "offset": self._clock.offset})

    async def _set_clock(self, request: web.Request) -> web.Response:
        try:
            offset = _offset(await request.json(), self._clock)
            self._clock.set_offset(offset)
        except (ValueError, TypeError, OverflowError) as error:
            return _refusal(str(error))
        return await self._clock_now(request)

    async def _reset_clock(self, request: web.Request) -> web.Response:
        self._clock.reset()
        return await self._clock_now(request)


def _offset(document: Any, clock: Clock) -> float:
    match document:
        case {"now": str(text)}:
            wanted = datetime.fromisoformat(text)
            if wanted.tzinfo is None:
                raise ValueError("the time needs an offset, such as Z")
            offset = (wanted - datetime.now(UTC)).total_seconds()
        case {"advance": int() | float() as seconds}:
            offset = clock.offset + seconds
        case _:
            raise ValueError('the body must be {"now": "2026-01-31T12:00:00Z"} or {"advance": 3600}')
    datetime.now(UTC) + timedelta(seconds=offset)
    return offset


def _described(function: Function) -> dict[str, Any]:
    return {"name": function.name, "config": function.bindings}


def _refusal(message: str) -> web.Response:
    return web.json_response({"error": {"code": "BadRequest", "message": message}}, status=400)
