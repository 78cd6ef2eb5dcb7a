"""A word that others have chosen: requesters, people who write a directory, services.

A word is bytes, not text. So mypy refuses it wherever text is expected, even in an f-string
(``str-bytes-safe``), and Python raises ``TypeError`` when something writes it as it is. Only the modules of
this room read it, and each writes it in the language of its next reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_CODEC: Final = ("utf-8", "surrogatepass")  # a directory can contain halves of a pair


@final
class Word(bytes):
    """A text of others, which has a form only in a language."""

    __slots__ = ()

    def __new__(cls, text: str = "") -> Word:
        """A word from what a library has read."""
        return super().__new__(cls, text.encode(*_CODEC))

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]
        return (read(self),)

    if not TYPE_CHECKING:  # mypy accepts a class as text if it sees this method

        def __str__(self) -> str:
            raise TypeError("a word has no form of its own: a module of onboarding.words must write it")

        def __format__(self, specification: str) -> str:
            return str(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return schema(core_schema.str_schema())


EMPTY: Final = Word()
"""The empty word: nobody has chosen one, or it is not known."""


def read(word: Word | str) -> str:
    """The text of a word. For the modules of this room only: each writes one language."""
    return word if isinstance(word, str) else word.decode(*_CODEC)


def schema(text: CoreSchema) -> CoreSchema:
    """A word in JSON, which is a string of a form."""
    found = core_schema.no_info_after_validator_function(Word, text)
    return core_schema.no_info_before_validator_function(
        lambda value: read(value) if isinstance(value, Word) else value,
        found,
        serialization=core_schema.plain_serializer_function_ser_schema(
            read, return_schema=core_schema.str_schema()
        ),
    )
