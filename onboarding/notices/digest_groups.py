"""What a digest shows: equal findings together, some for each tenant, in parts that a channel accepts.

A chat service refuses a message above a size, and with it the notices of every tenant. So that no tenant can
use up a digest, it shows some groups of each tenant, the number of the others, and where to read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Final

from onboarding.notices.message_items import Item
from onboarding.words.line import isolated, line

_GROUPS: Final = 10
"""The number of groups that a digest shows for a tenant."""

_NAMES: Final = 5
"""The number of connections that a group names."""

_CHARACTERS: Final = 300
"""Of the names in a group; it always shows the first one. A letter takes up to 12 bytes in JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Equal findings of one tenant, the earliest date first."""

    items: tuple[Item, ...]

    @property
    def heading(self) -> str:
        """What happened, and to which connections."""
        first = self.items[0]
        if len(self.items) == 1:
            return first.heading
        names = self._names()
        more = len(self.items) - len(names)
        listed = ", ".join(names) + (f" and {more} more" if more else "")
        return line(f"{len(self.items)} connections ({listed}): {first.notice.message}")

    def _names(self) -> list[str]:
        """The names of the first connections."""
        names = [isolated(item.connection.name) for item in self.items[:_NAMES]]
        ends = accumulate(map(len, names))
        return [name for name, end in zip(names, ends, strict=True) if end <= _CHARACTERS] or names[:1]

    @property
    def first(self) -> Item:
        """The finding that the details describe."""
        return self.items[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """What a part of a digest shows about a tenant."""

    tenant: str  # its name and ID, as the first finding has them: others can have an earlier name
    groups: tuple[Group, ...]
    more: int = 0  # notices that are not shown

    @property
    def rest(self) -> str:
        """How many notices are not shown, and where they are; empty if all are shown."""
        if not self.more:
            return ""
        tenant = self.groups[0].first.connection.tenant
        return (
            f"{self.more} more notices about this tenant are not shown. The overview of the service shows "
            f"all of them (tenant {tenant})."
        )


def sections(items: Iterable[Item]) -> list[Section]:
    """The sections of a digest: by the ID of the tenant, the earliest date first.

    Connections can have different names of one tenant, because its administrators can change the name.
    """
    ordered = sorted(items, key=lambda item: (_tenant(item), item.date, item.connection.name))
    found = []
    for _, of_tenant in groupby(ordered, key=_tenant):
        groups: dict[tuple[str, ...], list[Item]] = {}
        for item in of_tenant:
            groups.setdefault(_likeness(item), []).append(item)
        made = [Group(items=tuple(members)) for members in groups.values()]
        more = sum(len(group.items) for group in made[_GROUPS:])
        found.append(Section(tenant=made[0].first.tenant, groups=tuple(made[:_GROUPS]), more=more))
    return found


def parts(found: Sequence[Section], fits: Callable[[Sequence[Section]], bool]) -> list[list[Section]]:
    """The sections in as few parts as fit. A section that does not fit alone is divided by its groups."""
    made: list[list[Section]] = []
    for section in found:
        for piece in _pieces(section, fits):
            if made and fits([*made[-1], piece]):
                made[-1].append(piece)
            else:
                made.append([piece])
    return made


def _pieces(section: Section, fits: Callable[[Sequence[Section]], bool]) -> list[Section]:
    """A section, divided until each piece fits; a single group is one piece in any case."""
    if len(section.groups) == 1 or fits([section]):
        return [section]
    half = len(section.groups) // 2
    first = Section(tenant=section.tenant, groups=section.groups[:half])
    second = Section(tenant=section.tenant, groups=section.groups[half:], more=section.more)
    return [*_pieces(first, fits), *_pieces(second, fits)]


def _tenant(item: Item) -> str:
    """The tenant that has a share of a digest."""
    return item.connection.tenant


def _likeness(item: Item) -> tuple[str, ...]:
    """What makes findings equal: apart from the date, they differ only in the connection."""
    notice = item.notice
    if notice.ends_at is not None:
        return (notice.id,)
    return (notice.kind, str(notice.details.get("difference")), notice.remedy)
