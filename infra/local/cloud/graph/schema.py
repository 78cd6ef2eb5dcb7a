"""Shapes of Graph's objects: their properties, with types and defaults.

A shape merges a value in a request body with the current one. As in OData (part 1, 11.4.3), a
structured property is merged, a list is replaced.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from infra.local.cloud.graph.errors import bad_request, invalid_value
from infra.local.cloud.messages import JsonObject, is_guid, utc_moment, utc_text


class Shape(Protocol):
    """The type of a property."""

    def default(self) -> object:
        """The value until somebody sets it."""
        ...

    def read(self, value: object, current: object, path: str) -> object:
        """The value from a request as it is stored. Raises ``GraphError`` for an invalid one."""
        ...


def _wrong_type(edm: str) -> Exception:
    return bad_request(
        f"Cannot convert a primitive value to the expected type '{edm}'. See the inner exception for more"
        " details."
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A string of limited length, or one of several values."""

    longest: int = 32768
    choices: frozenset[str] = frozenset()
    start: str | None = None

    def default(self) -> object:
        """Mostly null."""
        return self.start

    def read(self, value: object, current: object, path: str) -> object:  # noqa: ARG002
        """Null or a string that fits."""
        if value is None:
            return self.start
        if not isinstance(value, str):
            raise _wrong_type("Edm.String")
        if len(value) > self.longest or (self.choices and value not in self.choices):
            raise invalid_value(path, "Application")
        return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag:
    """A Boolean."""

    start: bool | None = None

    def default(self) -> object:
        """Null, false or true."""
        return self.start

    def read(self, value: object, current: object, path: str) -> object:  # noqa: ARG002
        """Null or a Boolean."""
        if value is None:
            return self.start
        if not isinstance(value, bool):
            raise _wrong_type("Edm.Boolean")
        return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A small integer, or one of several values."""

    choices: frozenset[int] = frozenset()

    def default(self) -> object:
        """Always null."""
        return None

    def read(self, value: object, current: object, path: str) -> object:  # noqa: ARG002
        """Null or an integer that fits."""
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong_type("Edm.Int32")
        if self.choices and value not in self.choices:
            raise invalid_value(path, "Application")
        return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Guid:
    """A GUID."""

    def default(self) -> object:
        """Always null."""
        return None

    def read(self, value: object, current: object, path: str) -> object:  # noqa: ARG002
        """Null or a GUID."""
        if value is None:
            return None
        if not isinstance(value, str) or not is_guid(value):
            raise _wrong_type("Edm.Guid")
        return value.lower()


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A date and time."""

    def default(self) -> object:
        """Always null."""
        return None

    def read(self, value: object, current: object, path: str) -> object:  # noqa: ARG002
        """Null or a moment."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise _wrong_type("Edm.DateTimeOffset")
        try:
            return utc_text(utc_moment(value))
        except (ValueError, OverflowError) as error:
            raise _wrong_type("Edm.DateTimeOffset") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """Bytes, as base64."""

    def default(self) -> object:
        """Always null."""
        return None

    def read(self, value: object, current: object, path: str) -> object:  # noqa: ARG002
        """Null or base64, which can have line breaks (RFC 2045 section 6.8), as some clients send it."""
        if value is None:
            return None
        try:
            text = value if isinstance(value, str) else "?"
            base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
        except (binascii.Error, ValueError) as error:
            raise _wrong_type("Edm.Binary") from error
        return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Many:
    """A list, replaced as a whole."""

    item: Shape

    def default(self) -> object:
        """Empty."""
        return []

    def read(self, value: object, current: object, path: str) -> object:  # noqa: ARG002
        """A list whose entries fit; null empties it."""
        if value is None:
            return []
        if not isinstance(value, list):
            raise invalid_value(path, "Application")
        entries = [self.item.read(entry, self.item.default(), path) for entry in value]
        if any(entry is None for entry in entries):
            raise invalid_value(path, "Application")
        return entries


@dataclass(frozen=True, kw_only=True, slots=True)
class Structure:
    """A structured value."""

    name: str
    properties: Mapping[str, Shape]
    nullable: bool = False
    """Null while nobody has set it, instead of a structure of defaults."""
    required: tuple[str, ...] = field(default=())

    def default(self) -> object:
        """Null, or each property's default."""
        return None if self.nullable else self.empty()

    def empty(self) -> JsonObject:
        """Each property's default."""
        return {name: shape.default() for name, shape in self.properties.items()}

    def read(self, value: object, current: object, path: str) -> object:
        """The current structure with the given properties in it."""
        if value is None:
            return self.default()
        if not isinstance(value, dict):
            raise invalid_value(path, "Application")
        result: JsonObject = dict(current) if isinstance(current, dict) else self.empty()
        for name, entry in value.items():
            if "@odata." in name:
                continue
            shape = self.properties.get(name)
            if shape is None:
                raise bad_request(
                    f"The property '{name}' does not exist on type 'Microsoft.DirectoryServices.{self.name}'."
                    " Make sure to only use property names that are defined by the type."
                )
            result[name] = shape.read(entry, result.get(name), f"{path}.{name}" if path else name)
        for name in self.required:
            if result.get(name) in (None, ""):
                raise bad_request(
                    f"A value is required for property '{path}.{name}' of resource '{self.name}'."
                )
        return result
