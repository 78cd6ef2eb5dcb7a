"""What a lane runs, and the moments at which it interferes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.lanes.exchanges import Exchange
from tests.support.lanes.proxy import Interference


@dataclass(kw_only=True, slots=True)
class Point:
    """A moment at which something goes wrong: before or after the n-th request with a label."""

    label: str
    when: str
    number: int = 1
    interference: Interference = None
    """What the host gets in response; None: it is killed first."""
    seen: int = 0
    met: bool = False

    def __str__(self) -> str:
        number = f" #{self.number}" if self.number > 1 else ""
        what = "killed" if self.interference is None else str(self.interference)
        return f"{what} {self.when} {self.label}{number}"

    def strikes(self, exchange: Exchange, when: str) -> bool:
        """Whether this is the moment; it occurs once."""
        if self.met or (exchange.label, when) != (self.label, self.when):
            return False
        self.seen += 1
        self.met = self.seen == self.number
        return self.met


@dataclass(kw_only=True, slots=True)
class Onboarding:
    """One requested onboarding."""

    request: Mapping[str, Any]
    caller: str = "requester"
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    id: str = ""
    exchanges: Sequence[Exchange] = ()
    """What the hosts did for it, in order."""

    @property
    def effects(self) -> list[Exchange]:
        """Exchanges that change something, each kind once."""
        return list({each.label: each for each in self.exchanges if each.effect}.values())


class StuckError(Exception):
    """An onboarding did not end."""
