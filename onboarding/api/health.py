"""``/api/health``: asks each dependency for a sign of life. Open to monitors, so it tells little.

A probe is remembered for some seconds: many callers cause no more calls than one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

import azure.functions as func

from onboarding.api.callers import Caller
from onboarding.api.front import answer

log = logging.getLogger(__name__)

Ping = Callable[[], Awaitable[object]]

_REMEMBERED: Final = 5.0  # seconds
_LONGEST: Final = 10.0  # seconds that one ping may take


class Health:
    """The endpoint."""

    def __init__(self, pings: Callable[[], Mapping[str, Ping]]) -> None:
        """``pings`` makes the probes by the names of what they probe, when health is first asked for."""
        self._make = pings
        self._pings: Mapping[str, Ping] = {}
        self._lock = asyncio.Lock()
        self._checked_at = float("-inf")
        self._checks: dict[str, str] = {}

    async def get(self, _request: func.HttpRequest, _caller: Caller) -> func.HttpResponse:
        """200 when everything answers, 503 when something does not; either way which."""
        async with self._lock:
            if time.monotonic() - self._checked_at > _REMEMBERED:
                self._pings = self._pings or self._make()
                results = await asyncio.gather(*(_ping(name, ping) for name, ping in self._pings.items()))
                self._checks = dict(zip(self._pings, results, strict=True))
                self._checked_at = time.monotonic()
            checks = self._checks
        healthy = set(checks.values()) == {"ok"}
        document = {"status": "ok" if healthy else "failing", "checks": checks}
        return answer(document, HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE)


async def _ping(name: str, ping: Ping) -> str:
    try:
        async with asyncio.timeout(_LONGEST):
            await ping()
    except Exception as error:  # noqa: BLE001 - whatever it is, the dependency is not well
        log.warning("%s does not answer: %s", name, type(error).__name__)
        return "failing"
    return "ok"
