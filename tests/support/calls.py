"""The calls that the app makes, as the local cloud records them, without IDs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_REQUEST = re.compile(r'"([A-Z]+) (/\S*) HTTP/[\d.]+"')
_NAMESPACE = re.compile(r"^Microsoft\.\w+/register/action$")
_LOGIN = "login"
_PATHS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "graph": (
        (r"'[^']*'", "'{key}'"),
        (r"/oauth2PermissionGrants/[^/]+", "/oauth2PermissionGrants/{id}"),
        (r"/(appRoleAssignments|appRoleAssignedTo)/[^/]+", r"/\1/{id}"),
    ),
    "resourceManager": ((r"/providers/Microsoft\.(?!Authorization)\w+", "/providers/{namespace}"),),
    "keyVault": (
        (r"/(secrets|deletedsecrets)/[^/]+", r"/\1/{name}"),
        (r"/secrets/\{name\}/([0-9a-f]{32})?$", "/secrets/{name}"),
    ),
}


@dataclass(kw_only=True)
class Called:
    """All equal calls of some lives."""

    needs: list[list[str]] = field(default_factory=list)
    """One list for each permission that the service needed: the permissions that are sufficient."""
    held: list[str] = field(default_factory=list)
    """The permissions among them that the app had in one of the lives."""

    def add(self, needs: Iterable[Mapping[str, list[str]]]) -> None:
        """Note what one call needed."""
        for need in needs:
            any_of = [_NAMESPACE.sub("{namespace}/register/action", each) for each in need["anyOf"]]
            if any_of not in self.needs:
                self.needs.append(any_of)
            self.held = sorted({*self.held, *need["held"]})


Table = dict[str, dict[str, Called]]
"""By service, and by method and path."""


def add(table: Table, calls: Iterable[Mapping[str, Any]]) -> None:
    """Add the app's own calls among those that the simulated cloud has recorded."""
    for call in calls:
        service = call["service"]
        if not call["clientRequestId"] and not _has_no_id(call):
            continue
        name = f"{call['method']} {_path(service, call['path'])}"
        table.setdefault(service, {}).setdefault(name, Called()).add(call["needs"])


def add_storage(table: Table, log: Path, start: int) -> None:
    """Add the requests in Azurite's log, from a position on."""
    with log.open(encoding="utf-8") as lines:
        lines.seek(start)
        for method, target in _REQUEST.findall(lines.read()):
            table.setdefault("storage", {}).setdefault(f"{method} {_storage_path(target)}", Called())


def document(table: Table) -> dict[str, dict[str, Any]]:
    """The table as the record has it."""
    return {
        service: {call: {"needs": called.needs, "held": called.held} for call, called in found.items()}
        for service, found in table.items()
    }


def _has_no_id(call: Mapping[str, Any]) -> bool:
    """Whether the call is the app's although nothing in it shows that, because nobody else makes it."""
    path = str(urlsplit(str(call["path"])).path)
    return bool(call["service"] == "managedIdentity") or path == "/" or path.endswith("/keys")


def _path(service: str, target: str) -> str:
    path = unquote(urlsplit(target).path)
    if service == _LOGIN:
        return re.sub(r"^/[^/]+", "/{tenant}", path)
    path = _GUID.sub("{id}", path)
    for pattern, name in _PATHS.get(service, ()):
        path = re.sub(pattern, name, path)
    return path


def _storage_path(target: str) -> str:
    """Queues, tables and containers can have equal names, so the form of the path decides."""
    parts = urlsplit(target)
    comp = re.search(r"comp=(\w+)", parts.query)
    suffix = f"?comp={comp[1]}" if comp else ""
    first, *rest = unquote(parts.path).split("/")[2:]  # without the account name
    if "messages" in rest:
        return f"/{{queue}}/messages{'/{id}' if len(rest) > 1 else ''}"
    if suffix == "?comp=metadata":
        return f"/{{queue}}{suffix}"
    if first.startswith("$"):
        return f"/{first}"
    if "(" in first:
        return "/{table}()" if first.endswith("()") else "/{table}({keys})"
    if rest or "restype=container" in parts.query:
        return f"/{{container}}{'/{blob}' if rest else ''}{suffix}"
    return "/{table}"
