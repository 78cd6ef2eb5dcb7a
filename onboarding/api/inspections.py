"""``POST /api/connections/{id}/inspect``: inspect a connection now, for example after it was repaired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from onboarding.api.connection_documents import Connection
from onboarding.api.connections import Connections
from onboarding.api.endpoint import CLOUD_REFUSES, Call, endpoint
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Parameters
from onboarding.clock import Clock
from onboarding.connections import records
from onboarding.drift.inspection_step import SETTLED, is_old
from onboarding.errors import requests, steps

_PAUSE: Final = timedelta(minutes=1)
"""A more recent inspection than this is returned as the answer, so that no caller can use up a tenant's
calls.
"""


class InspectionsResource:
    """The endpoint."""

    def __init__(
        self,
        *,
        connections: Connections,
        inspect: Callable[[records.Connection], Awaitable[None]],
        clock: Clock,
    ) -> None:
        """``inspect`` inspects a connection and records what it finds."""
        self._connections = connections
        self._inspect = inspect
        self._clock = clock

    @endpoint(
        "POST /connections/{id}/inspect",
        name="inspect_connection",
        answers={200: Connection},
        problems=(
            requests.NOT_FOUND,
            requests.TOO_EARLY_TO_INSPECT,
            requests.CONNECTION_REMOVING,
            steps.STORAGE_RESTORED,
            steps.VAULT_RESTORED,
            CLOUD_REFUSES,
        ),
    )
    async def inspect(self, call: Call[Parameters, None]) -> Connection:
        """Inspect the directory and the subscription of a connection now."""
        found, now = await self._connections.find(call), self._clock.now()
        if not is_old(found, now):
            ready = found.created_at + SETTLED
            raise ProblemError(requests.TOO_EARLY_TO_INSPECT, name=found.name, ready=ready)
        if found.state is not records.ConnectionState.ACTIVE:
            raise ProblemError(requests.CONNECTION_REMOVING, name=found.name)
        last = found.inspected_at
        if last is None or not timedelta(0) <= now - last < _PAUSE:
            await self._inspect(found)
        return self._connections.document(await self._connections.find(call))
