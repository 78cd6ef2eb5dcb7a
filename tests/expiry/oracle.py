"""Which warnings are due in a simulated time: plain arithmetic of dates, and nothing of the product's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

THRESHOLDS = (90, 60, 30, 14, 7, 1, 0)
WEEK = timedelta(days=7)


class Warned(NamedTuple):
    """A warning: of which expiration, of which of its ends, how many days before it."""

    connection: str
    kind: str
    ends_at: datetime
    days: int

    @property
    def due_at(self) -> datetime:
        """When its time comes."""
        return self.ends_at - timedelta(days=self.days)


@dataclass
class _Expiration:
    ends_at: datetime
    seen: datetime  # the last run of the timer, or when the expiration was set
    first: int | None  # the warning that was overdue already when the expiration was set
    acknowledged: bool = False


class Oracle:
    """Told what happens, it knows what has to be sent."""

    def __init__(self) -> None:
        self.due: set[Warned] = set()
        self._on_their_way: set[Warned] = set()
        self._expirations: dict[tuple[str, str], _Expiration] = {}

    def set(self, connection: str, kind: str, ends_at: datetime, now: datetime) -> None:
        """An expiration gets another date. Of the warnings that are overdue only the last one is sent."""
        overdue = [days for days in THRESHOLDS if ends_at - timedelta(days=days) <= now]
        if now >= ends_at + WEEK:
            overdue.append(-7 * ((now - ends_at) // WEEK))
        first = overdue[-1] if overdue else None
        self._expirations[connection, kind] = _Expiration(ends_at=ends_at, seen=now, first=first)

    def acknowledge(self, connection: str, kind: str) -> None:
        """Somebody has seen that an expiration ends."""
        self._expirations[connection, kind].acknowledged = True

    def run(self, now: datetime) -> None:
        """The timer runs: what has become due since it ran the last time is sent on its way."""
        for (connection, kind), state in self._expirations.items():
            for days in _found(state, now):
                warned = Warned(connection, kind, state.ends_at, days)
                if days >= 0 or not state.acknowledged:
                    self._on_their_way.add(warned)
            state.seen = max(state.seen, now)

    def deliver(self) -> None:
        """What is on its way arrives, unless its expiration has changed in the meantime."""
        self.due |= {
            warned
            for warned in self._on_their_way
            if self._expirations[warned.connection, warned.kind].ends_at == warned.ends_at
        }
        self._on_their_way.clear()


def _found(state: _Expiration, now: datetime) -> list[int]:
    """The days of which a run at a moment warns."""
    weeks = max((now - state.ends_at) // WEEK, 0)
    found = [
        days for days in THRESHOLDS if state.seen < state.ends_at - timedelta(days=days) <= now
    ]  # all that were crossed, also by a run that is late
    if weeks and state.ends_at + weeks * WEEK > state.seen:
        found.append(-7 * weeks)  # of repetitions only the last
    if state.first is not None and state.ends_at - timedelta(days=state.first) <= now:
        if state.first in {*THRESHOLDS, -7 * weeks}:
            found.append(state.first)
        state.first = None
    return found
