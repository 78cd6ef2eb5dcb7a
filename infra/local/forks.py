"""Python processes that start in a moment: each is a fork of one that has imported everything already.

A trigger host needs two seconds of computing for its imports, the simulated cloud one. So they are imported
once, in a process that does nothing else (multiprocessing's fork server), and each host starts as its fork: a
process of its own, with the environment, the output, the exit code and the end of one that was started by
its command. All of them run the code as it was when the first one started. What Python itself reads when it
starts (PYTHONPATH, PYTHONWARNINGS) they have from the process that requested them.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, cast

from infra.local.errors import LocalError

PRELOADED: Final = (
    "infra.local.cloud.__main__",
    "infra.local.host.__main__",
    "infra.local.host.queues",
    "azure.storage.queue.aio",
    "function_app",
    # What the app imports at its first use:
    "onboarding.cloud.azure_clouds",
    "onboarding.cloud.identity",
    "onboarding.lifecycle.existing",
    "onboarding.notices.channels.webhook",
    # What these import late:
    "_strptime",
    "anyio._backends._asyncio",
    "azure.core.rest._aiohttp",
    "azure.identity._internal.msal_managed_identity_client",
    "azure.identity.aio._credentials.app_service",
    "email.generator",
    "httpcore",
    "jinja2",
    "msgraph.generated.applications.applications_request_builder",
    "msgraph.generated.applications.item.add_password.add_password_request_builder",
    "msgraph.generated.applications.item.application_item_request_builder",
    "msgraph.generated.applications_with_unique_name.applications_with_unique_name_request_builder",
    "msgraph.generated.oauth2_permission_grants.oauth2_permission_grants_request_builder",
    "msgraph.generated.service_principals.item.service_principal_item_request_builder",
    "msgraph.generated.service_principals.service_principals_request_builder",
    "msgraph.generated.service_principals_with_app_id.service_principals_with_app_id_request_builder",
)
"""What is imported once for all; what is missing here costs each process its time."""

_BOOKKEEPER: Final = ThreadPoolExecutor(1, thread_name_prefix="forks")
"""Starts multiprocessing's processes and learns of their ends: its bookkeeping has no lock, and starting the
first process takes as long as the imports."""


Argument = str | Path | socket.socket
"""Of a command line; a socket is inherited, and its number takes its place."""


class Fork:
    """A started process; it supports what the callers need from :class:`asyncio.subprocess.Process`."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self.pid: Final = cast("int", process.pid)  # a started process has one
        self.returncode: int | None = None
        self._end = asyncio.create_task(self._watch())

    async def wait(self) -> int:
        """Wait for its end; return the exit code, or minus the number of the signal that ended it."""
        return await asyncio.shield(self._end)

    def send_signal(self, number: int) -> None:
        """Send a signal.

        Raises:
            ProcessLookupError: it has ended.
        """
        if self.returncode is not None:
            raise ProcessLookupError(self.pid)
        os.kill(self.pid, number)

    async def _watch(self) -> int:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        await loop.run_in_executor(_BOOKKEEPER, self._process.join)
        self.returncode = self._process.exitcode or 0
        return self.returncode


async def start(
    module: str,
    arguments: Sequence[Argument],
    *,
    environment: Mapping[str, str],
    folder: Path,
    output: Path,
) -> Fork:
    """Start what ``python -m module arguments`` runs, in a session of its own; it ends with this process.

    As always with multiprocessing, the main module of this process is imported anew in the started one,
    unless it is called ``__main__``.

    Args:
        module: a package; the ``main`` of its ``__main__`` takes the arguments and returns the exit code.
        arguments: of the command line.
        environment: the whole of its environment.
        folder: where it runs.
        output: the file for its stdout and stderr, which are appended; it exists when this returns.

    Raises:
        LocalError: there is no process to fork from, or it cannot create one.
    """
    process = _process(module, arguments, environment, folder, output)
    beginning = asyncio.get_running_loop().run_in_executor(_BOOKKEEPER, process.start)
    try:
        await asyncio.shield(beginning)
    except asyncio.CancelledError:
        # It can no longer be cancelled, and no other code knows of it.
        beginning.add_done_callback(lambda _: _kill(process))
        raise
    except (OSError, EOFError) as error:
        raise LocalError(f"{module} cannot be started: {error!r}") from error
    return Fork(process)


@functools.cache
def _context() -> ForkServerContext | SpawnContext:
    if sys.platform != "linux":
        # Elsewhere the system's own libraries may not survive a fork; there each process imports for itself.
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["infra.local.preloaded"])
    return context


def _kill(process: BaseProcess) -> None:
    if process.pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def _process(
    module: str,
    arguments: Sequence[Argument],
    environment: Mapping[str, str],
    folder: Path,
    output: Path,
) -> BaseProcess:
    output.touch(0o600)
    given = [argument if isinstance(argument, socket.socket) else str(argument) for argument in arguments]
    return _context().Process(
        target=_run, args=(module, given, dict(environment), str(folder), str(output)), daemon=True
    )


def _run(
    module: str,
    arguments: list[str | socket.socket],
    environment: Mapping[str, str],
    folder: str,
    output: str,
) -> None:
    os.setsid()
    threading.Thread(target=_end_with_starter, daemon=True).start()
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.close(written)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    inherited = [
        argument.detach() if isinstance(argument, socket.socket) else argument for argument in arguments
    ]
    sys.exit(importlib.import_module(f"{module}.__main__").main([str(argument) for argument in inherited]))


def _end_with_starter() -> None:
    """End this process and all that it started when the process that requested it ends, in any way."""
    starter = multiprocessing.parent_process()
    if starter is not None:
        wait([starter.sentinel])
        os.killpg(0, signal.SIGKILL)
