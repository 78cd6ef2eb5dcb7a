"""The folder of a local cloud: its lock, the state files of its processes, and ``endpoints.json``."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.local import process
from infra.local.errors import LocalError


class StackFolder:
    """The folder, which one local cloud at a time can use. Raises ``LocalError`` if it is in use."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock: int | None = self._hold()

    def clear(self) -> None:
        """Delete what an earlier run left in the folder; only before the start."""
        for item in self.path.iterdir():
            if item.name in ("lock", "storage.json"):
                continue
            if item.is_dir():
                shutil.rmtree(item)
            else:
                item.unlink()

    def output(self, name: str) -> Path:
        """The file with the output of a process."""
        return self.path / f"{name}.out"

    async def state(
        self, name: str, file: Path, running: process.Process, seconds: float
    ) -> Mapping[str, Any]:
        """Wait for the file that a process writes when it listens, and read it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while running.returncode is None:
                    if (content := _content(file)) is not None:
                        return content
                    await asyncio.sleep(0.02)
        output = self.output(name).read_text(encoding="utf-8", errors="replace").strip()
        last = output.splitlines()[-1] if output else "it wrote nothing"
        raise LocalError(f"{name} does not start: {last} (more in {self.output(name)})")

    def publish(self, endpoints: Mapping[str, Any]) -> None:
        """Write ``endpoints.json``."""
        file = self.path / "endpoints.json"
        draft = self.path / "endpoints.draft"
        # It contains secrets of the simulated directory: only its owner can read it, from the first byte on.
        draft.unlink(missing_ok=True)
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as text:
            json.dump(endpoints, text, indent=2)
        draft.replace(file)

    def release(self) -> None:
        """Remove ``endpoints.json``, and let another local cloud use the folder. Safe to repeat."""
        (self.path / "endpoints.json").unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _hold(self) -> int:
        """The lock of the folder. Raises ``LocalError`` if another process has it."""
        # The lock ends with its process, so a killed one does not block the next.
        file = self.path / "lock"
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            holder = file.read_text(encoding="utf-8").strip() or "unknown"
            raise LocalError(
                f"{self.path} is in use by process {holder}; stop that one first (kill {holder})"
            ) from None
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        return lock


def _content(file: Path) -> Mapping[str, Any] | None:
    try:
        content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return content
