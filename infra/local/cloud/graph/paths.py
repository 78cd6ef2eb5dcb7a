"""Graph's paths: split into names and keys, and matched to handlers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote

from infra.local.cloud.graph.call import Call, Key
from infra.local.cloud.graph.errors import GraphError, malformed, no_segment
from infra.local.cloud.messages import Answer

Handler = Callable[[Call], Answer]

_PARENTHESES: Final = re.compile(r"(?P<name>[^()]+)\((?:(?P<key>\w+)=)?(?P<value>'(?:[^']|'')*'|[^'()]*)\)")


class Paths:
    """Handlers by method and path. A lookup costs the same for any number of paths."""

    def __init__(self, routes: Mapping[tuple[str, str], Handler]) -> None:
        """``{}`` in a path is a key: a segment of its own, or in parentheses after a collection."""
        self._handlers: dict[str, dict[str, Handler]] = {}
        self._prefixes: set[str] = set()
        for (method, path), handler in routes.items():
            folded = path.casefold()
            self._handlers.setdefault(folded, {})[method] = handler
            segments = folded.split("/")
            self._prefixes |= {"/".join(segments[:length]) for length in range(1, len(segments) + 1)}

    def find(self, method: str, path: str) -> tuple[Handler, tuple[Key, ...]]:
        """The handler of a path (still percent-encoded) and the keys in it. Raises ``GraphError``."""
        known = ""
        keys: list[Key] = []
        for segment in path.split("/"):
            name, key = _split(unquote(segment))
            literal = f"{known}/{name.casefold()}" if known else name.casefold()
            if literal in self._prefixes:
                known = literal
            elif known and f"{known}/{{}}" in self._prefixes and key is None and name:
                known = f"{known}/{{}}"
                keys.append(Key(name="id", value=name))
            else:
                raise no_segment(name)
            if key is not None:
                if f"{known}/{{}}" not in self._prefixes:
                    raise no_segment(name)
                known = f"{known}/{{}}"
                keys.append(key)
        handlers = self._handlers.get(known)
        if handlers is None:
            raise no_segment(path.rpartition("/")[2])
        if method not in handlers:
            raise GraphError(
                405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."
            )
        return handlers[method], tuple(keys)


def _split(segment: str) -> tuple[str, Key | None]:
    """A segment's name, and the key in parentheses after it if there is one."""
    if "(" not in segment:
        return segment, None
    match = _PARENTHESES.fullmatch(segment)
    if match is None:
        raise malformed("Bad Request - Error in query syntax.")
    value = match["value"]
    if value.startswith("'"):
        value = value[1:-1].replace("''", "'")
    if not value:
        raise malformed("Bad Request - Error in query syntax.")
    return match["name"], Key(name=match["key"] or "id", value=value)
