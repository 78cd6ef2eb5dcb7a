"""Every JSON example in the pages fits the description of the API.

An example can leave out members, with or without ``…``. What it shows has a declared name, type and format.
"""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from openapi_schema_validator import OAS31Validator

from infra.docs import tables
from onboarding.api.schemas import PATH, names_in, reachable
from tests.support.pages import page, pages

_LEFT_OUT: Final = "\u2026"
_BLOCK: Final = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CALL: Final = re.compile(r"`([A-Z]+) /api(/[^`?]*)")
_GENERAL: Final = {"Problem", "Connection"}
"""Schemas whose documents are shown on pages about other calls, too."""
_OTHERS: Final = {'"openapi": '}
"""Members of an example that is not a message of the API."""


@functools.cache
def _validators() -> Mapping[str, Any]:
    """A validator for each schema that requires no field and allows no undeclared field."""
    components = copy.deepcopy(tables.DOCUMENT["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
            schema.pop("required", None)
    return {
        name: OAS31Validator({"$ref": f"{PATH}{name}", "components": components})
        for name in components["schemas"]
    }


def _shown(value: Any) -> Any:
    """An example without the places where it leaves something out."""
    match value:
        case dict():
            return {name: _shown(member) for name, member in value.items() if name != _LEFT_OUT}
        case list():
            return [_shown(member) for member in value if member != _LEFT_OUT]
    return value


def _schemas_of(text: str) -> set[str]:
    """The schemas of the calls that a page describes, and of the events."""
    paths = tables.DOCUMENT["paths"]
    used = [paths.get(path, {}).get(method.lower(), {}) for method, path in _CALL.findall(text)]
    return names_in(used) | names_in(tables.DOCUMENT.get("webhooks", {})) | _GENERAL


def _examples() -> Iterator[tuple[str, int, str]]:
    for each in pages():
        for block in _BLOCK.finditer(each.text):
            if not any(other in block[1] for other in _OTHERS):
                yield each.name, each.text[: block.start()].count("\n") + 2, block[1]


EXAMPLES: Final = list(_examples())


@pytest.mark.parametrize(("name", "line", "text"), EXAMPLES, ids=lambda value: str(value)[:40])
def test_an_example_fits_the_description(name, line, text):
    """Each member of an example is in the API, with the type that the example shows."""
    value = _shown(json.loads(text))
    known = reachable(_schemas_of(page(name).text), tables.DOCUMENT["components"]["schemas"])
    faults = {schema: list(_validators()[schema].iter_errors(value)) for schema in known}
    fitting = [schema for schema, found in faults.items() if not found]
    nearest = min(faults, key=lambda schema: len(str(faults[schema])))
    assert fitting, (f"{name}:{line}", nearest, [fault.message[:200] for fault in faults[nearest]])


def test_there_are_examples():
    """The pattern finds the examples."""
    assert len(EXAMPLES) > 30
