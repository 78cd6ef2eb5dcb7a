"""The models as JSON schemas (draft 2020-12) that the tools of other languages read in the same way.

Each schema has one name, whether it describes a request or an answer. No field has a second type for null: an
answer omits a field that has no value, as Azure's guidelines require
(https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#json-field-null). A request can
also omit an optional field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from onboarding.api.documents import COMPONENT
from onboarding.api.open_values import VALUES

PATH: Final = "#/components/schemas/"

_NULLABLE: Final = "x-nullable"
"""Marks an optional field of a request for which null and a missing field have different meanings."""

Mode = Literal["validation", "serialization"]


def reference(name: str) -> dict[str, str]:
    """A reference to a schema."""
    return {"$ref": f"{PATH}{name}"}


def named(schema: Mapping[str, Any]) -> str:
    """The name of the schema that a reference leads to; empty if it does not lead to a schema."""
    path = str(schema.get("$ref", ""))
    return path.removeprefix(PATH) if path.startswith(PATH) else ""


def names_in(value: Any) -> set[str]:
    """The schemas that a part of a description references directly."""
    if isinstance(value, Mapping):
        inner = {name for member in value.values() for name in names_in(member)}
        return inner | {found for found in (named(value),) if found}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {name for member in value for name in names_in(member)}
    return set()


def reachable(names: Iterable[str], schemas: Mapping[str, Any]) -> set[str]:
    """The schemas that these ones lead to, themselves included."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        found |= waiting
        waiting = {name for schema in waiting for name in names_in(schemas[schema])} - found
    return found


def schemas_of(
    *,
    bodies: Iterable[type[BaseModel]],
    queries: Iterable[type[BaseModel]],
    answers: Iterable[type[BaseModel]],
) -> dict[str, Any]:
    """The schemas of models by name: requests as they are read, answers as they are written."""
    wanted: set[tuple[type[BaseModel], Mode]] = {(model, "serialization") for model in answers}
    wanted |= {(model, "validation") for model in (*bodies, *queries)}
    _, definitions = models_json_schema(
        sorted(wanted, key=str), ref_template=f"{PATH}{{model}}", schema_generator=_Generator
    )
    found: dict[str, Any] = definitions["$defs"]
    read = reachable({model.__name__ for model in bodies}, found)
    nullable: set[str] = set()
    for name, schema in found.items():
        schema.pop("title", None)
        _mark(schema, nullable)
        if name not in read:
            found[name] = _opened(schema)
    for name in nullable:
        found[name]["type"] = [found[name]["type"], "null"]
    for name, values in VALUES.items():
        found.setdefault(name, _open(sorted(values), {"type": "string"}))
    return found


def _open(values: Iterable[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """An enumeration to which a later release can add values. A caller must accept unknown values."""
    kept = {key: value for key, value in schema.items() if key != "type"}
    return {**kept, "anyOf": [{"type": "string", "enum": list(values)}, {"type": "string"}]}


def _allow_null(schema: dict[str, Any], nullable: set[str]) -> None:
    """Makes null a value of a schema, or of the one that it references: no field has two types for it."""
    if name := named(schema):
        nullable.add(name)
    else:
        schema["type"] = [schema["type"], "null"]


def _opened(schema: Any) -> Any:
    """A schema of an answer: its enumerations are open."""
    if isinstance(schema, list):
        return [_opened(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    if "enum" in schema:
        return _open(schema["enum"], {key: value for key, value in schema.items() if key != "enum"})
    return {key: _opened(value) for key, value in schema.items()}


def _mark(schema: Any, nullable: set[str]) -> None:
    """Replaces the marks of ``documents`` by references, and collects the schemas that can be null."""
    for member in schema.values() if isinstance(schema, dict) else schema:
        if not isinstance(member, dict | list):
            continue
        if isinstance(member, dict):
            if name := member.pop(COMPONENT, None):
                member.pop("type", None)
                member.update(reference(name))
            if member.pop(_NULLABLE, None):
                _allow_null(member, nullable)
        _mark(member, nullable)


class _Generator(GenerateJsonSchema):
    """Without titles, which would repeat the names, and without null as a second type."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """An answer omits a field that has its default, so only requests have defaults."""
        if self.mode == "serialization":
            return self.generate_inner(schema["schema"])
        described = super().default_schema(schema)
        usual = schema.get("default", schema.get("default_factory"))
        if schema["schema"]["type"] == "nullable" and usual is not None:
            described[_NULLABLE] = True
        if described.get("default") is None or (described["default"] == "" and "format" in described):
            described.pop("default", None)
        return described

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        required = super().field_is_required(field, total)
        return required and not (self.mode == "serialization" and field["schema"]["type"] == "nullable")
