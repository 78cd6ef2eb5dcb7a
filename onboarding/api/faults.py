"""What a model finds wrong with a request, as findings: each type of fault is a declared error.

The validation library's own texts are for developers, and are not shown. A validator of this app raises a
fault whose type is the code of an error (``onboarding/cmg/faults.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from onboarding.cmg.faults import Fault
from onboarding.errors import ErrorType, Finding, fields
from onboarding.errors.catalogue import CATALOGUE

Values = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_QUOTED: Final = re.compile(r"'((?:[^'\\]|\\.)*)'")


def _named(**names: str) -> Values:
    """The values of a text by the names that the library has for them."""
    return lambda found: {name: found[theirs] for name, theirs in names.items()}


def _allowed(found: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"allowed": _QUOTED.findall(str(found["expected"]))}


_BY_PREFIX: Final[Mapping[str, ErrorType]] = {
    "bool_": fields.NOT_A_FLAG,
    "int_": fields.NOT_A_NUMBER,
    "float_": fields.NOT_A_NUMBER,
    "decimal_": fields.NOT_A_NUMBER,
    "finite_number": fields.NOT_A_NUMBER,
    "uuid_": fields.NOT_A_UUID,
    "datetime_": fields.NOT_A_TIMESTAMP,
    "timezone_": fields.NOT_A_TIMESTAMP,
    "date_": fields.NOT_A_TIMESTAMP,
    "time_": fields.NOT_A_TIMESTAMP,
    "string_type": fields.NOT_TEXT,
    "string_sub_type": fields.NOT_TEXT,
    "string_unicode": fields.NOT_TEXT,
    "dict_": fields.NOT_AN_OBJECT,
    "mapping_": fields.NOT_AN_OBJECT,
    "model_": fields.NOT_AN_OBJECT,
    "dataclass_": fields.NOT_AN_OBJECT,
    "list_": fields.NOT_A_LIST,
    "tuple_": fields.NOT_A_LIST,
    "set_": fields.NOT_A_LIST,
    "frozen_set_": fields.NOT_A_LIST,
    "iterable_": fields.NOT_A_LIST,
    "missing": fields.FIELD_MISSING,
    "extra_forbidden": fields.FIELD_UNKNOWN,
}
"""The errors without values, by how the types of the library begin."""

_WITH_VALUES: Final[Mapping[str, tuple[ErrorType, Values]]] = {
    "string_too_long": (fields.TEXT_TOO_LONG, _named(most="max_length")),
    "string_too_short": (fields.TEXT_TOO_SHORT, _named(least="min_length")),
    "too_long": (fields.TOO_MANY_ENTRIES, _named(most="max_length")),
    "too_short": (fields.TOO_FEW_ENTRIES, _named(least="min_length")),
    "greater_than_equal": (fields.NUMBER_TOO_SMALL, _named(least="ge")),
    "less_than_equal": (fields.NUMBER_TOO_LARGE, _named(most="le")),
    "enum": (fields.NOT_ONE_OF, _allowed),
    "literal_error": (fields.NOT_ONE_OF, _allowed),
}

_LENGTHS: Final = {"too_long", "too_short"}
_HIDDEN: Final = "Value"
"""What the library calls a secret text, for whose length it has the types of a list."""


def findings(errors: Iterable[Any]) -> tuple[Finding, ...]:
    """The faults that a model has found in a body, each with its place as a JSON pointer (RFC 6901)."""
    return tuple(finding(error, pointer_of(error["loc"])) for error in errors)


def finding(error: Any, pointer: str = "") -> Finding:
    """One fault that a model has found."""
    kind, values = _kind_of(error["type"], error.get("ctx") or {})
    return kind.finding(pointer, **values)


def of(fault: Fault) -> Finding:
    """A fault that a rule has found."""
    return CATALOGUE[fault.code].finding(fault.pointer, **fault.values)


def pointer_of(place: Iterable[int | str]) -> str:
    """The JSON pointer to a place in a body. A fault in the name of a member points to the member."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in place if part != "[key]")
    return "".join(f"/{part}" for part in escaped)


def _kind_of(name: str, context: Mapping[str, Any]) -> tuple[ErrorType, Mapping[str, Any]]:
    if declared := CATALOGUE.get(name):
        return declared, {key: context[key] for key in declared.fields}
    if name in _LENGTHS and context.get("field_type") == _HIDDEN:
        name = f"string_{name}"
    if name == "string_too_short" and context.get("min_length") == 1:
        return fields.TEXT_EMPTY, {}
    if known := _WITH_VALUES.get(name):
        return known[0], known[1](context)
    kinds = (kind for prefix, kind in _BY_PREFIX.items() if name.startswith(prefix))
    return next(kinds, fields.FIELD_INVALID), {}
