"""The base of all fields of the wizard: names that look the same everywhere, and strict JSON."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from onboarding.cmg import joiners
from onboarding.cmg.faults import fault
from onboarding.words import word
from onboarding.words.word import Word

_INVISIBLE: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that a name cannot contain: control, format (right-to-left marks), unassigned."""

_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END: Final = datetime(9999, 12, 1, tzinfo=UTC)


def plain(text: str) -> str:
    """Text that looks the same everywhere. Raises ``PydanticCustomError`` for invisible characters.

    In some scripts, the spelling needs two of them, and they are accepted there: see ``joiners``.
    """
    if text != text.strip():
        raise fault("white-space-around").error()
    for position, character in enumerate(text):
        if unicodedata.category(character) in _INVISIBLE and not joiners.spells(text, position):
            found = fault("invisible-character", character=f"U+{ord(character):04X}", position=position)
            raise found.error()
    return text


SPACES: Final = r"\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
"""For a class of a pattern: white space and control characters, whatever ``\\s`` means in a language."""


class Form:
    """The form of a text: a regular expression for the description, the code of an error for people."""

    def __init__(self, pattern: str, code: str) -> None:
        r"""``code`` is that of the error for a text of another form.

        The pattern must mean the same in ECMA-262 with the flag ``u``, to which JSON Schema refers: no
        ``\d``, ``\w``, ``\s``, ``(?i)`` or possessive quantifier, and ``-`` in a class is escaped.
        Source: https://json-schema.org/draft/2020-12/json-schema-core#section-6.4.
        """
        self._pattern = re.compile(pattern)
        self._code = code

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Mapping[str, Any]:
        return {**handler(core), "pattern": f"^{self._pattern.pattern}$"}

    def _check(self, text: str) -> str:
        if not self._pattern.fullmatch(text):
            raise fault(self._code).error()
        return text


def _timestamp(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        return value
    raise fault("not-a-timestamp").error()


def _possible(value: datetime) -> datetime:
    if not _FIRST <= value < _END:
        raise fault("timestamp-not-possible").error()
    return value


Timestamp = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(_timestamp), AfterValidator(_possible)
]
"""A moment as in RFC 3339; pydantic alone also accepts numbers, spaces and dates without seconds.

The limits leave room for every time zone, for keys that sort by time, and for periods before and after it.
"""


class Written:
    """The length of a word in a request."""

    def __init__(self, *, longest: int, shortest: int = 0) -> None:
        self._longest, self._shortest = longest, shortest

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(min_length=self._shortest or None, max_length=self._longest)
        return word.schema(core_schema.no_info_after_validator_function(plain, text))


Name = Annotated[Word, Written(shortest=1, longest=256)]
Text = Annotated[Word, Written(longest=1024)]


class WizardModel(BaseModel):
    """JSON in camel case. Unknown fields and wrong types are faults."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True
    )

    def complete(self) -> dict[str, Any]:
        """The fields with all defaults, as JSON that can be sent again.

        A field is null only if null and a missing field have different meanings.
        """
        values = self.model_dump(mode="json", by_alias=True)
        for name, field in type(self).model_fields.items():
            value, alias = getattr(self, name), field.alias or name
            if isinstance(value, WizardModel):
                values[alias] = value.complete()
            elif value is None and field.get_default(call_default_factory=True) is None:
                del values[alias]
        return values
