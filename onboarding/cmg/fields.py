"""The base of all fields of the wizard: names that look the same everywhere, and strict JSON."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

_INVISIBLE: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that a name cannot contain: control, format (right-to-left marks), unassigned."""


def plain(text: str) -> str:
    """Text that looks the same everywhere. Raises ``ValueError`` for invisible characters."""
    if text != text.strip():
        raise ValueError("must not begin or end with white space")
    for position, character in enumerate(text):
        if unicodedata.category(character) in _INVISIBLE:
            raise ValueError(
                f"must not contain the invisible character U+{ord(character):04X} (at {position})"
            )
    return text


Name = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(plain)]
Text = Annotated[str, Field(max_length=1024), AfterValidator(plain)]


class WizardModel(BaseModel):
    """JSON in camel case. Unknown fields and wrong types are faults."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True
    )
