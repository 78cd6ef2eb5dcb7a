"""Texts with named fields, and the values in them as JSON.

The values are stored and sent beside a text, so that it can be written in another language. A date is then
text, too; ``fill`` writes it in the form that the field specifies, such as ``{ended:%Y-%m-%d}``. With
``{which: }``, a space precedes the value unless the value is empty.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from string import Formatter
from typing import Any, Final, Protocol, runtime_checkable

from onboarding.words import data
from onboarding.words.line import isolated
from onboarding.words.word import Word


@runtime_checkable
class Phrased(Protocol):
    """A value that is itself a part of a sentence."""

    def as_json(self) -> dict[str, Any]:
        """With its code."""
        ...


_SPACED: Final = " "


class _Dates(Formatter):
    """Formats dates even if they are text."""

    def format_field(self, value: Any, format_spec: str) -> str:
        match value:
            case list() | tuple():
                value = ", ".join(map(self._text, value))
            case str() if format_spec.startswith("%"):
                value = datetime.fromisoformat(value)
            case Mapping() | Word() | str():
                value = self._text(value)
                if format_spec == _SPACED:
                    return f" {value}" if value else ""
        return str(super().format_field(value, format_spec))

    @staticmethod
    def _text(value: Any) -> str:
        """A value as text: a phrase in English, as it is stored; a word, stored or not, in one line."""
        if isinstance(value, Word | str):
            return isolated(value)
        return str(value["text"] if isinstance(value, Mapping) else value)


_FORMATTER: Final = _Dates()


def fill(template: str, values: Mapping[str, Any]) -> str:
    """The text with values in its fields."""
    return _FORMATTER.vformat(template, (), values) if "{" in template else template


@functools.cache
def fields(template: str) -> frozenset[str]:
    """The names of the fields of a template."""
    return frozenset(name for _, name, _, _ in _FORMATTER.parse(template) if name)


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON has them: dates as RFC 3339 in UTC, a phrase with its code, and text for most others."""
    return {name: _as_json(value) for name, value in values.items()}


def _as_json(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [_as_json(member) for member in value]
        case Phrased():
            return value.as_json()
        case Word():
            return data.text(value)
        case _:
            return str(value)
