"""Which warnings are due in a simulated time: plain arithmetic of dates, independent of the product."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

THRESHOLDS = (90, 60, 30, 14, 7, 1, 0)
WEEK = timedelta(days=7)


class Warned(NamedTuple):
    """A warning: its expiration, the date of the expiration, and how many days before it."""

    connection: str
    kind: str
    ends_at: datetime
    days: int

    @property
    def due_at(self) -> datetime:
        """When it is due."""
        return self.ends_at - timedelta(days=self.days)


@dataclass
class _Expiration:
    ends_at: datetime
    seen: datetime  # the last run of the timer, or when the expiration was set
    first: int | None  # the warning that was already overdue when the expiration was set
    acknowledged: bool = False


class Oracle:
    """Calculates from the events of a simulated time which warnings must be sent."""

    def __init__(self) -> None:
        self.due: set[Warned] = set()
        self._on_their_way: set[Warned] = set()
        self._expirations: dict[tuple[str, str], _Expiration] = {}

    def set(self, connection: str, kind: str, ends_at: datetime, now: datetime) -> None:
        """An expiration gets another date. Of the overdue warnings, only the last one is sent."""
        overdue = [days for days in THRESHOLDS if ends_at - timedelta(days=days) <= now]
        if now >= ends_at + WEEK:
            overdue.append(-7 * ((now - ends_at) // WEEK))
        first = overdue[-1] if overdue else None
        self._expirations[connection, kind] = _Expiration(ends_at=ends_at, seen=now, first=first)

    def acknowledge(self, connection: str, kind: str) -> None:
        """Somebody has acknowledged an expiration."""
        self._expirations[connection, kind].acknowledged = True

    def run(self, now: datetime) -> None:
        """The timer runs: of what has become due since its last run, it sends the most urgent warning."""
        for (connection, kind), state in self._expirations.items():
            found = [days for days in _found(state, now) if days >= 0 or not state.acknowledged]
            if found:
                self._on_their_way.add(Warned(connection, kind, state.ends_at, min(found)))
            state.seen = max(state.seen, now)

    def deliver(self, now: datetime) -> None:
        """Sent warnings arrive, unless their expiration has changed or a more urgent one is due meanwhile."""
        for warned in self._on_their_way:
            state = self._expirations[warned.connection, warned.kind]
            if state.ends_at == warned.ends_at and warned.days <= min(
                _passed(state, now), default=warned.days
            ):
                self.due.add(warned)
        self._on_their_way.clear()


def _passed(state: _Expiration, now: datetime) -> list[int]:
    """How many days before the end each warning is that is due at a moment."""
    found = [days for days in THRESHOLDS if state.ends_at - timedelta(days=days) <= now]
    if now >= state.ends_at + WEEK and not state.acknowledged:
        found.append(-7 * ((now - state.ends_at) // WEEK))
    return found


def _found(state: _Expiration, now: datetime) -> list[int]:
    """How many days before the end each warning is that a run at a moment sends."""
    weeks = max((now - state.ends_at) // WEEK, 0)
    found = [
        days for days in THRESHOLDS if state.seen < state.ends_at - timedelta(days=days) <= now
    ]  # all thresholds that were passed, also for a late run
    if weeks and state.ends_at + weeks * WEEK > state.seen:
        found.append(-7 * weeks)  # only the last of the repetitions
    if state.first is not None and state.ends_at - timedelta(days=state.first) <= now:
        if state.first in {*THRESHOLDS, -7 * weeks}:
            found.append(state.first)
        state.first = None
    return found
