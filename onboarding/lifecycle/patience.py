"""How long a renewal waits for the site before it removes the old secret without a confirmation.

Time alone destroys nothing. People get a last reminder before the time limit, which must have been delivered
for the grace period. If the service was unavailable, nobody could confirm, so the grace period begins again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from onboarding.storage.codec import Codec
from onboarding.texts import phrases
from onboarding.texts.phrases import Said

_GRACE: Final = timedelta(days=7)
_LEAST: Final = timedelta(days=2)
"""The grace period of a short time limit, and the shortest time limit: people need days to act."""

_LONGEST_GAP: Final = timedelta(days=3)
"""A service that did not check for this time was unavailable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """The wait for the site, as it was at the last check."""

    seen_at: datetime
    limit: datetime  # the date that people know
    grace: timedelta
    reminded: bool = False  # for the last time, with this limit

    @classmethod
    def of(cls, memo: str, since: datetime, days: int, now: datetime) -> Self:
        """The wait at this check; ``memo`` is that of the last check, empty at the first one."""
        known: Any = CODEC.load(memo) if memo else cls.begin(since, days, now)
        found: Self = known.look(now)
        return found

    @classmethod
    def begin(cls, since: datetime, days: int, now: datetime) -> Self:
        """The wait of a renewal with a time limit, at its first check."""
        limit = max(timedelta(days=days), _LEAST)
        return cls(seen_at=now, limit=since + limit, grace=max(min(_GRACE, limit / 2), _LEAST))

    def look(self, now: datetime) -> Self:
        """The wait at another check. After an outage, the grace period begins again."""
        gap = now - self.seen_at
        if gap <= min(_LONGEST_GAP, self.grace / 2):
            return replace(self, seen_at=now)
        limit = max(self.limit, now + self.grace)
        return replace(self, seen_at=now, limit=limit, reminded=False)

    def last_reminder_is_due(self, now: datetime) -> bool:
        """Whether people must get the last reminder now."""
        return not self.reminded and now >= self.limit - self.grace

    def is_over(self, now: datetime, delivered_at: datetime | None) -> bool:
        """Whether the old secret may be removed: the grace period after the last reminder is over."""
        return (
            self.reminded
            and self.limit <= now
            and delivered_at is not None
            and delivered_at + self.grace <= now
        )


CODEC: Final = Codec(Patience)


def awaited(since: datetime, days: int, patience: Patience | None) -> Said:
    """What a renewal waits for. A new time limit is an entry of the audit trail."""
    if patience is None or patience.limit <= Patience.begin(since, days, since).limit:
        return phrases.WAITS_SITE.of()
    return phrases.WAITS_SITE_LONGER.of(limit=patience.limit)
