"""What the code says, for comparison with the pages: error codes, settings, routes, steps, dependencies."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from onboarding.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
_CODE = re.compile(r"[a-z]+(-[a-z]+)*")


def error_codes() -> set[str]:
    """Every code that the package can answer, write into a step, or put into a finding."""
    found: set[str] = set()
    for file in sorted((ROOT / "onboarding").rglob("*.py")):
        if file.parent.name == "errors" and file.name != "base.py":
            continue  # declared, and compared as soon as something uses them
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for part in _code_parts(node):
                found.update(_constants(part))
    return {code for code in found if _CODE.fullmatch(code)}


def findings() -> dict[str, tuple[str, set[str]]]:
    """The findings of the preflight and of existing applications: severity and pointers by code."""
    found: dict[str, tuple[str, set[str]]] = {}
    for name in ("clashes", "findings", "existing"):
        file = ROOT / "onboarding" / "lifecycle" / f"{name}.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="Finding"), keywords=keywords):
                    given = {each.arg: ast.unparse(each.value) for each in keywords}
                    severity = given.get("severity", "Severity.ERROR").partition(".")[2].capitalize()
                    pointer = given.get("pointer", "")
                    found[given["code"].strip("'")] = (severity, _POINTERS.get(pointer) or _pointers(pointer))
    return found


_POINTERS = {
    "f'/{field}/name'": {"/serverApp/name", "/clientApp/name"},
    "pointer": {"/serverApp/existing", "/clientApp/existing"},
}
"""Pointers that are put together when they are needed."""


def _pointers(expression: str) -> set[str]:
    return {expression.strip("'")} if expression else set()


def _code_parts(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions of a node that stand for a code."""
    match node:
        case ast.keyword(arg="code", value=value) | ast.Assign(targets=[ast.Name(id="code")], value=value):
            yield value
        case ast.Dict(keys=keys, values=values):
            yield from (
                value
                for key, value in zip(keys, values, strict=True)
                if isinstance(key, ast.Constant) and key.value == "code"
            )
        case ast.Call(func=ast.Name(id="ProblemError"), args=[_, code, *_]):
            yield code
        case ast.Call(func=ast.Name(id="_unauthenticated" | "conflict"), args=[code, *_]):
            yield code


def _constants(expression: ast.expr) -> Iterator[str]:
    """The texts that an expression can have as its value, as far as they stand in it."""
    match expression:
        case ast.Constant(value=str(text)):
            yield text
        case ast.BoolOp(values=values):
            for each in values:
                yield from _constants(each)
        case ast.IfExp(body=body, orelse=otherwise):
            yield from _constants(body)
            yield from _constants(otherwise)


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
    """The settings that triggers name (``%NAME%``)."""
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
