"""Route templates of HTTP triggers, matched as ASP.NET routing does.

A template is literals and parameters: ``{id}``, ``{id:guid}``, ``{name:alpha:minlength(3)}``, ``{id?}`` at
the end, ``{*rest}`` for the rest. Literals match without regard to case. Of several templates that
match, the more exact one wins: literal, then parameter with constraint, then parameter, then the rest.

Source: learn.microsoft.com/aspnet/core/fundamentals/routing, "Route constraints" and "Route template
precedence", to which functions-bindings-http-webhook-trigger refers.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from infra.local.host.errors import StartError

Check = Callable[[str], bool]

_PARAMETER: Final = re.compile(
    r"\{(?P<rest>\*{0,2})(?P<name>\w+)(?P<constraints>(?::[^{}]+?)?)(?P<optional>\??)\}"
)
_CONSTRAINT: Final = re.compile(r":(?P<name>\w+)(?:\((?P<arguments>.*?)\)(?=:|$))?")


def _parses(read: Callable[[str], object]) -> Check:
    def check(value: str) -> bool:
        try:
            read(value)
        except ValueError:
            return False
        return True

    return check


def _whole_number(low: int, high: int) -> Check:
    return lambda value: re.fullmatch(r"[+-]?\d+", value, re.ASCII) is not None and low <= int(value) <= high


def _size(low: int, high: float) -> Check:
    return lambda value: low <= len(value) <= high


_LONG: Final = 2**63
_CONSTRAINTS: Final[dict[str, Callable[..., Check]]] = {
    "int": lambda: _whole_number(-(2**31), 2**31 - 1),
    "long": lambda: _whole_number(-_LONG, _LONG - 1),
    "bool": lambda: lambda value: value.lower() in ("true", "false"),
    "guid": lambda: _parses(uuid.UUID),
    "alpha": lambda: lambda value: re.fullmatch("[A-Za-z]*", value) is not None,
    "decimal": lambda: _parses(float),
    "double": lambda: _parses(float),
    "float": lambda: _parses(float),
    "datetime": lambda: _parses(datetime.fromisoformat),
    "required": lambda: _size(1, float("inf")),
    "length": lambda low, high=None: _size(int(low), int(high or low)),
    "minlength": lambda low: _size(int(low), float("inf")),
    "maxlength": lambda high: _size(0, int(high)),
    "min": lambda low: _whole_number(int(low), _LONG - 1),
    "max": lambda high: _whole_number(-_LONG, int(high)),
    "range": lambda low, high: _whole_number(int(low), int(high)),
    "regex": lambda pattern: lambda value: re.search(pattern, value, re.IGNORECASE) is not None,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """A template, ready to match."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]
    """Parameter names, in the order of the pattern's groups."""
    checks: tuple[tuple[Check, ...], ...]
    """Constraints of each parameter."""
    precedence: tuple[int, ...]
    """Smaller is more exact."""

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters in a decoded path, or None if it does not match."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values: dict[str, str] = {}
        for name, value, checks in zip(self.names, found.groups(), self.checks, strict=True):
            if not value:
                continue
            if not all(check(value) for check in checks):
                return None
            values[name] = value
        return values


def decode(raw_path: str) -> str:
    """Percent-decode a path; an encoded slash stays encoded, because it is not a separator."""
    return "/".join(unquote(segment).replace("/", "%2F") for segment in raw_path.split("/"))


def compile_route(template: str, prefix: str) -> Route:
    """Make a route from a trigger's template below the prefix of ``host.json``.

    Raises:
        StartError: the template or one of its constraints is not supported.
    """
    path = "/".join(part for part in (prefix, template.strip("/")) if part)
    pattern = ""
    names: list[str] = []
    checks: list[tuple[Check, ...]] = []
    precedence: list[int] = []
    for segment in path.split("/") if path else []:
        parts = list(_PARAMETER.finditer(segment))
        if _PARAMETER.sub("", segment).strip("{}") != _PARAMETER.sub("", segment):
            raise StartError(f"the route {template!r} has a part that is not understood: {segment!r}")
        text, end = "", 0
        for found in parts:
            text += re.escape(segment[end : found.start()])
            text += "(.*)" if found["rest"] else "([^/]+)" if len(parts) == 1 else "([^/]+?)"
            names.append(found["name"])
            checks.append(tuple(_checks(found["constraints"], template)))
            end = found.end()
        text += re.escape(segment[end:])
        soft = bool(parts) and bool(parts[-1]["optional"] or parts[-1]["rest"])
        pattern += f"(?:/{text})?" if soft else f"/{text}"
        precedence.append(_precedence(segment, parts))
    return Route(
        pattern=re.compile(f"{pattern}/?", re.IGNORECASE),
        names=tuple(names),
        checks=tuple(checks),
        precedence=tuple(precedence),
    )


def _checks(constraints: str, template: str) -> Iterable[Check]:
    position = 0
    while position < len(constraints):
        found = _CONSTRAINT.match(constraints, position)
        make = _CONSTRAINTS.get(found["name"].lower()) if found else None
        if found is None or make is None:
            raise StartError(
                f"the route {template!r} has a constraint that is not understood: {constraints[1:]!r}"
            )
        text = found["arguments"]
        arguments = [] if text is None else [text] if found["name"].lower() == "regex" else text.split(",")
        try:
            yield make(*arguments)
        except (TypeError, ValueError):
            raise StartError(f"the route {template!r} gives {found[0][1:]!r} wrong arguments") from None
        position = found.end()


def _precedence(segment: str, parts: list[re.Match[str]]) -> int:
    if not parts:
        return 1
    constrained = any(part["constraints"] for part in parts)
    if any(part["rest"] for part in parts):
        return 4 if constrained else 5
    if parts[0].span() != (0, len(segment)):
        return 2
    return 2 if constrained else 3
