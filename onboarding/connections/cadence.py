"""When warnings are due: pure dates. A threshold is crossed, never "equal to today", so none is missed.

A connection has two expirations: its secret ends, and its server app gets too old to be given another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

SECRET: Final = "secret"  # noqa: S105 - the expiration's name
"""The expiration that ends when the client secret does."""

APPLICATION: Final = "application"
"""The expiration that ends when the server app has become too old for its secret to be renewed."""


class ExpirationState(StrEnum):
    """How urgent an expiration is."""

    EXPIRED = "Expired"  # it has ended
    DUE = "Due"  # the first threshold is crossed
    OK = "Ok"  # that is still to come


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpiryWarning:
    """One warning of an expiration: how many days before its end (negative: after it), and when it is due."""

    days: int
    due_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """Somebody has seen that an expiration ends: after that very end it is not repeated any more."""

    ends_at: datetime
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Snooze:
    """Somebody wants to hear nothing of an expiration's end until a moment."""

    ends_at: datetime
    until: datetime
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What becomes of a warning that is due."""

    announce: bool
    following: ExpiryWarning | None  # what takes its place


@dataclass(frozen=True, kw_only=True, slots=True)
class Cadence:
    """How often a deployment warns: at days before the end, and every so many days after it."""

    thresholds: tuple[int, ...]  # descending, none below 0
    repeat: int  # days

    @property
    def earliest(self) -> timedelta:
        """How long before an end the first warning comes."""
        return timedelta(days=self.thresholds[0])

    def state(self, ends_at: datetime, now: datetime) -> ExpirationState:
        """How urgent an expiration is."""
        if ends_at <= now:
            return ExpirationState.EXPIRED
        return ExpirationState.DUE if ends_at - self.earliest <= now else ExpirationState.OK

    def first(self, ends_at: datetime, now: datetime) -> ExpiryWarning:
        """The warning that an expiration begins with.

        Several warnings can be due already when an expiration becomes known. Only the last of them is kept.
        """
        return self._last(ends_at, now) or self._after(ends_at, self.thresholds[0] + 1)

    def turn(
        self,
        ends_at: datetime,
        days: int,
        now: datetime,
        *,
        acknowledged: bool = False,
        snooze: Snooze | None = None,
    ) -> Turn:
        """What becomes of the warning ``days`` before the end, whose time has come.

        No threshold is passed over, however late it is, unless people wanted to hear nothing; of the
        repetitions that were missed only the last one is made up for.
        """
        if acknowledged and days < 0:
            return Turn(announce=False, following=None)
        if snooze and snooze.until > now:
            return Turn(announce=False, following=self._held_back(ends_at, days, snooze, acknowledged))
        following, last = self._after(ends_at, days), self._last(ends_at, now)
        if last and last.days < following.days < 0:
            following = last
        return Turn(announce=days >= 0 or last is None or last.days >= days, following=following)

    def upcoming(
        self,
        ends_at: datetime,
        now: datetime,
        *,
        acknowledged: bool = False,
        snooze: Snooze | None = None,
    ) -> ExpiryWarning | None:
        """The next warning that time will bring; None when no more will come."""
        asleep = snooze is not None and snooze.until > now
        since = snooze.at if snooze and asleep else now
        last = self._last(ends_at, since)
        warning = self._after(ends_at, last.days if last else self.thresholds[0] + 1)
        if snooze and asleep and warning.due_at <= snooze.until:
            warning = self._held_back(ends_at, warning.days, snooze, acknowledged)
        return None if acknowledged and warning.days < 0 else warning

    def _held_back(self, ends_at: datetime, days: int, snooze: Snooze, acknowledged: bool) -> ExpiryWarning:
        """The warning that comes when a snooze ends, in place of all from ``days`` on that were due before.

        An acknowledged end is not repeated, so no repetition takes the place of the news that it has come.
        """
        last = self._last(ends_at, snooze.until, repeated=not acknowledged)
        return ExpiryWarning(days=min(days, last.days) if last else days, due_at=snooze.until)

    def _last(self, ends_at: datetime, now: datetime, *, repeated: bool = True) -> ExpiryWarning | None:
        """The last warning whose time has come, if there is one."""
        times = (now - ends_at) // timedelta(days=self.repeat)
        if repeated and times > 0:
            return _warning(ends_at, -times * self.repeat)
        due = [days for days in self.thresholds if ends_at - timedelta(days=days) <= now]
        return _warning(ends_at, due[-1]) if due else None

    def _after(self, ends_at: datetime, days: int) -> ExpiryWarning:
        """The one that follows in the order of days."""
        ahead = (each for each in self.thresholds if each < days)
        times = max(-days, 0) // self.repeat + 1
        return _warning(ends_at, next(ahead, -times * self.repeat))


def _warning(ends_at: datetime, days: int) -> ExpiryWarning:
    return ExpiryWarning(days=days, due_at=ends_at - timedelta(days=days))
