"""When an onboarding checks again whether an administrator has consented.

The first checks follow quickly. Later, all onboardings of a tenant check at the same moments, together. If
many of them wait, each one checks at only some of these moments. So the calls in a period have a limit,
however many onboardings wait. A person who has consented does not wait for that: the page of the consent and
``resume`` check at once.
"""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import Final

_FIRST: Final = (2, 3, 5, 10, 30, 60, 120)
"""Seconds between the first checks."""

PERIOD: Final = 300
"""Seconds between the moments of a tenant."""

AT_ONCE: Final = 100
"""Lists of grants that the onboardings of a tenant read at one moment: about five batches."""


def next_poll(now: datetime, tries: int, *, tenant: str, onboarding: str, waiting: int) -> timedelta:
    """How long until the next check of an onboarding.

    Args:
        now: The current time.
        tries: The number of checks until now.
        tenant: Its tenant.
        onboarding: Its ID.
        waiting: The number of lists for which the onboardings of the tenant wait.
    """
    if tries < len(_FIRST):
        return timedelta(seconds=_FIRST[tries])
    phase = _number(tenant) % PERIOD
    moment = (now.timestamp() + _FIRST[0] - phase) // PERIOD + 1  # a check can come a moment too early
    turns = -(-waiting // AT_ONCE) or 1
    moment += (_number(onboarding) - moment) % turns
    return timedelta(seconds=phase + moment * PERIOD - now.timestamp())


def _number(text: str) -> int:
    return zlib.crc32(text.encode())
