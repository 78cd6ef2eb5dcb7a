"""``$filter``: Graph's subset of OData's expressions, parsed into a test for one object.

Grammar: OData 4.01 URL conventions, 5.1.1. What the directory supports of it on applications:
https://learn.microsoft.com/graph/aad-advanced-queries
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infra.local.cloud.graph.errors import GraphError, malformed, unsupported_query
from infra.local.cloud.messages import JsonObject, utc_moment

Test = Callable[[JsonObject], bool]
Hints = tuple[tuple[str, str], ...] | None
"""Property and value pairs of which every match has at least one; None: it cannot be told."""

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<moment>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))"
    r"|(?P<guid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})|(?P<number>-?\d+)"
    r"|(?P<name>[A-Za-z_$][\w/$]*)|(?P<mark>[(),:]))"
)
_ADVANCED: Final = frozenset({"ne", "not", "endswith"})
"""What the directory only does with ``ConsistencyLevel: eventual`` and ``$count=true``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filterable:
    """The properties by which a resource can be filtered."""

    resource: str
    properties: frozenset[str]
    moments: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter, or a part of one."""

    test: Test
    hints: Hints = None


class FilterReader:
    """Reads one ``$filter`` expression."""

    def __init__(self, expression: str, filterable: Filterable, *, advanced: bool) -> None:
        """Split the expression into tokens. Raises ``GraphError`` for invalid text."""
        self._expression = expression
        self._filterable = filterable
        self._advanced = advanced
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(expression.rstrip()):
            match = _TOKEN.match(expression, position)
            if match is None:
                raise self._invalid(position)
            self._tokens.append((match.lastgroup or "", match.group(match.lastgroup or 0)))
            position = match.end()
        self._at = 0

    def read(self) -> Condition:
        """The whole expression. Raises ``GraphError`` if it is wrong or not supported."""
        condition = self._or()
        if self._at != len(self._tokens):
            raise self._invalid(self._at)
        return condition

    def _or(self) -> Condition:
        left = self._and()
        while self._take("name", "or"):
            left = _either(left, self._and())
        return left

    def _and(self) -> Condition:
        left = self._unary()
        while self._take("name", "and"):
            left = _both(left, self._unary())
        return left

    def _unary(self) -> Condition:
        if self._take("name", "not"):
            self._need_advanced("not")
            inner = self._unary()
            return Condition(lambda body: not inner.test(body))
        if self._take("mark", "("):
            condition = self._or()
            self._expect("mark", ")")
            return condition
        name = self._expect("name")
        if name.lower() in ("startswith", "endswith"):
            return self._function(name.lower())
        if name.endswith("/any") and self._take("mark", "("):
            return self._any(name.removesuffix("/any"))
        return self._comparison(name)

    def _function(self, function: str) -> Condition:
        self._need_advanced(function)
        self._expect("mark", "(")
        name = self._supported(self._expect("name"))
        self._expect("mark", ",")
        value = self._literal()
        self._expect("mark", ")")
        return Condition(_affix(function, value, lambda body: body.get(name)))

    def _any(self, name: str) -> Condition:
        if name not in self._filterable.lists:
            raise self._unsupported(name)
        variable = self._expect("name")
        self._expect("mark", ":")
        subject = self._expect("name")
        if subject.lower() == "startswith":
            self._expect("mark", "(")
            self._expect("name", variable)
            self._expect("mark", ",")
            starts = _affix("startswith", self._literal(), lambda entry: entry["value"])
            self._expect("mark", ")")
            self._expect("mark", ")")
            return Condition(lambda body: any(starts({"value": entry}) for entry in body.get(name) or ()))
        if subject != variable or not self._take("name", "eq"):
            raise self._unsupported(name)
        value = str(self._literal())
        self._expect("mark", ")")
        folded = value.casefold()
        return Condition(
            lambda body: any(str(entry).casefold() == folded for entry in body.get(name) or ()),
            ((name, value),),
        )

    def _comparison(self, name: str) -> Condition:
        operator = self._expect("name").lower()
        if operator not in {"eq", "ne", "ge", "le", "gt", "lt", "in"}:
            raise self._invalid(self._at)
        self._supported(name)
        if operator == "in":
            return self._in(name)
        value = self._literal()
        if name in self._filterable.moments:
            return Condition(_moment_test(name, operator, value, self._unsupported(name)))
        if operator == "eq":
            hints: Hints = ((name, value),) if isinstance(value, str) else None
            return Condition(lambda body: _same(body.get(name), value), hints)
        if operator == "ne":
            self._need_advanced("ne")
            return Condition(lambda body: not _same(body.get(name), value))
        raise self._unsupported(name)

    def _in(self, name: str) -> Condition:
        self._expect("mark", "(")
        values = [self._literal()]
        while self._take("mark", ","):
            values.append(self._literal())
        self._expect("mark", ")")
        hints = tuple((name, value) for value in values if isinstance(value, str))
        return Condition(
            lambda body: any(_same(body.get(name), value) for value in values),
            hints if len(hints) == len(values) else None,
        )

    def _literal(self) -> object:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        self._at += 1
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind in ("guid", "moment"):
            return text
        if kind == "number":
            return int(text)
        if kind == "name" and text in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[text]
        raise self._invalid(self._at)

    def _take(self, kind: str, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, text):
            self._at += 1
            return True
        return False

    def _expect(self, kind: str, text: str | None = None) -> str:
        if self._at < len(self._tokens):
            found, value = self._tokens[self._at]
            if found == kind and text in (None, value):
                self._at += 1
                return value
        raise self._invalid(self._at)

    def _supported(self, name: str) -> str:
        if name not in self._filterable.properties | self._filterable.moments:
            raise self._unsupported(name)
        return name

    def _need_advanced(self, feature: str) -> None:
        if feature in _ADVANCED and not self._advanced:
            raise unsupported_query(
                "Operator 'endsWith' is not supported because the 'ConsistencyLevel:eventual' header is"
                " missing."
                if feature == "endswith"
                else f"Unsupported property filter clause operator '{feature}'."
            )

    def _unsupported(self, name: str) -> GraphError:
        return unsupported_query(
            f"Unsupported or invalid query filter clause specified for property '{name}' of resource"
            f" '{self._filterable.resource}'."
        )

    def _invalid(self, position: int) -> GraphError:
        return malformed(
            f"Invalid filter clause: Syntax error at position {position} in '{self._expression}'."
        )


def _both(left: Condition, right: Condition) -> Condition:
    return Condition(lambda body: left.test(body) and right.test(body), left.hints or right.hints)


def _either(left: Condition, right: Condition) -> Condition:
    hints = left.hints + right.hints if left.hints and right.hints else None
    return Condition(lambda body: left.test(body) or right.test(body), hints)


def _same(actual: object, wanted: object) -> bool:
    if isinstance(actual, str) and isinstance(wanted, str):
        return actual.casefold() == wanted.casefold()
    return actual is wanted or (actual == wanted and type(actual) is type(wanted))


def _affix(function: str, value: object, subject: Callable[[JsonObject], object]) -> Test:
    folded = str(value).casefold()

    def test(body: JsonObject) -> bool:
        actual = subject(body)
        if not isinstance(actual, str):
            return False
        actual = actual.casefold()
        return actual.startswith(folded) if function == "startswith" else actual.endswith(folded)

    return test


def _moment_test(name: str, operator: str, value: object, error: GraphError) -> Test:
    try:
        limit = utc_moment(str(value))
    except ValueError:
        raise error from None
    compare: dict[str, Callable[[float], bool]] = {
        "eq": lambda seconds: seconds == 0,
        "ge": lambda seconds: seconds >= 0,
        "le": lambda seconds: seconds <= 0,
        "gt": lambda seconds: seconds > 0,
        "lt": lambda seconds: seconds < 0,
        "ne": lambda seconds: seconds != 0,
    }
    check = compare[operator]
    return lambda body: bool(body.get(name)) and check((utc_moment(body[name]) - limit).total_seconds())
