"""Child processes that do not outlive their parent, however it ends.

Azurite and others continue when their parent is killed, and then keep ports and memory. On Linux the
kernel kills a child whose parent died if the child requested it (``prctl(PR_SET_PDEATHSIG)``, prctl(2)).
Elsewhere a small watcher (``python -m infra.local.process``) runs between the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final, Protocol

_PR_SET_PDEATHSIG: Final = 1
_ON_LINUX: Final = sys.platform == "linux"
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if _ON_LINUX else None
_LOOK: Final = 0.5
"""Seconds between the watcher's checks of its parent."""


class Process(Protocol):
    """The state of a child process, and its controls."""

    @property
    def pid(self) -> int:
        """Its process ID, which is also that of its group."""

    @property
    def returncode(self) -> int | None:
        """Exit code, or minus the number of the signal that ended it; None while it runs."""

    async def wait(self) -> int:
        """Wait for its end."""

    def send_signal(self, number: int, /) -> None:
        """Send it a signal; ProcessLookupError if it has ended."""


async def start(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    output: IO[bytes] | int = subprocess.DEVNULL,
) -> asyncio.subprocess.Process:
    """Start a command in a process group of its own, so that Ctrl-C in the terminal reaches only the parent.

    It is killed if this process ends without stopping it.

    Args:
        command: program and arguments.
        environment: the whole of its environment.
        output: the target of its stdout and stderr.
    """
    watched = [] if _ON_LINUX else [sys.executable, "-m", __name__, str(os.getpid())]
    return await asyncio.create_subprocess_exec(
        *watched,
        *map(str, command),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=_tie(os.getpid()) if _ON_LINUX else None,
    )


async def stop(process: Process, *, seconds: float) -> None:
    """Request a process to end, and kill its group if it has not ended after ``seconds``."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await process.wait()
    await kill(process)


async def kill(process: Process) -> None:
    """End a process and all it started, at once."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.returncode is None:
        # It may not have its own group yet.
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
    await process.wait()


def end_with_parent() -> None:
    """Stop this process (SIGTERM) when its parent ends; on Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


def _tie(parent: int) -> Callable[[], None]:
    def tie() -> None:
        # Runs between fork and exec: only calls that were bound before.
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:  # The parent died before the request took effect.
            os._exit(1)

    return tie


def watch(parent: int, command: Sequence[str]) -> int:
    """Run ``command`` as long as the process ``parent`` lives; return its exit code."""
    child = subprocess.Popen(command, close_fds=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: child.send_signal(received))
    while child.poll() is None:
        if os.getppid() != parent:
            child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_LOOK)
    return child.returncode


if __name__ == "__main__":
    sys.exit(watch(int(sys.argv[1]), sys.argv[2:]))
