"""What is read up to a limit: some items, their number, and whether there are more."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Generic, TypeVar

from onboarding.api.documents import Document

_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Some(Generic[_Thing]):
    """The items that were found, and whether there are more that were not read."""

    found: Sequence[_Thing]
    more: bool

    def where(self, keep: Callable[[_Thing], bool]) -> Some[_Thing]:
        """A part of it."""
        return Some(list(filter(keep, self.found)), self.more)

    def shown(self, most: int, *shares: Callable[[_Thing], Hashable]) -> list[_Thing]:
        """Up to ``most`` of them, in their order, with a share for each value of ``shares``.

        With a tenant and a kind, each tenant has the same number of places. Within those, each kind has the
        same number.
        """
        chosen = set(_in_turn(self.found, range(self.count), shares)[:most])
        return [thing for at, thing in enumerate(self.found) if at in chosen]

    @property
    def count(self) -> int:
        """How many were found."""
        return len(self.found)


def _in_turn(
    found: Sequence[Any], places: Sequence[int], shares: Sequence[Callable[[Any], Any]]
) -> list[int]:
    """Positions in the order in which the groups take turns.

    This also applies to the groups within a group.
    """
    if not shares:
        return list(places)
    groups: dict[Any, list[int]] = {}
    for place in places:
        groups.setdefault(shares[0](found[place]), []).append(place)
    turns = zip_longest(*(_in_turn(found, group, shares[1:]) for group in groups.values()))
    return [place for place in chain.from_iterable(turns) if place is not None]


class Counted(Document):
    """A number. ``more`` means that there are at least this many, and the rest was not read."""

    count: int
    more: bool
