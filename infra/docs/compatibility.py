"""Finds the changes of the API's description that would break a portal for a released version.

docs/compatibility.md has the promise. Requests can accept more and require less. Answers and events can get
new fields, and must keep the fields that they have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Schema = Mapping[str, Any]

_UPPER: Final = ("maximum", "maxLength", "maxItems", "maxProperties")
_LOWER: Final = ("minimum", "minLength", "minItems")


def breaking(released: Schema, current: Schema) -> list[str]:
    """The breaking changes, one line each."""
    return [*_paths(released, current), *_webhooks(released, current)]


def _paths(released: Schema, current: Schema) -> Iterator[str]:
    requests, answers = _Comparison(released, current, request=True), _Comparison(released, current)
    for path, methods in released["paths"].items():
        for method, old in methods.items():
            where = f"{method.upper()} {path}"
            new = current["paths"].get(path, {}).get(method)
            if new is None:
                yield f"{where}: the endpoint is removed"
                continue
            yield from _parameters(old, new, where, requests)
            yield from _body(old, new, where, requests)
            yield from _answers(old, new, where, answers)


def _webhooks(released: Schema, current: Schema) -> Iterator[str]:
    comparison = _Comparison(released, current)
    for name, webhook in released.get("webhooks", {}).items():
        old, new = webhook["post"], current.get("webhooks", {}).get(name, {}).get("post")
        if new is None:
            yield f"webhook {name}: it is removed"
        else:
            yield from _contents(old["requestBody"], new["requestBody"], f"webhook {name}", comparison)


def _parameters(old: Schema, new: Schema, where: str, comparison: _Comparison) -> Iterator[str]:
    before = {parameter["name"]: parameter for parameter in old.get("parameters", ())}
    after = {parameter["name"]: parameter for parameter in new.get("parameters", ())}
    for name in before.keys() - after.keys():
        yield f"{where}: the parameter {name} is removed"
    for name, parameter in after.items():
        if parameter.get("required") and not before.get(name, {}).get("required"):
            yield f"{where}: the parameter {name} is required now"
        if name in before:
            yield from comparison.differences(
                before[name]["schema"], parameter["schema"], f"{where}: the parameter {name}"
            )


def _body(old: Schema, new: Schema, where: str, comparison: _Comparison) -> Iterator[str]:
    before, after = old.get("requestBody"), new.get("requestBody")
    if after and after.get("required") and not (before and before.get("required")):
        yield f"{where}: the body is required now"
    if before and not after:
        yield f"{where}: the body is removed"
    if before and after:
        yield from _contents(before, after, f"{where}: the body", comparison)


def _answers(old: Schema, new: Schema, where: str, comparison: _Comparison) -> Iterator[str]:
    for status, response in old["responses"].items():
        after = new["responses"].get(status)
        if after is None:
            yield f"{where}: the status {status} is removed"
            continue
        yield from _contents(response, after, f"{where}: {status}", comparison)
        for header in response.get("headers", {}).keys() - after.get("headers", {}).keys():
            yield f"{where}: {status}: the header {header} is removed"


def _contents(old: Schema, new: Schema, where: str, comparison: _Comparison) -> Iterator[str]:
    for media_type, content in old.get("content", {}).items():
        if media_type not in new.get("content", {}):
            yield f"{where}: the media type {media_type} is removed"
        else:
            schema = new["content"][media_type]["schema"]
            yield from comparison.differences(content["schema"], schema, where)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Compares schemas of two documents."""

    released: Schema
    current: Schema
    request: bool = field(default=False, kw_only=True)  # whether a caller sends it

    def differences(
        self, old: Schema, new: Schema, where: str, seen: frozenset[str] = frozenset()
    ) -> Iterator[str]:
        """The breaking changes of a value."""
        if (name := str(old.get("$ref", ""))) in seen:
            return
        seen = seen | {name} if name else seen
        if mapping := _mapping(old, self.released):
            yield from self._by_type(mapping, _mapping(new, self.current), where, seen)
            return
        before, after = _variants(old, self.released), _variants(new, self.current)
        wanted, offered = (before, after) if self.request else (after, before)
        if lost := wanted.keys() - offered.keys():
            verb = "no longer accepted" if self.request else "new"
            yield f"{where}: the type {', '.join(sorted(lost))} is {verb}"
        for kind in before.keys() & after.keys():
            yield from self._of_one_type(before[kind], after[kind], where, seen)

    def _by_type(
        self, old: Mapping[str, str], new: Mapping[str, str], where: str, seen: frozenset[str]
    ) -> Iterator[str]:
        """The breaking changes of a value whose member names its schema."""
        for kind, schema in old.items():
            if kind not in new:
                yield f"{where}: {kind} is removed"
            else:
                yield from self.differences({"$ref": schema}, {"$ref": new[kind]}, f"{where}: {kind}", seen)

    def _of_one_type(self, old: Schema, new: Schema, where: str, seen: frozenset[str]) -> Iterator[str]:
        if lost := set(_values(old)) - set(_values(new)) if _values(new) else ():
            yield f"{where}: the value {', '.join(sorted(map(str, lost)))} is removed"
        if self.request:
            yield from _limits(old, new, where)
        yield from self._fields(old, new, where, seen)
        for part in ("items", "additionalProperties"):
            before, after = old.get(part), new.get(part)
            if isinstance(before, Mapping) and isinstance(after, Mapping):
                yield from self.differences(before, after, f"{where}[]", seen)

    def _fields(self, old: Schema, new: Schema, where: str, seen: frozenset[str]) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        for name in before.keys() - after.keys():
            yield f"{where}: the field {name} is removed"
        for name in sorted(needs - needed if self.request else (needed - needs) & after.keys()):
            yield f"{where}: the field {name} is {'required now' if self.request else 'optional now'}"
        for name in before.keys() & after.keys():
            yield from self.differences(before[name], after[name], f"{where}: {name}", seen)


def _variants(schema: Schema, document: Schema) -> dict[str, Schema]:
    """The schemas of a value by type, with references resolved."""
    if "$ref" in schema:
        target = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return _variants({**target, **{key: schema[key] for key in schema if key != "$ref"}}, document)
    found: dict[str, Schema] = {}
    for choice in schema.get("anyOf", ()):
        for kind, variant in _variants(choice, document).items():
            found[kind] = {**found.get(kind, {}), **variant}  # an open enumeration is text with known values
    kinds = schema.get("type", "any")
    return found or dict.fromkeys(kinds if isinstance(kinds, list) else [str(kinds)], schema)


def _mapping(schema: Schema, document: Schema) -> Mapping[str, str]:
    """The schemas by the value of the member that names them; empty for any other schema."""
    if "$ref" in schema:
        return _mapping(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    mapping: Mapping[str, str] = schema.get("discriminator", {}).get("mapping", {})
    return mapping


def _values(schema: Schema) -> tuple[Any, ...]:
    return tuple(schema.get("enum", (schema["const"],) if "const" in schema else ()))


def _limits(old: Schema, new: Schema, where: str) -> Iterator[str]:
    """Limits of a request that became stricter."""
    stricter: Mapping[str, Callable[[Any, Any], bool]] = {
        **dict.fromkeys(_UPPER, lambda before, after: before is None or after < before),
        **dict.fromkeys(_LOWER, lambda before, after: before is None or after > before),
        "pattern": lambda before, after: bool(after != before),
    }
    for name, is_stricter in stricter.items():
        if name in new and is_stricter(old.get(name), new[name]):
            yield f"{where}: {name} is {new[name]} now"
    if _values(new) and not _values(old):
        yield f"{where}: only {', '.join(map(str, _values(new)))} is accepted now"
