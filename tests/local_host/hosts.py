"""Trigger hosts and waiting, for the tests in this folder."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local import forks, process
from infra.local.stack import ROOT

DEADLINE = 60.0
"""Seconds after which a test stops waiting; on an idle machine, nothing takes nearly as long."""

HOST_JSON = {
    "version": "2.0",
    "extensions": {
        "http": {"routePrefix": "api"},
        "queues": {
            "batchSize": 4,
            "newBatchThreshold": 2,
            "maxDequeueCount": 3,
            "maxPollingInterval": "00:00:00.2",
            "visibilityTimeout": "00:00:00",
        },
    },
}


async def until(condition: Callable[[], Any]) -> Any:
    """What the condition (plain or async) returns, as soon as it is true."""
    deadline = time.monotonic() + DEADLINE
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, "the condition did not become true in time"
        await asyncio.sleep(0.02)


def sample_settings(folder: Path) -> dict[str, str]:
    """The environment that the sample app needs when a stack runs it."""
    return {"SAMPLE_FOLDER": str(folder), "SAMPLE_QUEUE": "steps", "SAMPLE_SCHEDULE": "0 0 0 1 1 *"}


def alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


class Sample:
    """The sample app in a folder, and the hosts that run it."""

    def __init__(self, folder: Path, connection_string: str, queue: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "SAMPLE_FOLDER": str(folder),
            "SAMPLE_QUEUE": queue,
            "SAMPLE_SCHEDULE": "0 0 0 1 1 *",
            "ONBOARDING_STORAGE": connection_string,
            "LOCAL_CLOCK_FILE": str(folder / "clock"),
            "LOCAL_MESSAGE_LOCK_SECONDS": "1",
        }
        self.host_json: dict[str, Any] = json.loads(json.dumps(HOST_JSON))
        self.processes: list[process.Process] = []

    def _configure(self, name: str) -> list[str]:
        """Write the host's settings; return the arguments for them."""
        file = self.folder / "host-settings.json"
        file.write_text(json.dumps(self.host_json))
        arguments = ["--port", "0", "--app", "tests.local_host.sample_app", "--name", name]
        return [*arguments, "--folder", str(self.folder), "--host-json", str(file)]

    async def launch(self, name: str = "host") -> process.Process:
        """Start a host by its command, without waiting for it."""
        with (self.folder / f"{name}.out").open("wb") as output:
            started = await process.start(
                [sys.executable, "-m", "infra.local.host", *self._configure(name)],
                environment=self.environment,
                output=output,
            )
        self.processes.append(started)
        return started

    async def fork(self, name: str = "host") -> process.Process:
        """Start a host as the local cloud does, without waiting for it."""
        started = await forks.start(
            "infra.local.host",
            self._configure(name),
            environment=self.environment,
            folder=ROOT,
            output=self.folder / f"{name}.out",
        )
        self.processes.append(started)
        return started

    async def start(self, name: str = "host") -> tuple[process.Process, str]:
        """Start a host that listens; return the process and its address."""
        state = self.folder / f"{name}.json"
        state.unlink(missing_ok=True)
        started = await self.fork(name)
        await until(lambda: state.exists() or started.returncode is not None)
        assert started.returncode is None, self.output(name)
        return started, f"http://127.0.0.1:{json.loads(state.read_text())['port']}"

    async def close(self) -> None:
        """Stop all processes."""
        for started in self.processes:
            await process.kill(started)

    def calls(self, **wanted: object) -> list[dict[str, Any]]:
        """The recorded calls of the app that match."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        calls = [json.loads(line) for line in lines]
        return [call for call in calls if wanted.items() <= call.items()]

    def release(self, name: str) -> None:
        """Let a call that holds continue."""
        (self.folder / f"release-{name}").touch()

    def log(self) -> str:
        """The hosts' log so far."""
        return (self.folder / "host.log").read_text()

    def output(self, name: str = "host") -> str:
        """What a host wrote to its terminal."""
        return (self.folder / f"{name}.out").read_text()
