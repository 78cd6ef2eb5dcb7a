"""The version of the code that runs: the commit, and when it was packaged.

``azd`` writes the file while it packages the app (``infra/azure/stamp.py``), because the package has no
repository. Without the file, as in development, the version is unknown and is written nowhere.
"""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("version.json")
"""The file of a package: ``{"commit": "...", "builtAt": "2026-11-28T12:00:00+00:00"}``."""

LOCAL: Final = "LOCAL_VERSION"
"""The variable that replaces the file in the local cloud: the content of such a file."""

_LONGEST: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version of the code."""

    commit: str = ""  # empty: unknown
    built_at: datetime | None = None

    def __str__(self) -> str:
        built = f", built at {self.built_at.isoformat()}" if self.built_at else ""
        return f"{self.commit or 'unknown'}{built}"


def read(text: str) -> Version:
    """The version in the text of the file; an unknown one if the text is damaged."""
    try:
        document = json.loads(text)
        commit, built_at = document["commit"], datetime.fromisoformat(document["builtAt"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return Version()
    if not isinstance(commit, str) or not commit.isalnum() or not commit.isascii():
        return Version()
    return Version(commit=commit[:_LONGEST], built_at=built_at.astimezone(UTC))


@functools.cache
def current() -> Version:
    """The version of this process."""
    text = os.environ.get(LOCAL, "")
    if not text:
        try:
            text = FILE.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return Version()
    return read(text)
