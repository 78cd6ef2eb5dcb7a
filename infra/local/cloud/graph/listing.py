"""Query options of lists and single objects: ``$select``, ``$filter``, ``$expand``, ``$top`` and others.

https://learn.microsoft.com/graph/query-parameters and https://learn.microsoft.com/graph/paging
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote

from infra.local.cloud.graph.call import Call
from infra.local.cloud.graph.errors import GraphError, bad_request, malformed, unsupported_query
from infra.local.cloud.graph.filters import Condition, Filterable, FilterReader
from infra.local.cloud.messages import Answer, JsonObject

_LARGEST_PAGE: Final = 999
_PAGE: Final = 100
_BEGINNING: Final = "!"
"""Before each ID: the continuation of an empty page.

Graph "might return an empty page" with a continuation: https://learn.microsoft.com/graph/paging.
"""
_KEYS: Final = "keyCredentials"
_MOST_EXPANDED: Final = 20
_OPTIONS: Final = frozenset(
    {"$select", "$filter", "$expand", "$top", "$count", "$orderby", "$skiptoken", "$format"}
)
Related = Callable[[JsonObject], list[JsonObject]]
"""The objects in a relationship to an object."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A kind of object that can be listed."""

    name: str
    """As its type is called: ``application``."""
    collection: str
    """As its collection is called in a path: ``applications``."""
    properties: frozenset[str]
    filterable: Filterable
    sortable: frozenset[str] = frozenset()


class Listable(Protocol):
    """What can be listed: a collection, or a part of it."""

    def indexed(self, name: str) -> bool:
        """Whether objects can be looked up by this property."""
        ...

    def find(self, index: str, value: str) -> list[JsonObject]:
        """Objects with this value of an indexed property."""
        ...

    def after(self, object_id: str) -> Iterator[JsonObject]:
        """Objects by ID, after the given one."""
        ...


class Subset:
    """Objects that were selected before they are listed."""

    def __init__(self, bodies: Iterable[JsonObject]) -> None:
        """Accept them in any order."""
        self._bodies = sorted(bodies, key=lambda body: str(body["id"]))

    def indexed(self, name: str) -> bool:  # noqa: ARG002
        """An index is not needed."""
        return False

    def find(self, index: str, value: str) -> list[JsonObject]:
        """Objects with this value of a property."""
        return [body for body in self._bodies if body.get(index) == value]

    def after(self, object_id: str) -> Iterator[JsonObject]:
        """Objects by ID, after the given one."""
        return (body for body in self._bodies if body["id"] > object_id)


def selection(call: Call, resource: Resource) -> tuple[str, ...]:
    """The properties that ``$select`` names; none means all."""
    names = tuple(name.strip() for name in call.query.get("$select", "").split(",") if name.strip())
    for name in names:
        if name not in resource.properties and name != "*":
            raise malformed(
                "Parsing OData Select and Expand failed: Could not find a property named"
                f" '{name}' on type 'microsoft.graph.{resource.name}'."
            )
    return () if "*" in names else names


def selected(body: JsonObject, names: tuple[str, ...], *, single: bool = False) -> JsonObject:
    """A body with only the selected properties; it always contains ``id``.

    ``key`` of a certificate is null unless a single object is read with ``$select=keyCredentials``
    (https://learn.microsoft.com/graph/api/resources/keycredential).
    """
    found = body if not names else {name: body[name] for name in names if name in body}
    if found.get(_KEYS) and not (single and _KEYS in names):
        return found | {_KEYS: [each | {"key": None} for each in found[_KEYS]]}
    return found


def context(resource: Resource, names: tuple[str, ...], *, single: bool) -> str:
    """The fragment of ``@odata.context``."""
    chosen = f"({','.join(names)})" if names else ""
    return f"{resource.collection}{chosen}{'/$entity' if single else ''}"


def listed(
    call: Call, resource: Resource, collection: Listable, related: Mapping[str, Related] | None = None
) -> Answer:
    """A page of the query's result; ``related`` are the relationships that can be expanded."""
    _check_options(call)
    expanded = _expanded(call, resource, related or {})
    names = selection(call, resource)
    top = _top(call)
    matching = _matching(call, resource, collection)
    order = _order(call, resource)
    token = _token(call)
    if order is None:
        bodies: Iterable[JsonObject] = matching.bodies(token or "")
    else:
        name, descending = order
        bodies = sorted(
            matching.bodies(""),
            key=lambda body: (str(body.get(name) or "").casefold(), body["id"]),
            reverse=descending,
        )
    if call.scattered and order is None:
        top = 0 if token is None else 1
    page, more = _page(bodies, top, token if order is not None else None)
    answer: dict[str, Any] = {
        "@odata.context": f"{call.address}/$metadata#{context(resource, names, single=False)}"
    }
    if _consistent(call) and call.query.get("$count") == "true":
        answer["@odata.count"] = sum(1 for _ in matching.bodies(""))
    if more:
        answer["@odata.nextLink"] = _next_link(call, page[-1]["id"] if page else _BEGINNING)
    answer["value"] = [selected(body, names) | expanded(body) for body in page]
    return Answer(status=200, body=answer)


