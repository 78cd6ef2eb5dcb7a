"""When warnings are due: pure dates.

A threshold counts when it is crossed, not only on its day, so none is missed. A connection has two
expirations: its secret expires, and its server app becomes too old for a new secret. If several thresholds
have passed, people get the most severe one (docs/decisions/0026).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from onboarding.behalf import Behalf

SECRET: Final = "secret"  # noqa: S105 - the expiration's name
"""The client secret expires."""

APPLICATION: Final = "application"
"""The server app becomes too old for its secret to be renewed."""


class ExpirationState(StrEnum):
    """How urgent an expiration is."""

    EXPIRED = "Expired"  # its date has passed
    DUE = "Due"  # the first threshold is crossed
    OK = "Ok"  # before the first threshold


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpiryWarning:
    """A warning: how many days before the expiration (negative: after it), and when it is due."""

    days: int
    due_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What a person answered to the warnings about an expiration.

    If the person is not an operator, operators still get the warnings, the repetitions and the escalation.
    """

    ends_at: datetime
    by: str
    at: datetime
    by_id: str = ""  # object ID; empty if nobody signed in, or an earlier version wrote the record
    operator: bool = False
    on_behalf_of: Behalf | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement(Response):
    """A person has acknowledged an expiration: after its date the warning is no longer repeated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Snooze(Response):
    """A person wants no warnings about an expiration until a moment."""

    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What to do with a warning that is due."""

    announce: ExpiryWarning | None  # the most severe warning that is due
    following: ExpiryWarning | None  # the warning that replaces it
    passed: tuple[int, ...] = ()  # thresholds that passed before it and were not announced


@dataclass(frozen=True, kw_only=True, slots=True)
class Cadence:
    """When a deployment warns: on certain days before an expiration, and at an interval of days after it."""

    thresholds: tuple[int, ...]  # descending, none below 0
    repeat: int  # days

    @property
    def earliest(self) -> timedelta:
        """How long before an expiration the first warning is due."""
        return timedelta(days=self.thresholds[0])

    def state(self, ends_at: datetime, now: datetime) -> ExpirationState:
        """How urgent an expiration is."""
        if ends_at <= now:
            return ExpirationState.EXPIRED
        return ExpirationState.DUE if ends_at - self.earliest <= now else ExpirationState.OK

    def first(self, ends_at: datetime, now: datetime) -> ExpiryWarning:
        """The first warning of an expiration.

        Several warnings can already be due when an expiration becomes known. Only the last of them is sent.
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
        """What to do with the warning ``days`` before the expiration, which is due now.

        However many thresholds have passed, one warning is sent: the most severe. During a snooze by
        somebody who is not an operator, the warning is for operators only. It is due again for the others
        after the snooze, unless another one comes first.
        """
        if acknowledged and days < 0:
            return Turn(announce=None, following=None)
        asleep = snooze is not None and snooze.until > now
        if snooze and asleep and snooze.operator:
            return Turn(announce=None, following=self._held_back(ends_at, days, snooze, acknowledged))
        last = self._last(ends_at, now, repeated=not acknowledged)
        gravest = min(days, last.days) if last else days
        following = self._after(ends_at, gravest)
        if snooze and asleep and snooze.until < following.due_at:
            following = ExpiryWarning(days=gravest, due_at=snooze.until)
        return Turn(
            announce=_warning(ends_at, gravest),
            following=following,
            passed=tuple(threshold for threshold in self.thresholds if gravest < threshold <= days),
        )

    def is_passed(self, ends_at: datetime, days: int, now: datetime, *, acknowledged: bool) -> bool:
        """Whether a more severe warning than the one ``days`` before the expiration is due."""
        last = self._last(ends_at, now, repeated=not acknowledged)
        return last is not None and last.days < days

    def upcoming(
        self,
        ends_at: datetime,
        now: datetime,
        *,
        acknowledged: bool = False,
        snooze: Snooze | None = None,
    ) -> ExpiryWarning | None:
        """The next warning; None when there will be no more."""
        asleep = snooze is not None and snooze.until > now
        since = snooze.at if snooze and asleep else now
        last = self._last(ends_at, since)
        warning = self._after(ends_at, last.days if last else self.thresholds[0] + 1)
        if snooze and asleep and warning.due_at <= snooze.until:
            warning = self._held_back(ends_at, warning.days, snooze, acknowledged)
        return None if acknowledged and warning.days < 0 else warning

    def _held_back(self, ends_at: datetime, days: int, snooze: Snooze, acknowledged: bool) -> ExpiryWarning:
        """The one warning after a snooze, for all from ``days`` on that were due during it.

        An acknowledged expiration is not repeated, so the warning is about its own date.
        """
        last = self._last(ends_at, snooze.until, repeated=not acknowledged)
        return ExpiryWarning(days=min(days, last.days) if last else days, due_at=snooze.until)

    def _last(self, ends_at: datetime, now: datetime, *, repeated: bool = True) -> ExpiryWarning | None:
        """The last warning that is due, if there is one."""
        times = (now - ends_at) // timedelta(days=self.repeat)
        if repeated and times > 0:
            return _warning(ends_at, -times * self.repeat)
        due = [days for days in self.thresholds if ends_at - timedelta(days=days) <= now]
        return _warning(ends_at, due[-1]) if due else None

    def _after(self, ends_at: datetime, days: int) -> ExpiryWarning:
        """The next warning in the order of days."""
        ahead = (threshold for threshold in self.thresholds if threshold < days)
        times = max(-days, 0) // self.repeat + 1
        return _warning(ends_at, next(ahead, -times * self.repeat))


def _warning(ends_at: datetime, days: int) -> ExpiryWarning:
    return ExpiryWarning(days=days, due_at=ends_at - timedelta(days=days))
