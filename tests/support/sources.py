"""What the code declares, for comparison with the pages: settings, routes, steps, dependencies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from onboarding.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def settings() -> dict[str, str]:
    """The settings of the app by name, with their defaults as the pages write them."""
    return {str(field.alias): _shown(field) for field in Settings.model_fields.values()}


def _shown(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if value not in ("", None) else "none"


def scheduled() -> set[str]:
    """The settings that triggers reference (``%NAME%``)."""
    return set(re.findall(r'"%([A-Z_]+)%"', (ROOT / "function_app.py").read_text(encoding="utf-8")))


def host_values() -> dict[str, Any]:
    """The values of host.json by their dotted names."""
    return dict(_flat(json.loads((ROOT / "host.json").read_text(encoding="utf-8"))))


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def dependencies(file: str) -> set[str]:
    """The packages that a requirements file names directly."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    texts = (line.partition("#")[0].strip() for line in lines)
    return {re.split(r"[\[<>=! ]", text)[0] for text in texts if text and not text.startswith("-")}
