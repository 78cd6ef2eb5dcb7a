"""What a codec can store: the fields that no document holds, and the values of its enumerations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from onboarding.storage.codec import Codec

Schema = Mapping[str, Any]


def holes(codec: Codec[Any], documents: Sequence[Any]) -> set[str]:
    """The paths of fields that have a value in none of the documents."""
    schema = _schema(codec)
    return set(_holes(schema, documents, schema.get("$defs", {}), "", ()))


def enumerations(codec: Codec[Any]) -> dict[str, set[str]]:
    """The values of each enumeration in the documents, by its name, or by its field if it has none."""
    return {
        found.get("title", name): set(found["enum"])
        for name, found in _parts(_schema(codec), "")
        if "enum" in found
    }


def _schema(codec: Codec[Any]) -> Schema:
    return codec._adapter.json_schema(mode="serialization")


def _parts(schema: Any, name: str) -> Iterator[tuple[str, Schema]]:
    """The schemas in a schema, each with the name of the field that has it."""
    if isinstance(schema, dict):
        yield name, schema
        for keyword, part in schema.items():
            inner = part.items() if keyword in {"properties", "$defs"} else [(name, part)]
            for field, member in inner:
                yield from _parts(member, field)
    for part in schema if isinstance(schema, list) else ():
        yield from _parts(part, name)


def _holes(
    schema: Schema, found: Sequence[Any], defs: Schema, path: str, within: tuple[str, ...]
) -> Iterator[str]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in within:
            yield from _holes(defs[name], found, defs, path, (*within, name))
    for choice in schema.get("anyOf", ()):
        yield from _holes(choice, found, defs, path, within)
    for name, member in schema.get("properties", {}).items():
        values = [each[name] for each in found if isinstance(each, dict) and each.get(name) is not None]
        if values:
            yield from _holes(member, values, defs, f"{path}.{name}", within)
        else:
            yield f"{path}.{name}"
    for keyword, kind, mark in (("items", list, "[]"), ("additionalProperties", dict, "{}")):
        if isinstance(member := schema.get(keyword), dict):
            collections = [each for each in found if isinstance(each, kind)]
            inner = [value for each in collections for value in _members(each)]
            if inner:
                yield from _holes(member, inner, defs, f"{path}{mark}", within)
            else:
                yield f"{path}{mark}"


def _members(collection: Any) -> list[Any]:
    return list(collection.values() if isinstance(collection, dict) else collection)
