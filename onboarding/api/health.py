"""``/api/health``: sends a probe to each dependency. It is open to monitors, so it shows few details.

A result is kept for some seconds: many callers cause no more probes than one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from onboarding.api.documents import Document
from onboarding.api.endpoint import OPEN, Call, Reply, endpoint
from onboarding.api.reading import Query
from onboarding.storage import names
from onboarding.storage.queues import Queues
from onboarding.storage.tables import Tables

if TYPE_CHECKING:
    from onboarding.cloud.clouds import Clouds

log = logging.getLogger(__name__)

Ping = Callable[[], Awaitable[object]]

_KEPT: Final = 5.0  # seconds
_LONGEST: Final = 10.0  # seconds that one probe may take


class Health(Document):
    """The health of the deployment."""

    status: Annotated[str, Field(description="ok, or failing if one check fails.")]
    checks: Annotated[dict[str, str], Field(description="ok or failing, by dependency.")]


class HealthResource:
    """The endpoint."""

    def __init__(self, pings: Mapping[str, Ping]) -> None:
        self._pings = pings
        self._lock = asyncio.Lock()
        self._checked_at = float("-inf")
        self._checks: Mapping[str, str] = {}

    @endpoint(
        "GET /health",
        name="get_health",
        roles=OPEN,
        answers={200: Health, 503: Health},
        headers={503: ("Retry-After",)},
    )
    async def get(self, _: Call[Query, None]) -> Reply:
        """Check each dependency of the service."""
        async with self._lock:
            if time.monotonic() - self._checked_at > _KEPT:
                results = await asyncio.gather(*(_ping(name, ping) for name, ping in self._pings.items()))
                self._checks = dict(zip(self._pings, results, strict=True))
                self._checked_at = time.monotonic()
            checks = self._checks
        healthy = set(checks.values()) == {"ok"}
        return Reply(
            content=Health(status="ok" if healthy else "failing", checks=checks),
            status=HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE,
            headers={} if healthy else {"Retry-After": "10"},
        )


def pings(
    *, tables: Tables, queues: Queues, login: Ping, clouds: Callable[[], Clouds], home_tenant: str
) -> Mapping[str, Ping]:
    """The probe of each dependency. ``clouds`` makes the clients of the cloud."""
    return {
        "tables": lambda: tables.get(names.CONNECTIONS, "ping", "ping"),
        "queues": lambda: queues.ping(names.STEPS_QUEUE),
        "login": login,
        "graph": lambda: clouds().directory(home_tenant).ping(),
        "resourceManager": lambda: clouds().ping_resource_manager(),
        "keyVault": lambda: clouds().vault.stored("ping"),
    }


async def _ping(name: str, ping: Ping) -> str:
    try:
        async with asyncio.timeout(_LONGEST):
            await ping()
    except Exception as error:  # noqa: BLE001 - in any case the dependency does not work
        log.warning("%s does not answer: %s", name, type(error).__name__)
        return "failing"
    return "ok"