def _expanded(
    call: Call, resource: Resource, related: Mapping[str, Related]
) -> Callable[[JsonObject], JsonObject]:
    """The related objects that ``$expand`` adds: at most 20, from one relationship."""
    name = call.query.get("$expand")
    if name is None:
        return lambda _: {}
    if name not in related:
        raise malformed(
            "Parsing OData Select and Expand failed: Could not find a property named"
            f" '{name}' on type 'microsoft.graph.{resource.name}'."
        )
    return lambda body: {name: related[name](body)[:_MOST_EXPANDED]}


def counted(call: Call, resource: Resource, collection: Listable) -> int:
    """The answer of ``/$count``."""
    if not _consistent(call):
        raise bad_request("$count is not currently supported.")
    return sum(1 for _ in _matching(call, resource, collection).bodies(""))


@dataclass(frozen=True, slots=True)
class _Matching:
    collection: Listable
    condition: Condition | None

    def bodies(self, after: str) -> Iterator[JsonObject]:
        """Matches by ID, after a given one; looked up instead of searched where an index allows it."""
        if self.condition is None:
            return self.collection.after(after)
        hints = self.condition.hints
        if hints is None or not all(self.collection.indexed(name) for name, _ in hints):
            return (body for body in self.collection.after(after) if self.condition.test(body))
        found = {body["id"]: body for name, value in hints for body in self.collection.find(name, value)}
        return (
            found[object_id]
            for object_id in sorted(found)
            if object_id > after and self.condition.test(found[object_id])
        )


def _matching(call: Call, resource: Resource, collection: Listable) -> _Matching:
    expression = call.query.get("$filter")
    if expression is None:
        return _Matching(collection, None)
    advanced = _consistent(call) and call.query.get("$count") == "true"
    reader = FilterReader(expression, resource.filterable, advanced=advanced)
    return _Matching(collection, reader.read())


def _consistent(call: Call) -> bool:
    return call.headers.get("ConsistencyLevel", "").lower() == "eventual"


def _check_options(call: Call) -> None:
    for name in call.query:
        if name == "$skip":
            raise unsupported_query("'$skip' is not supported by the service.")
        if name == "$search":
            raise bad_request(
                "Request with $search query parameter only works through MSGraph with a special request"
                " header:"
                " 'ConsistencyLevel: eventual'"
                if not _consistent(call)
                else "$search is not supported by the simulated directory."
            )
        if name.startswith("$") and name not in _OPTIONS:
            raise malformed(f"The query parameter '{name}' is not supported.")


def _top(call: Call) -> int:
    text = call.query.get("$top")
    if text is None:
        return _PAGE
    if not text.isdecimal():
        raise malformed(
            f"Invalid value '{text}' for $top query option found. A non-negative integer is expected."
        )
    if not 1 <= int(text) <= _LARGEST_PAGE:
        raise unsupported_query(
            f"Invalid page size specified: '{text}'. Must be between 1 and {_LARGEST_PAGE} inclusive."
        )
    return int(text)


def _order(call: Call, resource: Resource) -> tuple[str, bool] | None:
    text = call.query.get("$orderby")
    if text is None:
        return None
    name, _, direction = text.strip().partition(" ")
    if name not in resource.sortable or direction.strip() not in ("", "asc", "desc"):
        raise unsupported_query(f"Unsupported sort property '{name}' for '{resource.filterable.resource}'.")
    if "$filter" in call.query and not (_consistent(call) and call.query.get("$count") == "true"):
        raise unsupported_query("Sorting not supported for current query.")
    return name, direction.strip() == "desc"


def _page(bodies: Iterable[JsonObject], top: int, last: str | None) -> tuple[list[JsonObject], bool]:
    """One page, after the object with the ID ``last``; and whether there is more."""
    page: list[JsonObject] = []
    passed = last is None
    for body in bodies:
        if not passed:
            passed = body["id"] == last
            continue
        if len(page) == top:
            return page, True
        page.append(body)
    return page, False


def _token(call: Call) -> str | None:
    """The ID after which a page begins."""
    text = call.query.get("$skiptoken")
    if text is None:
        return None
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        raise GraphError(
            400, "Directory_ExpiredPageToken", "The specified page token value has expired or is invalid."
        ) from None


def _next_link(call: Call, last: str) -> str:
    encoded = base64.urlsafe_b64encode(last.encode()).rstrip(b"=").decode()
    options = {name: value for name, value in call.query.items() if name != "$skiptoken"}
    query = "&".join(
        f"{quote(name, safe='$')}={quote(value, safe='')}"
        for name, value in [*options.items(), ("$skiptoken", encoded)]
    )
    return f"{call.address}/{call.path}?{query}"
