"""What is read up to a limit: some things, their number, and whether there are more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from onboarding.api.documents import Document

_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Some(Generic[_Thing]):
    """What was found of something, and whether there is more that was not read."""

    found: Sequence[_Thing]
    more: bool

    def where(self, keep: Callable[[_Thing], bool]) -> Some[_Thing]:
        """A part of it."""
        return Some(list(filter(keep, self.found)), self.more)

    @property
    def count(self) -> int:
        """How many were found."""
        return len(self.found)


class Counted(Document):
    """A number. ``more`` means: at least this number, the rest was not read."""

    count: int
    more: bool
