"""The language of an answer, and the texts in it."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from onboarding.texts import templates

_RANGE: Final = re.compile(
    r"^\s*([a-z]{1,8}|\*)(?:-[a-z0-9-]+)?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*$", re.IGNORECASE
)


class Language(StrEnum):
    """A language in which texts exist."""

    ENGLISH = "en"
    GERMAN = "de"

    @classmethod
    def preferred(cls, accepted: str) -> Language:
        """The language that a caller prefers (Accept-Language: RFC 9110, section 12.5.4); otherwise English.

        The first of several with the same weight is preferred. A region is ignored: ``de-AT`` is German.
        """
        found = [match for match in map(_RANGE.match, accepted.split(",")) if match]
        weights = [(match[1].lower(), float(match[2] or 1)) for match in found]
        offered = {str(language) for language in cls}
        known = [(name, weight) for name, weight in weights if name in offered and weight > 0]
        best, weight = max(known, key=lambda offer: offer[1], default=("en", 0.0))
        others = next((weight for name, weight in weights if name == "*"), 0.0)
        refused = ("en", 0.0) in weights
        return cls(best) if weight >= others or refused else cls.ENGLISH


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """The texts of one language. If a text is missing, it is empty, and the English text is used."""

    errors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By code: title, detail, remedy, and what a requester reads where an operator must act (requester)."""
    rules: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By code of a check or a difference: expected, detail, impact, remedy."""
    phrases: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    """By the text in English: labels of actions, titles of steps, texts of pages."""

    def of(self, code: str, part: str, args: Mapping[str, Any]) -> str:
        """A text with its values; empty if there is none, or if its values are not known."""
        declared = self.errors.get(code) or self.rules.get(code) or {}
        return self._filled(declared.get(part, ""), args)

    def label(self, english: str, **values: Any) -> str:
        """A label, or a text of a page, with its values."""
        return templates.fill(self.labels.get(english, english), values)

    def said(self, phrase: Mapping[str, Any], otherwise: str = "") -> str:
        """A phrase, as it is stored: in English where there is no translation."""
        code, args = str(phrase.get("code", "")), phrase.get("args") or {}
        known, _, part = code.partition("/")
        found = self.of(known, part, args) if part else self._filled(self.phrases.get(code, ""), args)
        return found or str(phrase.get("text", otherwise))

    def _filled(self, template: str, args: Mapping[str, Any]) -> str:
        if not templates.fields(template) <= set(args):
            return ""
        return templates.fill(template, {name: self._value(value) for name, value in args.items()})

    def _value(self, value: Any) -> Any:
        match value:
            case {"code": str(), "text": str()}:
                return {"text": self.said(value)}
            case list() | tuple():
                return [self._value(member) for member in value]
            case _:
                return value


@functools.cache
def texts_in(language: Language) -> Texts:
    """The texts of a language. Those of English are where they are declared."""
    if language is Language.ENGLISH:
        return Texts()
    path = Path(__file__).parent / f"{language}.json"
    return Texts(**json.loads(path.read_text(encoding="utf-8")))
