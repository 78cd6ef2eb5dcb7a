from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from infra.local.host import ncrontab, timespan

TUESDAY = datetime(2026, 11, 24, 20, 30, 15, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * * *", "2026-11-24T20:30:16"),
        ("*/5 * * * * *", "2026-11-24T20:30:20"),
        ("0 */5 * * * *", "2026-11-24T20:35:00"),
        ("*/5 * * * *", "2026-11-24T20:35:00"),  # five fields: second 0
        ("0 0 * * * *", "2026-11-24T21:00:00"),
        ("0 30 20 * * *", "2026-11-25T20:30:00"),  # today's time has passed
        ("16 30 20 * * *", "2026-11-24T20:30:16"),
        ("15 30 20 * * *", "2026-11-25T20:30:15"),  # strictly after now
        ("0 0 9-17 * * *", "2026-11-25T09:00:00"),
        ("0 0 9-17/4 * * *", "2026-11-25T09:00:00"),
        ("0 50/5 * * * *", "2026-11-24T20:50:00"),  # from 50 to the end, every 5
        ("0 15,45 * * * *", "2026-11-24T20:45:00"),
        ("0 30 9 * * Mon-Fri", "2026-11-25T09:30:00"),
        ("0 30 9 * Jan Mon", "2027-01-04T09:30:00"),
        ("0 0 0 * * sunday", "2026-11-29T00:00:00"),
        ("0 0 0 * * 0", "2026-11-29T00:00:00"),
        ("0 0 0 1 january *", "2027-01-01T00:00:00"),
        ("0 0 0 13 * 5", "2027-08-13T00:00:00"),  # day and weekday must both match
        ("0 0 0 29 2 *", "2028-02-29T00:00:00"),
        ("59 59 23 31 12 *", "2026-12-31T23:59:59"),
    ],
)
def test_next_occurrence(schedule, expected):
    """A schedule fires by the NCRONTAB rules of the timer trigger, in UTC."""
    assert ncrontab.parse(schedule).next(TUESDAY) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "every"),
    [("00:05:00", timedelta(minutes=5)), ("1.00:00:00", timedelta(days=1)), ("24:00:00", timedelta(days=24))],
)
def test_interval(schedule, every):
    """A duration instead of an expression is an interval; 24:00:00 is 24 days, as in .NET."""
    assert ncrontab.parse(schedule).next(TUESDAY) == TUESDAY + every


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("* * * *", "six"),
        ("60 * * * * *", "second"),
        ("0 0 24 * * *", "hour"),
        ("0 0 0 0 * *", "day"),
        ("0 0 0 * foo *", "month"),
        ("0 0 0 * * 7", "weekday"),
        ("0 */0 * * * *", "minute"),
        ("0 30-10 * * * *", "backwards"),
        ("0 0 0 30 2 *", "never"),
        ("0 , * * * *", "minute"),
        ("00:00:00", "longer than zero"),
    ],
)
def test_refused_schedules(schedule, why):
    """An invalid schedule is refused, and the error contains the wrong part."""
    with pytest.raises(ValueError, match=why):
        ncrontab.parse(schedule)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:15", 15), ("00:00:00.2", 0.2), ("10:00", 36_000), ("2.01:00:00", 176_400), ("00:05:00", 300)],
)
def test_durations(text, seconds):
    """Durations in host.json are read as .NET writes them."""
    assert timespan.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "5 minutes", "00:99:00", "-00:05:00"])
def test_refused_durations(text):
    """An invalid duration is refused."""
    with pytest.raises(ValueError, match="not a duration"):
        timespan.parse(text)
