"""Instances of the function app in the process of the test, with their callers and their clock."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from onboarding.api.callers import OPERATE_ROLE, REQUEST_ROLE, Caller
from onboarding.api.problems import ProblemError
from onboarding.audit.trail import Trail
from onboarding.clock import Clock
from onboarding.cloud.clouds import Clouds
from onboarding.errors import requests
from onboarding.parts.process import Parts
from onboarding.parts.stores import Stores
from onboarding.service import Service
from onboarding.settings import Settings
from onboarding.shared import Shared
from onboarding.storage import names
from onboarding.storage.ledgers import Ledgers
from onboarding.storage.queues import Queues
from onboarding.storage.tables import Tables
from onboarding.timers import Timers
from tests.interleavings.clients import InProcessClouds
from tests.interleavings.cloud import InProcessCloud
from tests.support.memory import MemoryTables
from tests.support.memory_ledgers import MemoryLedgers

OPERATOR: Final = Caller(id="operator-1", name="operator", roles=(OPERATE_ROLE,))
REQUESTER: Final = Caller(id="requester-1", name="requester", roles=(REQUEST_ROLE,))
OTHER: Final = Caller(id="requester-2", name="other", roles=(REQUEST_ROLE,))
_CALLERS: Final = {caller.name: caller for caller in (OPERATOR, REQUESTER, OTHER)}
_TICK: Final = timedelta(milliseconds=1)


class HandClock:
    """A clock that a test moves; it advances at each read, so that no two times are the same."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)

    def now(self) -> datetime:
        """The current time."""
        self.at += _TICK
        return self.at


class _Callers:
    """Knows a caller by a name in place of a token."""

    async def identify(self, authorization: str | None, allowed: Sequence[str]) -> Caller:
        caller = _CALLERS[str(authorization)]
        if not set(allowed) & set(caller.roles):
            raise ProblemError(requests.ROLE_MISSING, roles=", ".join(allowed))
        return caller


class _HostStores(Stores):
    """The stores that all hosts have in the same storage."""

    def __init__(self, settings: Settings, storage: tuple[Tables, Queues, Ledgers], clock: Clock) -> None:
        super().__init__(settings, clock)
        self._given = storage

    @functools.cached_property
    def tables(self) -> Tables:
        return self._given[0]

    @functools.cached_property
    def queues(self) -> Queues:
        return self._given[1]

    @functools.cached_property
    def ledgers(self) -> Ledgers:
        return self._given[2]

    @functools.cached_property
    def trail(self) -> Trail:
        """The audit trail has its own storage, so its calls are not part of the explored orders."""
        tables = MemoryTables()
        tables.create(names.AUDIT)
        return Trail(tables=tables, ledgers=MemoryLedgers())


class _HostParts(Parts):
    """The parts of one host."""

    def __init__(
        self,
        settings: Settings,
        storage: tuple[Tables, Queues, Ledgers],
        clock: Clock,
        cloud: InProcessCloud,
    ) -> None:
        super().__init__(settings)
        self._given = storage, clock
        self._cloud = cloud

    @functools.cached_property
    def clock(self) -> Clock:
        return self._given[1]

    @functools.cached_property
    def stores(self) -> Stores:
        return _HostStores(self.settings, *self._given)

    @functools.cached_property
    def clouds(self) -> Clouds:
        return InProcessClouds(self._cloud)


class _HostShared(Shared):
    """What the resources of the API share."""

    @functools.cached_property
    def callers(self) -> Any:
        return _Callers()


class Host:
    """One instance of the function app."""

    def __init__(
        self,
        settings: Settings,
        storage: tuple[Tables, Queues, Ledgers],
        clock: Clock,
        cloud: InProcessCloud,
    ) -> None:
        self.parts = _HostParts(settings, storage, clock, cloud)
        self.service = Service(self.parts, _HostShared(self.parts))
        self.timers = Timers(self.parts)
