"""Local clouds whose timers only tests fire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from infra.local.stack import ROOT, Stack

NEVER: Final = "0 0 0 1 1 4"
"""A schedule that does not interfere, even if a test moves the clock by years (New Year is a Thursday next in
2032): tests fire the timers themselves."""

OFTEN: Final = "00:00:01"
"""How often a host polls for messages at least; it also polls when one of its functions has ended."""


_LINES: Final = 40
_FOLDERS: Final[set[Path]] = set()


def logs() -> dict[str, str]:
    """The last lines of the hosts of all local clouds that this process has started, by file."""
    files = [file for folder in sorted(_FOLDERS) if (file := folder / "host.log").exists()]
    return {str(file): "\n".join(file.read_text(errors="replace").splitlines()[-_LINES:]) for file in files}


def host_json(folder: Path, **queues: str) -> Path:
    """A copy of the app's host.json in a folder, with other settings for queues."""
    document = json.loads((ROOT / "host.json").read_text())
    document["extensions"]["queues"] |= queues
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "host-settings.json"
    file.write_text(json.dumps(document))
    return file


def local_cloud(
    folder: Path,
    *,
    azure_environment: str = "AzurePublicCloud",
    permissions: str = "consent",
    storage_tokens: bool = False,
    storage_log: bool = False,
    **settings: str,
) -> Stack:
    """A local cloud whose timers only tests fire, and whose host polls for messages often.

    Its service grants consent itself, so onboardings end without an administrator, unless a test asks for
    the ``permissions`` that the docs grant by default.
    """
    _FOLDERS.add(folder)
    timers = dict.fromkeys(("SWEEP_SCHEDULE", "EXPIRY_SCHEDULE", "INSPECTION_SCHEDULE"), NEVER)
    return Stack(
        folder,
        azure_environment=azure_environment,
        permissions=permissions,
        storage_tokens=storage_tokens,
        storage_log=storage_log,
        environment={**timers, **settings},
        host_json=host_json(folder, maxPollingInterval=OFTEN),
    )
