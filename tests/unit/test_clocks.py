from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.connections.clocks import first_warning, next_warning, upcoming

END = datetime(2027, 3, 1, 12, tzinfo=UTC)
THRESHOLDS = (90, 60, 30, 14, 7, 1, 0)


def days(value: float) -> timedelta:
    return timedelta(days=value)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (365, 90),
        (90.001, 90),
        (90, 90),  # reached
        (89, 90),  # crossed a day ago: it is due at once
        (60, 60),
        (45, 60),  # 90 and 60 are past: of those only the last one is worth a word
        (0.5, 1),
        (0, 0),
        (-10, 0),
    ],
)
def test_the_first_warning_is_the_last_one_crossed_or_the_next_to_come(left, expected):
    """A connection that is made late is not greeted with a warning for each threshold it never had."""
    warning = first_warning(END, THRESHOLDS, END - days(left))
    assert warning is not None
    assert (warning.days, warning.due_at) == (expected, END - days(expected))


def test_warnings_follow_each_other_to_the_end():
    """After each threshold comes the next lower one, and after the end nothing."""
    seen, after = [], 1000
    while warning := next_warning(END, THRESHOLDS, after):
        seen.append(warning.days)
        after = warning.days
    assert seen == list(THRESHOLDS)


def test_thresholds_may_come_in_any_order_and_twice():
    """What a deployment sets is sorted out here."""
    warning = next_warning(END, (7, 90, 7, 30), 90)
    assert warning is not None
    assert warning.days == 30


def test_the_29th_of_february_counts_as_a_day():
    """Days are counted on the calendar, leap day included."""
    end = datetime(2028, 3, 1, 12, tzinfo=UTC)
    warning = next_warning(end, (1,), 2)
    assert warning is not None
    assert warning.due_at == datetime(2028, 2, 29, 12, tzinfo=UTC)


@given(left=st.floats(-100, 1000), thresholds=st.lists(st.integers(0, 800), min_size=1, max_size=8))
def test_no_threshold_ahead_is_ever_skipped(left, thresholds):
    """From any moment on, the chain of warnings brings every threshold that is still ahead."""
    now = END - days(left)
    warning = first_warning(END, thresholds, now)
    seen = []
    while warning:
        seen.append(warning)
        warning = next_warning(END, thresholds, warning.days)
    ahead = {each for each in thresholds if END - days(each) > now}
    assert {each.days for each in seen if each.due_at > now} == ahead
    assert sum(each.due_at <= now for each in seen) == (1 if ahead != set(thresholds) else 0)
    shown = upcoming(END, thresholds, now)
    assert (shown.days if shown else None) == (max(ahead) if ahead else None)
