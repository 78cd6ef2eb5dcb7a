"""The name of a connection belongs to one onboarding from the moment when its request is accepted.

Otherwise two requests for one name both run, and the slower one fails in its last step, with applications
and a client secret that no connection has. The rule is that of the last step: the tenant and the name, in any
case.

A reservation is a row that names an onboarding. It counts while that onboarding is in progress, or while
something that it created still exists. Nothing has to remove it: the status of the onboarding decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onboarding.clock import Clock
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import key_of
from onboarding.lifecycle.plans import PLANS
from onboarding.lifecycle.remains import leaves_something
from onboarding.lifecycle.requests import TENANT
from onboarding.storage import names
from onboarding.storage.codec import Codec, renamed
from onboarding.storage.tables import ConflictError, Row, Tables, Write
from onboarding.storage.unreadable_rows import load, single
from onboarding.words.word import Word
from onboarding.workflow.run import Run, RunStatus
from onboarding.workflow.runtime import Runtime

_ACCEPTING: Final = timedelta(minutes=6)
"""How long a request can take to be accepted: the host ends an invocation after five minutes
(``functionTimeout`` in host.json).
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """Which onboarding has a name."""

    onboarding: str
    requester: str
    at: datetime
    retrying: bool = False  # an onboarding that failed is about to continue


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """The onboarding, or the connection, that has a name."""

    requester: str
    onboarding: str
    connection: str = ""


CODEC: Final = Codec(Reservation, upgrades={1: renamed(resuming="retrying")})


def _reservation(row: Row) -> Reservation:
    return load(CODEC, row)


class NameReservations:
    """The names of connections, by tenant. The rows share the table of the connections."""

    def __init__(
        self, tables: Tables, *, onboardings: Runtime, connections: ConnectionStore, clock: Clock
    ) -> None:
        self._tables = tables
        self._onboardings = onboardings
        self._connections = connections
        self._clock = clock

    async def holder(self, tenant: str, name: Word, onboarding: str = "") -> Holder | None:
        """The connection, or another onboarding, that has a name; None if it is free."""
        connection = await self._connections.get(f"{tenant}.{key_of(name)}")
        if connection and connection.onboarding != onboarding:
            return Holder(
                requester=connection.requester, onboarding=connection.onboarding, connection=connection.id
            )
        row = await self._row(tenant, name)
        found = await single(self._tables, row, _reservation) if row else None
        if found and found.onboarding != onboarding and await self._counts(found, tenant, name):
            return Holder(requester=found.requester, onboarding=found.onboarding)
        return None

    async def reserve(
        self, tenant: str, name: Word, onboarding: str, requester: str, *, retrying: bool = False
    ) -> Holder | None:
        """Reserves a name for an onboarding; safe to repeat. Returns who has it if that is somebody else."""
        while True:
            row = await self._row(tenant, name)
            if found := await self.holder(tenant, name, onboarding):
                return found
            wanted = Reservation(
                onboarding=onboarding, requester=requester, at=self._clock.now(), retrying=retrying
            )
            document = {"document": CODEC.dump(wanted)}
            key = Row(partition=_of(tenant), key=key_of(name), columns=document, etag=row.etag if row else "")
            try:
                await self._tables.write(names.CONNECTIONS, key, Write.UPDATE if row else Write.INSERT)
            except ConflictError:
                continue
            return None

    async def release(self, tenant: str, name: Word, onboarding: str) -> None:
        """Releases a name if the onboarding that has it does not exist."""
        row = await self._row(tenant, name)
        if row and (await single(self._tables, row, _reservation)).onboarding == onboarding:
            try:
                await self._tables.write(names.CONNECTIONS, row, Write.DELETE)
            except ConflictError:
                return

    async def _row(self, tenant: str, name: Word) -> Row | None:
        return await self._tables.get(names.CONNECTIONS, _of(tenant), key_of(name))

    async def _counts(self, found: Reservation, tenant: str, name: Word) -> bool:
        """Whether a reservation of another onboarding counts."""
        run = await self._onboardings.load(found.onboarding)
        fresh = found.at > self._clock.now() - _ACCEPTING
        if run is None:
            return fresh
        if fresh and found.retrying and self._onboardings.status(run) is RunStatus.FAILED:
            return True
        return _has(run, tenant, name) and self._is_alive(run)

    def _is_alive(self, run: Run) -> bool:
        status = self._onboardings.status(run)
        return not status.final or (status is RunStatus.FAILED and leaves_something(run))


def _has(run: Run, tenant: str, name: Word) -> bool:
    """Whether a run is for this name: a request for another name can have the same ID."""
    own = PLANS[run.head.plan].request_of(run.head).name
    return run.head.lists[TENANT] == tenant and key_of(own) == key_of(name)


def _of(tenant: str) -> str:
    return f"~name:{tenant}"
