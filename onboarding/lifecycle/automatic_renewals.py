"""Starts renewals: one that an operator requests, or all that are due automatically."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from onboarding.clock import Clock
from onboarding.cmg.renewal_request import RenewalRequest
from onboarding.connections.cadence import SECRET
from onboarding.connections.calendar import Calendar
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import SERVER_APP_DELETED, Connection, ConnectionState
from onboarding.lifecycle.renewal_steps import RENEW
from onboarding.lifecycle.requests import Asker, Renewal
from onboarding.storage import keys
from onboarding.storage.periodic_jobs import Tally
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.workflow.run import Head
from onboarding.workflow.runtime import Runtime


def identifier(connection: Connection, previous: str = "") -> str:
    """The ID of the renewal of a connection's current secret.

    Simultaneous requests have the same ID. The ID differs after a renewal, after a failed renewal
    (``previous``), and for a connection of the same name that was onboarded again with the same imported
    secret.
    """
    return keys.derived_id(RENEW.name, connection.onboarding, connection.secret.key_id, previous)


def head(
    connection: Connection, renewal: Renewal, *, now: datetime, previous: str = "", asker: Asker | None = None
) -> Head:
    """The head of a new renewal."""
    asker = asker or Asker()
    return RENEW.head(
        identifier(connection, previous),
        renewal,
        author=asker.author,
        created_at=now,
        lists=asker.lists_of(
            connection.tenant,
            owner=connection.requester,
            onboarding=connection.onboarding,
            connection=connection.id,
        ),
        traceparent=asker.traceparent,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class AutomaticRenewals:
    """Renews the secrets that expire soon, if the settings of the deployment require it."""

    calendar: Calendar
    connections: ConnectionStore
    operations: Runtime
    clock: Clock
    days: int  # before the expiration; 0: no automatic renewals
    time_limit_days: int

    async def run(self) -> Tally:
        """Starts the renewals that are due, one for each secret; returns their number. Safe to repeat.

        A renewal that cannot be read does not affect the others: it is kept in the index of unreadable rows.

        It reads only the secrets that expire within these days, so the others cost nothing.
        """
        found, begun = 0, 0
        if self.days:
            async for connection in self._due():
                renewal = Renewal.of(connection, RenewalRequest(), time_limit_days=self.time_limit_days)
                found += 1
                try:
                    existing = await self.operations.start(head(connection, renewal, now=self.clock.now()))
                except UnreadableRowError as error:
                    await self.operations.store.note(error)
                    continue
                begun += existing is None
        return Tally(found=found, done=begun)

    async def _due(self) -> AsyncIterator[Connection]:
        until = self.clock.now() + timedelta(days=self.days)
        async for entry in self.calendar.scan(since=None, until=until):
            for connection, kind in await self.connections.expiring([entry]):
                if kind == SECRET and _renews_itself(connection):
                    yield connection


def _renews_itself(connection: Connection) -> bool:
    """Whether the service may renew the secret. After a failed renewal, operators decide."""
    active = connection.state is ConnectionState.ACTIVE
    deleted = connection.lost is not None and connection.lost.difference == SERVER_APP_DELETED
    return active and not deleted and not connection.renewal and not connection.imports_server_app
