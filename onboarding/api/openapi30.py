"""The description in OpenAPI 3.0.3, for tools that do not read 3.1, made from the same declarations.

Source: https://spec.openapis.org/oas/v3.0.3.html. Schemas of 3.0 have ``nullable`` in place of a second type,
``enum`` in place of ``const``, and nothing beside ``$ref``. It has no webhooks; they are in ``x-webhooks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SCHEMA_MAPS: Final = ("properties", "schemas")


def in_30(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same description in OpenAPI 3.0.3."""
    converted: dict[str, Any] = {**_converted(document), "openapi": "3.0.3"}
    converted["x-webhooks"] = converted.pop("webhooks")
    return converted


def _converted(value: Any) -> Any:
    """A part of the description: the schemas in it are those of 3.0."""
    if isinstance(value, list | tuple):
        return [_converted(member) for member in value]
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    for key, member in value.items():
        if key in {"schema", "items", "additionalProperties"} and isinstance(member, Mapping):
            found[key] = _schema(member)
        elif key in _SCHEMA_MAPS and isinstance(member, Mapping):
            found[key] = {name: _schema(schema) for name, schema in member.items()}
        elif key in {"examples", "default", "x-app-roles"}:
            found[key] = member  # values, in which a key has no meaning for the description
        else:
            found[key] = _converted(member)
    return found


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """One schema."""
    if "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        reference = {"$ref": schema["$ref"]}
        return {**_converted(beside), "allOf": [reference]} if beside else reference
    if values := open_values(schema):
        described = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**described, "type": "string", "x-extensible-enum": values}
    found: dict[str, Any] = _converted(schema)
    found.pop("propertyNames", None)  # 3.0 cannot describe the names of labels
    if isinstance(kinds := schema.get("type"), list):
        (kind,) = (kind for kind in kinds if kind != "null")
        found |= {"type": kind, "nullable": True}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if bound in found:
            found |= {limit: found[bound], bound: True}
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            found[choice] = [_schema(member) for member in schema[choice]]
    return found


def open_values(schema: Mapping[str, Any]) -> list[str]:
    """The known values of an open enumeration; none for any other schema.

    Generators make a class around each ``anyOf``, so the values are in an extension that many of them read:
    https://opensource.zalando.com/restful-api-guidelines/#112.
    """
    match schema.get("anyOf"):
        case [{"enum": [*values]}, {"type": "string"}]:
            return values
    return []
