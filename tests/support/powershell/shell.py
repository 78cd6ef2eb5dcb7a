"""PowerShell itself, where it is installed: one process that parses scripts and evaluates values."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

READER: Final = Path(__file__).with_name("reader.ps1")
_SITE: Final = READER.with_name("site")
PWSH: Final = shutil.which("pwsh")
WHY_NOT: Final = "PowerShell (pwsh) is not on the PATH"


class Shell:
    """A running PowerShell."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def script(self, text: str) -> dict[str, Any]:
        """The parser's errors, and the commands and statements of a script."""
        return self._ask({"script": text})

    def values(self, *expressions: str, constrained: bool = False) -> list[str]:
        """The values of expressions, in full or in constrained language mode."""
        mode = "ConstrainedLanguage" if constrained else "FullLanguage"
        units = self._ask({"expression": "\n".join(expressions), "mode": mode})["values"]
        return [
            b"".join(struct.pack("<H", unit) for unit in each).decode("utf-16-le", "surrogatepass")
            for each in units
        ]

    def run(
        self, script: Path, site: dict[str, Any], *, console: bool = True, **arguments: Any
    ) -> dict[str, Any]:
        """Run a script with stand-ins for the modules: its output, refusal, calls, and the site."""
        places = {
            "console": str(_SITE / "bin" / "i386") if console else "",
            "modules": str(_SITE / "modules"),
        }
        return self._ask({"run": str(script), "arguments": arguments, "site": site, **places})

    def _ask(self, document: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def running() -> Iterator[Shell]:
    """A PowerShell that ends with the context."""
    assert PWSH, WHY_NOT
    command = [PWSH, "-NoLogo", "-NoProfile", "-NonInteractive", "-File", str(READER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own script
        try:
            yield Shell(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
