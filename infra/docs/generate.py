"""Which files are generated, in full or in marked places, and what should be in them.

A marked place begins with ``<!-- generated: NAME -->`` and ends with ``<!-- end generated -->``; ``tables``
knows the names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.docs import tables

ROOT: Final = Path(__file__).resolve().parents[2]

_MARKED: Final = re.compile(r"(<!-- generated: (.+?) -->\n)(.*?)(<!-- end generated -->)", re.DOTALL)


def outdated() -> Iterator[tuple[Path, str]]:
    """The files that are not up to date, with the text that they should have. Raises ``KeyError``."""
    description = json.dumps(tables.DOCUMENT, indent=2, ensure_ascii=False) + "\n"
    wanted = {ROOT / "docs" / "openapi.json": description}
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        wanted[path] = _MARKED.sub(
            lambda found: f"{found[1]}{tables.table(found[2])}{found[4]}", path.read_text(encoding="utf-8")
        )
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield path, text
