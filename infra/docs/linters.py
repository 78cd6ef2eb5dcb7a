"""``python -m infra.docs.linters``: what Spectral, Redocly and Ajv find in both forms of the description.

They are npm packages; ``infra/docs/node/package.json`` pins them, and ``make`` installs them there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.docs import tables
from infra.local import node
from infra.local.errors import LocalError
from onboarding.api.openapi30 import in_30

FOLDER: Final = Path(__file__).parent / "node"


def findings(document: Mapping[str, Any]) -> list[str]:
    """The findings in a description and in its older form. Raises ``LocalError`` without the tools."""
    if not (FOLDER / "node_modules").is_dir():
        raise LocalError("the tools in infra/docs/node are not installed: run 'make install'")
    with tempfile.TemporaryDirectory() as folder:
        running = []
        for name, form in (("openapi.json", document), ("openapi-3.0.json", in_30(document))):
            file = Path(folder) / name
            file.write_text(json.dumps(form), encoding="utf-8")
            command = [str(node.program()), str(FOLDER / "check.mjs"), str(file)]
            running.append(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
        found: list[str] = []
        for process in running:
            out, errors = process.communicate()
            if process.returncode and not out.strip():
                raise LocalError(f"the tools in infra/docs/node do not run: {errors.strip()}")
            found += filter(None, out.split("\n"))
    return found


def main() -> int:
    """Prints the findings. Returns the exit status."""
    try:
        found = findings(tables.DOCUMENT)
    except LocalError as error:
        found = [str(error)]
    for finding in found:
        print(f"make: {finding}".rstrip(), file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
