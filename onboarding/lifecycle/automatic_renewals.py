"""Begins renewals: one that an operator asks for, or all that come of themselves when an end is near."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from onboarding.clock import Clock
from onboarding.cmg.renewal_request import RenewalRequest
from onboarding.connections.cadence import SECRET
from onboarding.connections.calendar import Calendar
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection, ConnectionState
from onboarding.lifecycle.renewal_steps import RENEW
from onboarding.lifecycle.requests import Asker, Renewal
from onboarding.storage import keys
from onboarding.workflow.run import Head
from onboarding.workflow.runtime import Runtime


def identifier(connection: Connection, previous: str = "") -> str:
    """The id of the renewal of a connection's present secret.

    It is the same for requests that meet, and another one after a renewal, after one (``previous``) that
    failed, and for a connection of the same name that was onboarded anew with the same imported secret.
    """
    return keys.derived_id(RENEW.name, connection.onboarding, connection.secret.key_id, previous)


def head(
    connection: Connection, renewal: Renewal, *, now: datetime, previous: str = "", asker: Asker | None = None
) -> Head:
    """The head of a renewal that is about to begin."""
    asker = asker or Asker()
    return RENEW.head(
        identifier(connection, previous),
        renewal,
        actor=asker.name,
        created_at=now,
        lists=asker.lists(connection.tenant),
        traceparent=asker.traceparent,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class AutomaticRenewals:
    """Renews the secrets that end soon, where a deployment wants that."""

    calendar: Calendar
    connections: ConnectionStore
    operations: Runtime
    clock: Clock
    days: int  # before the end; 0: nothing is renewed unasked
    time_limit_days: int

    async def run(self) -> int:
        """Begins what is due; returns how many. For each secret one begins, however often this runs.

        It reads the secrets that end within the days, so its cost does not grow with those that do not.
        """
        begun = 0
        if self.days:
            async for connection in self._due():
                renewal = Renewal.of(connection, RenewalRequest(), time_limit_days=self.time_limit_days)
                existing = await self.operations.start(head(connection, renewal, now=self.clock.now()))
                begun += existing is None
        return begun

    async def _due(self) -> AsyncIterator[Connection]:
        until = self.clock.now() + timedelta(days=self.days)
        async for entry in self.calendar.scan(since=None, until=until):
            connection = await self.connections.get(entry.connection) if entry.kind == SECRET else None
            if connection and connection.secret.ends_at == entry.ends_at and _renews_itself(connection):
                yield connection


def _renews_itself(connection: Connection) -> bool:
    """Whether the secret is ours to renew, and nobody is at it; one that failed is left to the operators."""
    active = connection.state is ConnectionState.ACTIVE
    return active and not connection.renewal and not connection.imports_server_app
