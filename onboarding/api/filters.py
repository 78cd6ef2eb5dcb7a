"""The filters that several lists have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from onboarding.api.callers import Caller
from onboarding.api.reading import is_id
from onboarding.cmg.faults import fault
from onboarding.storage.unreadable_rows import Readable
from onboarding.words.word import Word
from onboarding.workflow.run import RunStatus

ME: Final = "me"
"""Names the caller."""

NOBODY: Final = "nobody"
"""Matches no caller: resources of others do not seem to exist."""

_MOST_PAGES: Final = 10
"""Rows that do not pass a filter are also read. For one page, a list reads at most this number of pages."""

_Entry = TypeVar("_Entry")


def _who(value: Any) -> Any:
    if isinstance(value, str) and value != ME and not is_id(value):
        raise fault("not-a-caller", me=ME).error()
    return value.lower() if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return tuple(value.split(",")) if isinstance(value, str) else value


Who = Annotated[str, BeforeValidator(_who)]
Statuses = Annotated[
    tuple[RunStatus, ...],
    BeforeValidator(_listed),
    WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(map(str, RunStatus))}}),
]
Labels = Annotated[
    dict[str, Word],
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]

REQUESTED_BY: Final = Field(
    None, description="Only entries that this caller requested: an object ID, or 'me'."
)
LABELS: Final = Field(
    None, description="Only entries with these labels. Each label is a separate parameter: label.ticket=T-1."
)


def requester(asked: str | None, caller: Caller) -> str | None:
    """The object ID that a filter names; None for no filter."""
    return caller.id if asked == ME else asked


def labelled(labels: Mapping[str, Word], wanted: Mapping[str, Word] | None) -> bool:
    """Whether something has all labels that a filter names."""
    return all(labels.get(name) == value for name, value in (wanted or {}).items())


async def filled(
    page: Callable[[int, str], Awaitable[tuple[Readable[_Entry], str]]],
    shows: Callable[[_Entry], bool] = lambda _: True,
    *,
    size: int,
    continuation: str,
) -> tuple[Readable[_Entry], str]:
    """A page of the entries that pass a filter, and the continuation.

    ``page`` reads some entries. A page can have fewer than ``size`` entries although more follow.
    """
    found = Readable[_Entry]()
    for _ in range(_MOST_PAGES):
        entries, continuation = await page(size - len(found), continuation)
        found = Readable((*found, *filter(shows, entries)), (*found.unreadable, *entries.unreadable))
        if not continuation or len(found) >= size:
            break
    return found, continuation
