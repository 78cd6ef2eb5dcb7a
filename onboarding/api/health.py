"""``/api/health``: sends a probe to each dependency, and checks the service's permissions there.

It is open to monitors, so it shows few details; the log has the reasons. A result is kept for a few seconds:
many callers cause no more probes than one. Permissions change rarely and cost more to check, so their results
are kept longer. ``checkedAt`` shows the age of each result. A probe of a write leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from onboarding.api.documents import CodeVersion, Document
from onboarding.api.endpoint import OPEN, Call, Reply, endpoint
from onboarding.api.reading import Query
from onboarding.clock import Clock
from onboarding.errors import OnboardingError, prerequisites
from onboarding.lifecycle.findings import WRITE_APPLICATIONS
from onboarding.recovery.epoch import Epoch
from onboarding.storage import names
from onboarding.storage.ledgers import Ledgers
from onboarding.storage.periodic_jobs import PeriodicJobs
from onboarding.storage.queues import Queues
from onboarding.storage.tables import Row, Tables, Write

if TYPE_CHECKING:
    from onboarding.cloud.clouds import Clouds

log = logging.getLogger(__name__)

Ping = Callable[[], Awaitable[object]]

_KEPT: Final = 5.0  # seconds
_RIGHTS_KEPT: Final = 60.0  # seconds
_OK: Final = "ok"
_FAILING: Final = "failing"
_ABSENT: Final = Row(partition="ping", key="ping", columns={})
"""A row that never exists: only a caller who may delete rows gets "not found" for its deletion."""

_LONGEST: Final = 10.0  # seconds that one probe may take


class Health(Document):
    """The health of the deployment."""

    status: Annotated[str, Field(description="ok, or failing if one check fails.")]
    checks: Annotated[
        dict[str, str],
        Field(
            description="ok or failing: each dependency, and the permissions that the service needs there."
        ),
    ]
    checked_at: Annotated[dict[str, datetime], Field(description="When each of them was checked.")]
    version: CodeVersion


@dataclass(frozen=True, kw_only=True, slots=True)
class _Result:
    """The result of a probe."""

    status: str
    at: datetime
    until: float  # of the monotonic clock


class HealthResource:
    """The endpoint."""

    def __init__(self, pings: Mapping[str, Ping], rights: Mapping[str, Ping], clock: Clock) -> None:
        """``rights`` are the probes of the service's permissions."""
        self._probes = {name: (ping, _KEPT) for name, ping in pings.items()}
        self._probes |= {name: (ping, _RIGHTS_KEPT) for name, ping in rights.items()}
        self._clock = clock
        self._lock = asyncio.Lock()
        self._results: dict[str, _Result] = {}

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
            now = time.monotonic()
            due = [
                name for name in self._probes if name not in self._results or self._results[name].until < now
            ]
            await asyncio.gather(*(self._check(name) for name in due))
            results = {name: self._results[name] for name in self._probes}
        healthy = all(result.status == _OK for result in results.values())
        return Reply(
            content=Health(
                status=_OK if healthy else _FAILING,
                checks={name: result.status for name, result in results.items()},
                checked_at={name: result.at for name, result in results.items()},
                version=CodeVersion.current(),
            ),
            status=HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE,
            headers={} if healthy else {"Retry-After": "10"},
        )

    async def _check(self, name: str) -> None:
        ping, kept = self._probes[name]
        status = await _ping(name, ping)
        kept = kept if status == _OK else _KEPT  # a corrected fault disappears soon
        until = time.monotonic() + kept
        self._results[name] = _Result(status=status, at=self._clock.now(), until=until)


def pings(
    *,
    tables: Tables,
    queues: Queues,
    ledgers: Ledgers,
    login: Ping,
    clouds: Callable[[], Clouds],
    home_tenant: str,
    epoch: Epoch,
) -> Mapping[str, Ping]:
    """The probe of each dependency, and whether the records are current.

    ``clouds`` makes the clients of the cloud.
    """
    return {
        "tables": lambda: tables.get(names.CONNECTIONS, "ping", "ping"),
        "queues": lambda: queues.ping(names.STEPS_QUEUE),
        "audit": ledgers.ping,
        "login": login,
        "graph": lambda: clouds().directory(home_tenant).ping(),
        "resourceManager": lambda: clouds().ping_resource_manager(),
        "keyVault": lambda: clouds().vault.stored("ping"),
        "jobs": PeriodicJobs(tables).need_punctual,
        "records": epoch.need_no_gap,
    }


def rights(
    *, tables: Tables, queues: Queues, ledgers: Ledgers, clouds: Callable[[], Clouds], home_tenant: str
) -> Mapping[str, Ping]:
    """The probes of what the service must be allowed to do. None of them changes anything."""

    async def applications() -> None:
        granted = await clouds().directory(home_tenant).graph.granted()
        if granted is not None and not WRITE_APPLICATIONS & granted:
            raise prerequisites.GRAPH_PERMISSION_MISSING.error()

    return {
        "tablesWrite": lambda: tables.write(names.CONNECTIONS, _ABSENT, Write.DELETE),
        "queuesWrite": lambda: queues.check_write(names.STEPS_QUEUE),
        "auditWrite": ledgers.check_write,
        "graphApplications": applications,
        "keyVaultWrite": lambda: clouds().vault.check_write(),  # noqa: PLW0108 - the clients are made then
    }


async def _ping(name: str, ping: Ping) -> str:
    try:
        async with asyncio.timeout(_LONGEST):
            await ping()
    except Exception as error:  # noqa: BLE001 - in any case the dependency does not work
        reason = error.code if isinstance(error, OnboardingError) else type(error).__name__
        log.warning("health: %s is failing: %s", name, reason)
        return _FAILING
    return _OK
