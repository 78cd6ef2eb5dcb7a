"""Pins: calls to storage or to the cloud that wait until a test lets them go."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from tests.support.memory import Call

ACTOR: Final[ContextVar[str]] = ContextVar("actor", default="")
"""Who makes a call: a person, a timer or a host; empty for reads by the test itself."""


@dataclass(kw_only=True, slots=True)
class Pin:
    """Holds the calls that it matches until it is opened."""

    actor: str
    name: str
    place: str
    row: str
    skip: int
    times: int
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def meets(self, call: Call) -> bool:
        """Whether a call of the current actor is pinned. Counts the call."""
        found = (
            ACTOR.get().startswith(self.actor)
            and self.name in {"", call.name}
            and self.place in {"", call.place}
            and any(self.row in part for row in call.rows or (("", ""),) for part in row)
        )
        if not found or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True
