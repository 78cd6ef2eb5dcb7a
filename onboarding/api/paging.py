"""Pages of lists, as Azure's: ``{"value": [...], "nextLink": ...}``.

Source: https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#collections.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Generic, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, model_validator

from onboarding.api.callers import Caller
from onboarding.api.documents import Document, NotRead
from onboarding.api.reading import DIGITS, Parameters
from onboarding.storage.sealing import Seal
from onboarding.storage.tables import InvalidContinuationError
from onboarding.storage.unreadable_rows import Readable

LARGEST: Final = 100


def _at_most(size: int) -> int:
    """The guidelines require a page of the largest size if a caller requests more."""
    return min(size, LARGEST)


_Entry = TypeVar("_Entry", bound=Document)


class ContinuedQuery(Parameters):
    """Where the next call continues work that is too much for one call."""

    continuation: str = Field(
        "",
        alias="continuationToken",
        description="Opaque; taken from nextLink. It is valid for the same caller and the same filters.",
    )

    def listed(self, caller: Caller, list_: str) -> str:
        """Identifies a list regardless of the page size: its reader, its path and its filters."""
        filters = self.model_dump(
            mode="json", by_alias=True, exclude_unset=True, exclude={"size", "continuation"}
        )
        return json.dumps([caller.id, caller.operates, list_, filters], sort_keys=True)

    def opened(self, seal: Seal) -> Self:
        """The query with the continuation as the service reads it. Raises ``InvalidContinuationError``."""
        if not self.continuation:
            return self
        continuation = seal.open(self.continuation)
        if not continuation:
            raise InvalidContinuationError
        return self.model_copy(update={"continuation": continuation})


class PageQuery(ContinuedQuery):
    """Which page of a list is requested."""

    size: Annotated[int, Field(ge=1), DIGITS, AfterValidator(_at_most)] = Field(
        50,
        alias="maxpagesize",
        description=(
            "Maximum number of entries on a page; a value above 100 counts as 100. A page can have fewer "
            "entries although more follow."
        ),
    )


class UnreadableEntry(NotRead):
    """An entry that the service cannot read."""

    id: Annotated[str, Field(description="Of the row: GET /api/unreadable/{id} shows it to operators.")]
    key: Annotated[str, Field(description="The key of the entry; for runs and connections it has the ID.")]


class Continued(Document):
    """What is too much for one call."""

    next_link: Annotated[str, Field(description="URL of the next page. Missing on the last page.")] = ""
    continuation_token: Annotated[
        str, Field(description="The value of the parameter of this name in nextLink.")
    ] = ""

    @model_validator(mode="before")
    @classmethod
    def _with_token(cls, values: Any) -> Any:
        """Clients generated from the description cannot follow a URL, but can send a parameter."""
        query = parse_qs(urlsplit(str(values.get("next_link") or "")).query)
        return {**values, "continuation_token": query.get("continuationToken", [""])[0]}


class Page(Continued, Generic[_Entry]):
    """A page of a list."""

    value: tuple[_Entry, ...]
    unreadable: Annotated[
        tuple[UnreadableEntry, ...], Field(description="Entries of this page that the service cannot read.")
    ] = ()

    @classmethod
    def of(cls, found: Readable[Any], next_link: str, **more: Any) -> Self:
        """A page of what was found, including what cannot be read."""
        unreadable = tuple(
            UnreadableEntry(id=row.id, key=f"{row.partition}/{row.key}", **NotRead.why(row))
            for row in found.unreadable
        )
        return cls(value=tuple(found), unreadable=unreadable, next_link=next_link, **more)
