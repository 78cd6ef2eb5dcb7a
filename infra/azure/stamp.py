"""Writes the version file of a package: the commit of the repository, and the time.

``azd`` runs it before it packages the app (``hooks`` in azure.yaml;
https://learn.microsoft.com/azure/developer/azure-developer-cli/azd-extensibility). A commit of a working
copy with changes has the suffix ``x``: the repository does not have exactly this code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def stamp(folder: Path, file: Path) -> str:
    """Writes the file for the repository in a folder; returns the commit."""
    commit = _git(folder, "rev-parse", "--short=12", "HEAD")
    if _git(folder, "status", "--porcelain"):
        commit += "x"
    built_at = datetime.now(UTC).replace(microsecond=0).isoformat()
    file.write_text(json.dumps({"commit": commit, "builtAt": built_at}) + "\n", encoding="utf-8")
    return commit


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - its own words
    return done.stdout.strip()


if __name__ == "__main__":
    try:
        print(f"version {stamp(ROOT, ROOT / 'onboarding' / 'version.json')}")
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"The package has no version: git cannot read the repository ({error}).")
