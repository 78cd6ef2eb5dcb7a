"""Timer triggers: one loop for each function that a timer triggers.

As in Azure (TimerListener and its StorageScheduleMonitor in azure-webjobs-sdk-extensions): one host at a
time has a timer, a run that was missed while no host was running is repeated once at start with ``past_due``,
and a timer never overlaps itself. Where Azure has a lease on a blob and stores the last run in another,
this host has a lock on a file and stores the last run in one, in the folder that all hosts share.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from azure.functions.timer import TimerRequest

from infra.local.host import ncrontab
from infra.local.host.clock import Clock
from infra.local.host.errors import StartError
from infra.local.host.functions import Function, TimerTrigger
from infra.local.host.invocation import Invoker
from infra.local.host.log import logger

_LOOK: Final = 0.25
"""Seconds between two checks of a clock that may be moved, and of a lock that another host holds."""

_MONITORED_FROM: Final = timedelta(minutes=1)
"""A schedule that recurs more often is not monitored unless the trigger asks for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """The stored state of a timer."""

    last: datetime | None
    """When it last ran."""
    next: datetime
    updated: datetime


class TimerLoop:
    """Fires one function on its schedule."""

    def __init__(
        self, function: Function, trigger: TimerTrigger, folder: Path, clock: Clock, invoker: Invoker
    ) -> None:
        try:
            self._schedule = ncrontab.parse(trigger.schedule)
        except ValueError as error:
            raise StartError(f"the schedule of {function.name!r} cannot be read: {error}") from None
        self._function = function
        self._run_on_startup = trigger.run_on_startup
        self._clock = clock
        self._invoker = invoker
        self._lock = folder / f"{function.name}.lock"
        self._file = folder / f"{function.name}.json"
        self._monitored = self._recurs_slowly() if trigger.use_monitor is None else trigger.use_monitor

    def _recurs_slowly(self) -> bool:
        first = self._schedule.next(self._clock.now())
        return self._schedule.next(first) - first >= _MONITORED_FROM

    async def run(self, stopping: asyncio.Event) -> None:
        """Take the timer when no other host has it, and fire it until told to stop."""
        async with self._held(stopping):
            if not stopping.is_set():
                await self._catch_up()
            seen = self._clock.now()
            due = self._schedule.next(seen)
            while not stopping.is_set():
                now = self._clock.now()
                if now < seen:
                    due = self._schedule.next(now)  # The clock was set back.
                seen = now
                if now >= due:
                    await self._fire(now, past_due=False)
                    due = self._schedule.next(self._clock.now())
                    continue
                await _pause(stopping, min(_LOOK, (due - now).total_seconds()))

    async def fire_now(self) -> None:
        """Run the function at once, outside its schedule; it is not stored as a scheduled run."""
        await self._call(self._clock.now(), past_due=False, status=self._read())

    async def _catch_up(self) -> None:
        now = self._clock.now()
        status = self._read() if self._monitored else None
        if self._monitored and status is None:
            self._write(Status(last=None, next=self._schedule.next(now), updated=now))
        if status is not None and now > self._schedule.next(status.last or status.updated):
            await self._fire(now, past_due=True)
        elif self._run_on_startup:
            await self._fire(now, past_due=False)

    async def _fire(self, now: datetime, *, past_due: bool) -> None:
        await self._call(now, past_due=past_due, status=self._read())
        if self._monitored:
            # After the run, as in Azure: if the host dies in it, the run is repeated.
            self._write(Status(last=now, next=self._schedule.next(now), updated=self._clock.now()))

    async def _call(self, now: datetime, *, past_due: bool, status: Status | None) -> None:
        request = TimerRequest(
            past_due=past_due,
            schedule={"AdjustForDST": True},
            schedule_status={
                "Last": status.last.isoformat() if status and status.last else "0001-01-01T00:00:00+00:00",
                "Next": self._schedule.next(now).isoformat(),
                "LastUpdated": (status.updated if status else now).isoformat(),
            },
        )
        # The invoker logs a failed run; a timer has no retry, and runs again at the next occurrence.
        with contextlib.suppress(Exception):
            await self._invoker.run(
                self._function, request, reason="timer, past due" if past_due else "timer"
            )

    @contextlib.asynccontextmanager
    async def _held(self, stopping: asyncio.Event) -> AsyncIterator[None]:
        """Hold the timer's lock, which the system frees when this process ends in any way."""
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not stopping.is_set():
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await _pause(stopping, _LOOK)
            yield
        finally:
            os.close(handle)

    def _read(self) -> Status | None:
        try:
            document = json.loads(self._file.read_text(encoding="utf-8"))
            last = document["last"]
            return Status(
                last=datetime.fromisoformat(last) if last else None,
                next=datetime.fromisoformat(document["next"]),
                updated=datetime.fromisoformat(document["updated"]),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning(
                "what was remembered of the timer %s cannot be read: %s", self._function.name, error
            )
            return None

    def _write(self, status: Status) -> None:
        document = {
            "last": status.last.isoformat() if status.last else None,
            "next": status.next.isoformat(),
            "updated": status.updated.isoformat(),
        }
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(document), encoding="utf-8")
        draft.replace(self._file)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, 0)):
            await stopping.wait()
