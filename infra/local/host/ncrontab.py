"""Schedules of timer triggers: NCRONTAB expressions and fixed intervals.

Six fields: second, minute, hour, day, month, day of week. Five fields mean second 0. A field is a list of
values, ranges and steps; months and days of the week have names. Day and day of week must both match,
unlike in Unix cron.

Source: github.com/atifaziz/NCrontab (the parser the Functions host uses) and
learn.microsoft.com/azure/azure-functions/functions-bindings-timer, "NCRONTAB expressions" and "TimeSpan".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from infra.local.host import timespan

_MONTHS: Final = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_WEEKDAYS: Final = "sunday monday tuesday wednesday thursday friday saturday".split()  # noqa: SIM905
_SHORTEST_NAME: Final = 3
_WITH_SECONDS: Final = 6
_WITHOUT_SECONDS: Final = 5
_YEARS_AHEAD: Final = 9
"""29 February can be eight years away (1896 to 1904, 2096 to 2104)."""


class Schedule(Protocol):
    """When a timer fires."""

    def next(self, after: datetime) -> datetime:
        """The first time strictly after ``after``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A schedule that fires again after a fixed time."""

    every: timedelta

    def next(self, after: datetime) -> datetime:
        """One interval after ``after``."""
        return after + self.every


@dataclass(frozen=True, kw_only=True, slots=True)
class Crontab:
    """A schedule of calendar times; each field holds the values that match."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    """0 is Sunday."""

    def next(self, after: datetime) -> datetime:
        """The first matching time strictly after ``after``, in UTC.

        Raises:
            ValueError: there is none, such as for 30 February.
        """
        start = after.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        for day in self._days(start):
            floor = start if day.date() == start.date() else day
            for hour in self.hours:
                for minute in self.minutes:
                    if (hour, minute) < (floor.hour, floor.minute):
                        continue
                    for second in self.seconds:
                        candidate = day.replace(hour=hour, minute=minute, second=second)
                        if candidate >= floor:
                            return candidate
        raise ValueError("the schedule never comes due")

    def _days(self, start: datetime) -> Iterator[datetime]:
        day = start.replace(hour=0, minute=0, second=0)
        last = day + timedelta(days=366 * _YEARS_AHEAD)
        while day <= last:
            if day.month not in self.months:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)  # the next month
                continue
            if day.day in self.days and day.isoweekday() % 7 in self.weekdays:
                yield day
            day += timedelta(days=1)


def parse(text: str) -> Schedule:
    """Read a schedule.

    Raises:
        ValueError: it is neither an NCRONTAB expression nor a duration, or never fires.
    """
    fields = text.split()
    if len(fields) == 1 and ":" in text:
        every = timespan.parse(text)
        if every <= timedelta(0):
            raise ValueError(f"the interval {text!r} must be longer than zero")
        return Interval(every=every)
    if len(fields) == _WITHOUT_SECONDS:
        fields = ["0", *fields]
    if len(fields) != _WITH_SECONDS:
        raise ValueError(
            f"{text!r} has {len(fields)} fields; a schedule has six (second minute hour day month weekday)"
        )
    crontab = Crontab(
        seconds=_field(fields[0], "second", 0, 59),
        minutes=_field(fields[1], "minute", 0, 59),
        hours=_field(fields[2], "hour", 0, 23),
        days=_field(fields[3], "day", 1, 31),
        months=_field(fields[4], "month", 1, 12, _MONTHS),
        weekdays=_field(fields[5], "weekday", 0, 6, _WEEKDAYS),
    )
    crontab.next(datetime.now(UTC))
    return crontab


def _field(text: str, name: str, low: int, high: int, words: list[str] | None = None) -> tuple[int, ...]:
    values: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, name, 1, high, None) if slash else 1
        first_text, dash, last_text = span.partition("-")
        if span == "*":
            first, last = low, high
        elif dash:
            first = _number(first_text, name, low, high, words)
            last = _number(last_text, name, low, high, words)
            if first > last:
                raise ValueError(f"the {name} range {span!r} runs backwards")
        else:
            first = _number(span, name, low, high, words)
            last = high if slash else first
        values.update(range(first, last + 1, step))
    return tuple(sorted(values))


def _number(text: str, name: str, low: int, high: int, words: list[str] | None) -> int:
    if words is not None and len(text) >= _SHORTEST_NAME:
        for index, word in enumerate(words):
            if word.startswith(text.lower()):
                return index + low
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"{text!r} is no {name} from {low} to {high}")
    return int(text)
