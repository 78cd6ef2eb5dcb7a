"""Closes the matters that ended without an event of their own, whatever ended them.

An operator dismissed it, a person moved a date in the directory or took back a change, a renewal was
cancelled, a record was removed: what is recorded decides, not the way to it. It runs with a timer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, cast

from onboarding.connections.cadence import SECRET, Cadence, ExpirationState
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.handover import HandoverState
from onboarding.connections.records import Connection
from onboarding.errors import OnboardingError
from onboarding.notices import changes, channel_notices, event_keys
from onboarding.notices.about import About
from onboarding.notices.announcing import Notices
from onboarding.notices.channel_states import ChannelState, ChannelStates
from onboarding.notices.event_keys import Subject
from onboarding.notices.open_matters import ClosingReason, Matter, OpenMatters
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.workflow.run import RunStatus
from onboarding.workflow.runtime import Runtime

log = logging.getLogger(__name__)

_AT_ONCE: Final = 16
"""Matters that are checked at the same time, because each mostly waits for storage."""


class MatterWatch:
    """What the timer runs."""

    def __init__(
        self,
        *,
        matters: OpenMatters,
        notices: Notices,
        connections: ConnectionStore,
        cadence: Cadence,
        runs: Mapping[str, Runtime],
        states: ChannelStates,
        channels: Callable[[], Awaitable[Sequence[str]]],
    ) -> None:
        """``runs`` are by the first part of their path; ``channels`` returns the names of all channels."""
        self._matters = matters
        self._notices = notices
        self._connections = connections
        self._cadence = cadence
        self._runs = runs
        self._states = states
        self._channels = channels

    async def sweep(self) -> int:
        """Closes what has ended; returns how many matters that were.

        A matter whose records cannot be read stays open. A failure with one does not stop the others: the
        first one is raised at the end.
        """
        slots = asyncio.Semaphore(_AT_ONCE)
        found = [matter async for matter in self._matters.all()]
        results = await asyncio.gather(
            *(self._look(matter, slots) for matter in found), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return sum(cast("bool", result) for result in results)

    async def _look(self, matter: Matter, slots: asyncio.Semaphore) -> bool:
        """Whether a matter has ended. This is announced before it is forgotten; a repetition has one ID."""
        async with slots:
            try:
                end = await self._end(matter)
            except (UnreadableRowError, OnboardingError):
                return False
            except Exception:
                log.exception("the open matter %s could not be looked at", matter.key)
                raise
            if end is None:
                return False
            if matter.about:
                notice = changes.closed(matter.about, matter, end, self._states.now())
                await self._notices.tell(notice, subscribers_only=matter.subscribers_only)
            else:
                state = await self._states.get(matter.channel)
                gone = end is ClosingReason.REMOVED
                await self._notices.about_channel(channel_notices.works(state, matter.at, gone=gone))
            await self._matters.end(matter)
            return True

    async def _end(self, matter: Matter) -> ClosingReason | None:
        """How a matter has ended; None if it is open. Raises ``UnreadableRowError``."""
        about = matter.about
        if about is None:
            return await self._of_channel(matter)
        if matter.subject is Subject.RUN:
            return await self._of_run(matter, about)
        found = await self._connections.get(about.connection)
        connection = found if found and found.onboarding == about.onboarding else None
        if matter.subject is Subject.DIFFERENCE:
            return await self._of_difference(matter, about, connection)
        if connection is None:
            return ClosingReason.REMOVED
        if matter.subject is Subject.HANDOVER:
            return None if connection.handover_state is HandoverState.WAITING else ClosingReason.OVER
        return None if self._is_due(connection, matter.expiration) else ClosingReason.OVER

    async def _of_channel(self, matter: Matter) -> ClosingReason | None:
        if matter.channel not in await self._channels():
            return ClosingReason.REMOVED
        state = await self._states.get(matter.channel)
        return ClosingReason.OVER if state.state is ChannelState.WORKING and not state.told else None

    async def _of_run(self, matter: Matter, about: About) -> ClosingReason | None:
        """The end of a run. One that failed, or waits with an error, can be dismissed."""
        runs = self._runs[matter.path.split("/")[1]]
        run = await runs.load(matter.run)
        if run is None:
            return ClosingReason.REMOVED
        match runs.status(run):
            case RunStatus.FAILED:
                is_operation = about.onboarding != run.head.id
                if is_operation and await self._is_gone(about):
                    return ClosingReason.REMOVED
                return None if await runs.index.is_marked(run.head) else ClosingReason.DISMISSED
            case status if status.final:
                return ClosingReason.OVER
        blocked = await runs.index.blocked.of_run(run.head.id)
        return ClosingReason.DISMISSED if blocked and all(step.dismissed for step in blocked) else None

    async def _is_gone(self, about: About) -> bool:
        found = await self._connections.get(about.connection)
        return found is None or found.onboarding != about.onboarding

    async def _of_difference(
        self, matter: Matter, about: About, connection: Connection | None
    ) -> ClosingReason | None:
        """The end of a fact: none of the affected connections has it any longer."""
        known = connection.differences.get(matter.difference) if connection else None
        if known and known.dismissed is None:
            return None
        differences = [
            difference
            for other in await self._connections.of_tenant(about.tenant)
            for difference in other.differences.values()
            if event_keys.of_difference(other, difference) == matter.key
        ]
        if any(difference.dismissed is None for difference in differences):
            return None
        if differences:
            return ClosingReason.DISMISSED
        return ClosingReason.OVER if connection else ClosingReason.REMOVED

    def _is_due(self, connection: Connection, kind: str) -> bool:
        """Whether people are warned of an expiration, or a new secret waits to be entered."""
        if kind == SECRET and connection.pending:
            return True
        end, now = connection.expirations.get(kind), self._states.now()
        return end is not None and self._cadence.state(end, now) is not ExpirationState.OK
