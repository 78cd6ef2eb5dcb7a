from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.lifecycle.patience import Patience, awaited

NOW = datetime(2027, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("days", "gap_days", "limit_days"),
    [
        (30, 1, 30),
        (30, 3, 30),
        (30, 10, 30),  # its grace period ends before the time limit
        (30, 28, 35),
        (30, 40, 47),
        (4, 0.9, 4),
        (4, 40, 42),  # the grace period is half of a short time limit
    ],
)
def test_a_service_that_was_away_grants_the_grace_again(days, gap_days, limit_days):
    """The time limit moves if the service was away before it."""
    begun = replace(Patience.begin(NOW, days, NOW), reminded=True)
    after = begun.look(NOW + timedelta(days=gap_days))
    assert after.limit == NOW + timedelta(days=limit_days)
    assert after.reminded is (gap_days <= min(3, days / 4)), "it reminds again"


@pytest.mark.parametrize("days", [1, 2, 3, 4, 14, 365])
def test_the_last_reminder_is_days_before_the_removal(days):
    """However short the time limit is, people have days after the last reminder."""
    begun = Patience.begin(NOW, days, NOW)
    first = next(hour for hour in range(24 * 366) if begun.last_reminder_is_due(NOW + hour * HOUR))
    told = NOW + first * HOUR
    reminded = replace(begun, reminded=True)
    assert not reminded.is_over(told + timedelta(days=2) - HOUR, told)
    assert reminded.limit - told >= timedelta(days=2), "the date in the reminder is days ahead"
    assert awaited(NOW, days, begun) == awaited(NOW, days, None), "the service was not away"


@given(
    days=st.integers(1, 60),
    hours=st.lists(st.integers(1, 1200), min_size=1, max_size=60),
    lost=st.sets(st.integers(0, 60)),
)
def test_nothing_is_removed_before_people_were_told_for_the_grace(days, hours, lost):
    """Whatever the pauses and lost reminders, a delivered last reminder is older than the grace period."""
    now, patience, told = NOW, Patience.begin(NOW, days, NOW), None
    for number, pause in enumerate(hours):
        before, now = now, now + pause * HOUR
        patience = patience.look(now)
        if patience.last_reminder_is_due(now):
            patience = replace(patience, reminded=True)
            told = None if number in lost else now
        elif patience.is_over(now, told if patience.reminded else None):
            assert told is not None
            assert now - told >= patience.grace
            assert now - before <= timedelta(days=3), "the service was available"
            assert now >= NOW + timedelta(days=days)
            return
