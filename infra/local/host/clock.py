"""The clock of the timers: the real one, plus an offset in a file.

The app reads the same file (``LOCAL_CLOCK_FILE``), so one change moves the host and the app together.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """Real time plus the offset in ``file`` (in seconds; without a file, real time)."""

    file: Path | None = None

    @property
    def offset(self) -> float:
        """Seconds by which this clock is ahead of the real one."""
        if self.file is None:
            return 0.0
        try:
            return float(self.file.read_text(encoding="utf-8").strip() or 0)
        except (OSError, ValueError):
            return 0.0

    def now(self) -> datetime:
        """The current time, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    def set_offset(self, seconds: float) -> None:
        """Move the clock for every process that reads the file."""
        if self.file is None:
            raise ValueError("LOCAL_CLOCK_FILE is not set, so the clock cannot be moved")
        draft = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        draft.write_text(repr(seconds), encoding="utf-8")
        draft.replace(self.file)

    def reset(self) -> None:
        """Go back to real time."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)
