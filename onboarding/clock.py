"""The source of time: the real clock, or one that a developer has moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """The source of time."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        return datetime.now(UTC)


class MovedClock:
    """The machine's clock plus an offset in seconds, which a file contains (no file: no offset).

    For the local cloud: writing the file moves the clock of all processes that share it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        """The moved time, aware, in UTC."""
        try:
            offset = float(self._file.read_text())
        except (FileNotFoundError, ValueError):
            offset = 0.0
        return datetime.now(UTC) + timedelta(seconds=offset)
