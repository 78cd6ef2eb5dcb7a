"""Pages of lists, as Azure's: ``{"value": [...], "nextLink": ...}``.

Source: https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#collections.
"""

from __future__ import annotations

from typing import Annotated, Final, Generic, TypeVar

from pydantic import Field

from onboarding.api.documents import Document
from onboarding.api.reading import DIGITS, Parameters

LARGEST: Final = 100

_Entry = TypeVar("_Entry", bound=Document)


class PageQuery(Parameters):
    """Which page of a list is asked for."""

    size: Annotated[int, Field(ge=1, le=LARGEST), DIGITS] = Field(
        50,
        alias="maxpagesize",
        description="Maximum number of entries of a page. A page can have fewer although more follow.",
    )
    continuation: str = Field("", alias="continuationToken", description="Opaque; taken from nextLink.")


class Page(Document, Generic[_Entry]):
    """A page of a list."""

    value: tuple[_Entry, ...]
    next_link: Annotated[str, Field(description="URL of the next page. Missing on the last page.")] = ""
