"""What cannot be read, as it is: shortened, and in base64 if it is not text."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Final, Self

from pydantic import Field

from onboarding.api.documents import Document

_LONGEST: Final = 2000
"""Characters of a text, or bytes of other data, that are shown."""


class RawContent(Document):
    """Something as it is: text, or bytes in base64."""

    text: Annotated[str, Field(description="Missing if it is not text in UTF-8.")] = ""
    base64: Annotated[str, Field(description="Missing if it is text.")] = ""
    size: Annotated[int, Field(description="Characters of the text, or number of bytes.")]
    cut: Annotated[bool, Field(description="Whether only the beginning is shown.")] = False

    @classmethod
    def of(cls, value: Any) -> Self:
        """A value of a column, or the body of a message."""
        if isinstance(value, bytes):
            try:
                value = value.decode()
            except UnicodeDecodeError:
                shown = base64.b64encode(value[:_LONGEST]).decode()
                return cls(base64=shown, size=len(value), cut=len(value) > _LONGEST)
        text = str(value)
        return cls(text=text[:_LONGEST], size=len(text), cut=len(text) > _LONGEST)
