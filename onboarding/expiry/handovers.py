"""An onboarding ends at the site: people confirm that it is connected, and are reminded until they do."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from onboarding.clock import Clock
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.handover import Confirmation, ConfirmationWay, Handover, HandoverState
from onboarding.connections.records import Connection, ConnectionState
from onboarding.connections.site_waits import SiteWait, SiteWaits
from onboarding.notices import handover_notices
from onboarding.notices.announcing import Notices
from onboarding.workflow.run import Author, Event
from onboarding.workflow.run_store import RunStore

log = logging.getLogger(__name__)


class Handovers:
    """Records confirmations."""

    def __init__(
        self, *, connections: ConnectionStore, audit: RunStore, notices: Notices, clock: Clock
    ) -> None:
        self._connections = connections
        self._audit = audit
        self._notices = notices
        self._clock = clock

    async def confirm(
        self, connection: Connection, author: Author, way: ConfirmationWay
    ) -> Connection | None:
        """Records that the site is connected. Only the first confirmation has an effect.

        Returns the connection; None if it has been replaced in the meantime, or is being removed without a
        confirmation. After a failure the caller repeats it: the event and the notice are those of the first
        confirmation.
        """
        given = Confirmation(
            at=self._clock.now(), by=author.name, by_id=author.id, way=way, on_behalf_of=author.on_behalf_of
        )

        def change(found: Connection) -> Connection | None:
            known = found.handover or Handover(since=found.created_at)
            another = found.onboarding != connection.onboarding or found.state is not ConnectionState.ACTIVE
            if another or known.confirmation:
                return None
            return found.evolve(handover=replace(known, confirmation=given))

        kept = await self._connections.change(connection.id, change)
        if kept is None or kept.onboarding != connection.onboarding:
            return None
        confirmation = kept.handover.confirmation if kept.handover else None
        if confirmation is None:
            return None
        first = Author(name=confirmation.by, id=confirmation.by_id, on_behalf_of=confirmation.on_behalf_of)
        event = Event.by(first, run=kept.onboarding, at=confirmation.at, kind="handover-confirmed")
        await self._audit.commit([], [event])
        await self._notices.announce(handover_notices.confirmed(kept), kept)
        return kept


_AHEAD: Final = timedelta(minutes=5)
"""The time by which the clocks of two instances can differ."""


class HandoverReminders:
    """What the timer runs."""

    def __init__(
        self,
        *,
        waits: SiteWaits,
        connections: ConnectionStore,
        notices: Notices,
        clock: Clock,
        days: Sequence[int],
    ) -> None:
        """``days`` are the days after the onboarding on which people are reminded.

        There are no other reminders.
        """
        self._waits = waits
        self._connections = connections
        self._notices = notices
        self._clock = clock
        self._days = days

    async def run(self) -> int:
        """Announces the reminders that are due, one for each connection; returns the number.

        A failure does not affect the others: it is raised at the end, and its reminder stays due.
        """
        announced, failures = 0, list[Exception]()
        async for wait in self._waits.all():
            try:
                if wait.since > self._clock.now() + _AHEAD:
                    await self._correct(wait)
                elif self._due(wait) > wait.reminded:
                    announced += await self._remind(wait)
            except Exception as error:
                log.exception("the site of %s could not be reminded", wait.connection)
                failures.append(error)
        if failures:
            raise failures[0]
        return announced

    async def _correct(self, wait: SiteWait) -> None:
        """Starts a wait now if its start is in the future, because a clock was ahead."""
        now = self._clock.now()

        def change(found: Connection) -> Connection | None:
            known = found.handover or Handover(since=found.created_at)
            return found.evolve(handover=replace(known, since=min(known.since, now)))

        if await self._connections.change(wait.connection, change):
            await self._waits.put(replace(wait, since=now))

    def _due(self, wait: SiteWait) -> int:
        """How many reminders are due by now. The last one replaces those that were missed."""
        now = self._clock.now()
        return sum(wait.since + timedelta(days=days) <= now for days in self._days)

    async def _remind(self, wait: SiteWait) -> int:
        connection, number = await self._connections.get(wait.connection), self._due(wait)
        if connection is None or connection.handover_state is not HandoverState.WAITING:
            await self._waits.remove(wait.connection)
            return 0
        if connection.handover and connection.handover.since != wait.since:
            await self._waits.begin(connection)  # another connection with this name
            return 0
        due = wait.since + timedelta(days=self._days[number - 1])
        reminder = handover_notices.waits(connection, due, number, last=number == len(self._days))
        await self._notices.announce(reminder, connection)
        await self._waits.put(replace(wait, reminded=number))
        return 1
