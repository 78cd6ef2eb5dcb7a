"""One supervised process of the local cloud: started, watched, and restarted when it dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from infra.local import process
from infra.local.errors import LocalError

_SHORT_LIFE: Final = 5.0
"""Seconds: what dies sooner than this is restarted at growing intervals."""

_LONGEST_PAUSE: Final = 5.0


class Component:
    """A process that is kept running.

    Args:
        name: its name for the person at the terminal.
        spawn: starts the process.
        answering: returns when the process is ready, or raises LocalError.
        changed: called when the process ID changed.
        say: receives a sentence when the process was restarted.
        stop_seconds: how long the process may take to stop before it is killed.
    """

    def __init__(
        self,
        name: str,
        *,
        spawn: Callable[[], Awaitable[process.Process]],
        answering: Callable[[process.Process], Awaitable[None]],
        changed: Callable[[], None],
        say: Callable[[str], None],
        stop_seconds: float,
    ) -> None:
        self.name = name
        self._spawn = spawn
        self._answering = answering
        self._changed = changed
        self._say = say
        self._stop_seconds = stop_seconds
        self._process: process.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The ID of the process, or None while there is none."""
        running = self._process
        return running.pid if running is not None and running.returncode is None else None

    async def start(self) -> None:
        """Start the process, wait until it is ready, and watch it from then on.

        Raises:
            LocalError: it does not start.
        """
        try:
            await self._launch()
        except BaseException:
            await self.stop()
            raise
        self._supervisor = asyncio.create_task(self._supervise())

    async def ready(self) -> None:
        """Wait until the process is ready (again)."""
        await self._up.wait()

    async def stop(self) -> None:
        """Let the process stop by itself within its time, and stop watching it."""
        self._up.clear()
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
            self._supervisor = None
        if self._process is not None:
            await process.stop(self._process, seconds=self._stop_seconds)
            self._process = None
            self._changed()

    async def kill(self) -> None:
        """Kill the process (SIGKILL); while it is watched it is then restarted."""
        self._up.clear()
        if self._process is not None:
            await process.kill(self._process)

    async def _launch(self) -> None:
        self._process = await self._spawn()
        self._changed()
        await self._answering(self._process)
        self._up.set()

    async def _supervise(self) -> None:
        pause = 0.0
        while self._process is not None:
            started = time.monotonic()
            code = await self._process.wait()
            self._up.clear()
            # Everything that the process itself started ends with it.
            await process.kill(self._process)
            self._changed()
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._say(f"{self.name} ended ({how}); it restarts")
            pause = (
                min(max(0.1, pause * 2), _LONGEST_PAUSE) if time.monotonic() - started < _SHORT_LIFE else 0.0
            )
            await self._relaunch(pause)

    async def _relaunch(self, pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            started = time.monotonic()
            try:
                await self._launch()
            except LocalError as error:
                self._say(f"{self.name} did not start: {error}")
                if self._process is not None:
                    await process.kill(self._process)
                pause = min(max(0.1, pause * 2), _LONGEST_PAUSE)
            else:
                self._say(f"{self.name} is up again after {time.monotonic() - started:.1f} s")
                return
