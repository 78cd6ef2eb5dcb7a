"""Trigger hosts that start in a moment: each is a fork of a process that has imported everything already.

They are processes of their own, with the environment, the output and the exit of one started by hand, and
are killed as such. Only the imports, a second and a half of each start, are paid once.
"""

from __future__ import annotations

import asyncio
import functools
import json
import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from infra.local import process
from infra.local.host.server import Options, serve
from infra.local.stack import ROOT

_PRELOADED: Final = [
    "__main__",
    "tests.durability.hosts",
    "function_app",
    "infra.local.host.queues",
    "azure.storage.queue.aio",
    "onboarding.lifecycle.handlers",
    "onboarding.cloud.identity",
    "onboarding.expiry.webhook",
    # What these import late:
    "anyio._backends._asyncio",
    "azure.core.rest._aiohttp",
    "azure.identity._internal.msal_managed_identity_client",
    "email.generator",
    "httpcore",
]
_START_SECONDS: Final = 20.0


class Host:
    """One trigger host.

    Args:
        folder: where its log, output and state go.
        environment: gives the whole of its environment, whenever it starts.
        name: of the host among several in the folder.
    """

    def __init__(self, folder: Path, environment: Callable[[], Mapping[str, str]], name: str) -> None:
        self._folder = folder
        self._environment = environment
        self._name = name
        self._process: BaseProcess | None = None
        self.address = ""

    async def start(self) -> None:
        """Start it; it listens when this returns."""
        state = self._folder / f"{self._name}.json"
        state.unlink(missing_ok=True)
        settings = host_json(self._folder, maxPollingInterval="00:00:00.4")  # nobody wants to wait
        arguments = (self._folder, self._name, settings, self._environment())
        self._process = await asyncio.to_thread(_start, arguments)
        async with asyncio.timeout(_START_SECONDS):
            while not state.exists():
                assert self._process.is_alive(), (self._folder / f"{self._name}.out").read_text()
                await asyncio.sleep(0.005)
        self.address = f"http://127.0.0.1:{json.loads(state.read_text())['port']}"

    async def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.join)
            self._process = None


@functools.cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def _start(arguments: tuple[Path, str, Path, Mapping[str, str]]) -> BaseProcess:
    started = _context().Process(target=_run, args=arguments, daemon=True)
    started.start()
    return started


def _run(folder: Path, name: str, settings: Path, environment: Mapping[str, str]) -> None:
    os.setsid()
    process.end_with_parent()
    output = os.open(folder / f"{name}.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(environment)
    serve(
        Options(
            app="function_app",
            folder=folder,
            host_json=settings,
            name=name,
            port=0,
            listener=None,
            log_to_stderr=True,
        ),
        os.environ,
    )


def host_json(folder: Path, **queues: str) -> Path:
    """A copy of the app's host.json in a folder, with other settings for queues."""
    document = json.loads((ROOT / "host.json").read_text())
    document["extensions"]["queues"] |= queues
    file = folder / "host-settings.json"
    file.write_text(json.dumps(document))
    return file
