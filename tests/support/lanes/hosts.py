"""Trigger hosts that tests kill repeatedly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from infra.local import forks, process
from infra.local.stack import ROOT
from tests.support.stacks import host_json

_START_SECONDS: Final = 20.0
_LONGEST_POLL: Final = "00:00:00.4"
"""Delayed messages become visible at once, whether or not a function has just ended."""


class Host:
    """One trigger host.

    Args:
        folder: the folder for its log, output and state.
        environment: returns the whole of its environment at each start.
        name: its name among several hosts in the folder.
    """

    def __init__(self, folder: Path, environment: Callable[[], Mapping[str, str]], name: str) -> None:
        self._folder = folder
        self._environment = environment
        self._name = name
        self._process: forks.Fork | None = None
        self.address = ""

    async def start(self) -> None:
        """Start it; it listens when this returns."""
        state = self._folder / f"{self._name}.json"
        state.unlink(missing_ok=True)
        settings = host_json(self._folder, maxPollingInterval=_LONGEST_POLL)
        output = self._folder / f"{self._name}.out"
        self._process = await forks.start(
            "infra.local.host",
            ["--log", "--port", "0", "--name", self._name, "--folder", self._folder, "--host-json", settings],
            environment=self._environment(),
            folder=ROOT,
            output=output,
        )
        async with asyncio.timeout(_START_SECONDS):
            while not state.exists():
                assert self._process.returncode is None, output.read_text()
                await asyncio.sleep(0.005)
        self.address = f"http://127.0.0.1:{json.loads(state.read_text())['port']}"

    async def kill(self) -> None:
        """Kill it (SIGKILL), as a power failure would."""
        if self._process is not None:
            await process.kill(self._process)
            self._process = None
