"""What is wrong with a field, as the code of a declared error with the values in its texts.

The texts are in ``onboarding/errors``, which this room does not import: its rules stay data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from pydantic_core import PydanticCustomError


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that is wrong. ``pointer`` is a JSON pointer (RFC 6901) where pydantic does not know it."""

    code: str
    pointer: str = ""
    values: Mapping[str, Any]

    def at(self, pointer: str) -> Fault:
        """The same at a field."""
        return replace(self, pointer=pointer)

    def error(self) -> PydanticCustomError:
        """The exception for a validator: its type is the code."""
        # The code comes from a literal of this room; pydantic asks for one to keep texts of users out.
        return PydanticCustomError(self.code, "{code}", {"code": self.code, **self.values})


Faults: TypeAlias = Iterator[Fault]


def fault(code: str, pointer: str = "", **values: Any) -> Fault:
    """A fault with the values in its texts."""
    return Fault(code=code, pointer=pointer, values=values)
