"""What is known about each channel: whether it works, since when, and what it answered last.

Each channel has one row. An attempt to send is the only probe: deliveries, and tests that operators ask for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from onboarding.errors import OnboardingError
from onboarding.notices.channels.channel_faults import ChannelFault, fault_of
from onboarding.storage import keys, names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import ConflictError, Row, Tables, Write
from onboarding.storage.unreadable_rows import load, readable
from onboarding.workflow.outcomes import Failure

_PARTITION: Final = "channels"

_FRESH: Final = timedelta(minutes=5)
"""The age of the time of the last success after which it is written again."""


class ChannelState(StrEnum):
    """Whether a channel works."""

    UNKNOWN = "Unknown"  # nothing has been sent yet
    WORKING = "Working"
    FAILING = "Failing"  # what it does not accept is sent again
    ENDED = "Ended"  # the receiver no longer exists; it gets nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelRecord:
    """What is known about a channel."""

    name: str
    state: ChannelState = ChannelState.UNKNOWN
    since: datetime | None = None  # of the current state
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    fault: ChannelFault | None = None  # of the last failure; None while it works
    error: Failure | None = None
    told: bool = False  # the other channels were notified about the current or the last failure
    back: bool = False  # it works, or has another address: what waits for it is not on its way yet

    @property
    def fails(self) -> bool:
        """Whether it does not accept messages."""
        return self.state in {ChannelState.FAILING, ChannelState.ENDED}


CODEC: Final = Codec(ChannelRecord)


class ChannelStates:
    """The states of all channels."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def now(self) -> datetime:
        """The current time, for the states."""
        return self._tables.clock.now()

    async def get(self, name: str) -> ChannelRecord:
        """The state of a channel."""
        return (await self._read(name))[0]

    @asynccontextmanager
    async def watched(self, name: str, *, sends: bool = True) -> AsyncIterator[None]:
        """Records the result of an attempt to reach a channel: only a failure, unless it ``sends``."""
        try:
            yield
        except OnboardingError as error:
            if fault := fault_of(error):
                await self._failed(name, fault, Failure.of(error))
            raise
        if sends:
            await self._succeeded(name)

    async def change(self, name: str, change: Callable[[ChannelRecord], ChannelRecord]) -> ChannelRecord:
        """Changes the current state, and returns the new one."""
        while True:
            state, etag = await self._read(name)
            changed = change(state)
            if changed == state:
                return state
            columns = {"document": CODEC.dump(changed)}
            row = Row(partition=_PARTITION, key=keys.part(name), columns=columns, etag=etag)
            try:
                await self._tables.write(names.SERVICE, row, Write.UPDATE if etag else Write.INSERT)
            except ConflictError:
                continue
            return changed

    async def begin_again(self, name: str) -> None:
        """Records that a failing channel has another address: waiting notices are sent now.

        Whether it works there is not known yet, so others that were notified of the failure are not notified
        yet.
        """
        now = self.now()

        def change(state: ChannelRecord) -> ChannelRecord:
            if not state.fails:
                return state
            changes: dict[str, Any] = {
                "state": ChannelState.UNKNOWN,
                "since": now,
                "fault": None,
                "error": None,
            }
            return replace(state, **changes, back=True)

        await self.change(name, change)

    async def forget(self, name: str) -> None:
        """Removes what is known about a channel that no longer exists."""
        row = Row(partition=_PARTITION, key=keys.part(name))
        await self._tables.write(names.SERVICE, row, Write.DELETE)

    async def _succeeded(self, name: str) -> None:
        now = self._tables.clock.now()

        def change(state: ChannelRecord) -> ChannelRecord:
            last = state.last_success_at
            if state.state is ChannelState.WORKING:
                fresh = last is not None and timedelta(0) <= now - last < _FRESH
                return state if fresh else replace(state, last_success_at=now)
            changes: dict[str, Any] = {"state": ChannelState.WORKING, "since": now, "last_success_at": now}
            return replace(state, **changes, fault=None, error=None, back=state.fails or state.told)

        await self.change(name, change)

    async def _failed(self, name: str, fault: ChannelFault, error: Failure) -> None:
        now = self._tables.clock.now()
        wanted = ChannelState.ENDED if fault is ChannelFault.GONE else ChannelState.FAILING

        def change(state: ChannelRecord) -> ChannelRecord:
            if state.state is ChannelState.ENDED:  # only a success or another address starts it again
                return replace(state, last_failure_at=now)
            same = state.state is wanted
            return replace(
                state,
                state=wanted,
                since=state.since if same else now,
                last_failure_at=now,
                fault=fault,
                error=error,
                told=state.told and same,
            )

        await self.change(name, change)

    async def _read(self, name: str) -> tuple[ChannelRecord, str]:
        """The state of a channel and its ETag. A damaged row is replaced by the next attempt."""
        row = await self._tables.get(names.SERVICE, _PARTITION, keys.part(name))
        known = await readable(self._tables, [row] if row else [], lambda row: load(CODEC, row))
        return (known[0] if known else ChannelRecord(name=name)), (row.etag if row else "")
