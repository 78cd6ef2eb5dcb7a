from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.cmg.versions import renewable_until
from onboarding.connections.cadence import Cadence, ExpiryWarning, Snooze, Turn

END = datetime(2027, 3, 1, 12, tzinfo=UTC)
THRESHOLDS = (90, 60, 30, 14, 7, 1, 0)
USUAL = Cadence(thresholds=THRESHOLDS, repeat=7)


def days(value: float) -> timedelta:
    return timedelta(hours=round(value * 24, 3))


def snooze(since: float, until: float, *, operator: bool = True) -> Snooze:
    """A snooze between two moments, each in days before the end."""
    at, until_then = END - days(since), END - days(until)
    return Snooze(ends_at=END, until=until_then, by="somebody", at=at, operator=operator)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (365, 90),
        (90.001, 90),
        (90, 90),  # reached
        (89, 90),  # crossed a day ago, so due at once
        (60, 60),
        (45, 60),  # 90 and 60 have passed; only the last one is sent
        (0.5, 1),
        (0, 0),
        (-6.9, 0),
        (-7, -7),  # a week after the end the warning is repeated
        (-20, -14),
    ],
)
def test_the_first_warning_is_the_last_one_crossed_or_the_next_to_come(left, expected):
    """A connection that is created late gets only the last of the thresholds that it has already passed."""
    warning = USUAL.first(END, END - days(left))
    assert (warning.days, warning.due_at) == (expected, END - days(expected))


def test_warnings_follow_each_other_to_the_end_and_beyond():
    """After each threshold comes the next lower one, and after the end one warning each week."""
    seen = [91]
    for _ in range(len(THRESHOLDS) + 3):
        turn = USUAL.turn(END, seen[-1], END - days(seen[-1]))
        assert turn.announce
        assert turn.following
        seen.append(turn.following.days)
    assert seen[1:] == [*THRESHOLDS, -7, -14, -21]


def test_an_end_is_repeated_where_no_warning_is_wanted_at_the_end_itself():
    """Without a threshold of 0, the first warning after the end comes a week later."""
    turn = Cadence(thresholds=(30,), repeat=7).turn(END, 30, END - days(30))
    assert turn.following == ExpiryWarning(days=-7, due_at=END + days(7))


@pytest.mark.parametrize(
    ("due", "left", "acknowledged", "announced", "passed", "following"),
    [
        (90, 5, False, 7, (90, 60, 30, 14), 1),  # the most urgent, and those that passed before it
        (14, 14, False, 14, (), 7),
        (14, -3, False, 0, (14, 7, 1), -7),
        (30, -15, False, -14, (30, 14, 7, 1, 0), -21),
        (30, -15, True, 0, (30, 14, 7, 1), -7),  # an acknowledged end is not repeated
        (0, -30, False, -28, (0,), -35),
        (-7, -30, False, -28, (), -35),
        (-28, -30, False, -28, (), -35),
        (-28, 100, False, -28, (), -35),  # a clock that was set back repeats nothing
    ],
)
def test_after_silence_one_warning_is_sent(due, left, acknowledged, announced, passed, following):  # noqa: PLR0917
    """However many thresholds have passed, only the most urgent warning is sent. It lists the others."""
    turn = USUAL.turn(END, due, END - days(left), acknowledged=acknowledged)
    assert turn.announce == ExpiryWarning(days=announced, due_at=END - days(announced))
    assert turn.passed == passed
    assert turn.following
    assert turn.following.days == following


@pytest.mark.parametrize(
    ("sent", "left", "acknowledged", "passed"),
    [
        (30, 30, False, False),
        (30, 15, False, False),
        (30, 14, False, True),
        (0, -6, False, False),
        (0, -7, False, True),
        (0, -7, True, False),
    ],
)
def test_a_warning_is_passed_when_a_graver_one_is_due(sent, left, acknowledged, passed):
    """A warning that a channel did not accept in time is not sent after a more urgent one."""
    assert USUAL.is_passed(END, sent, END - days(left), acknowledged=acknowledged) is passed


@pytest.mark.parametrize(
    ("due", "until", "acknowledged", "expected"),
    [
        (30, 20, False, 30),  # nothing else was due meanwhile
        (30, 5, False, 7),  # 30, 14 and 7 were due; only the last one is sent
        (1, -1, False, 0),
        (1, -15, False, -14),
        (1, -15, True, 0),  # an acknowledged end is not repeated, but its own warning is sent
        (-7, -8, False, -7),
    ],
)
def test_what_a_snooze_held_back_comes_at_its_end(due, until, acknowledged, expected):
    """Of all warnings that were due during a snooze, only one is sent."""
    asleep = snooze(since=100, until=until)
    turn = USUAL.turn(END, due, END - days(due), acknowledged=acknowledged, snooze=asleep)
    held_back = ExpiryWarning(days=expected, due_at=asleep.until)
    assert turn == Turn(announce=None, following=held_back)
    assert USUAL.turn(END, expected, asleep.until, acknowledged=acknowledged, snooze=asleep).announce


@pytest.mark.parametrize(
    ("due", "until", "following"),
    [
        (30, 20, (30, 20)),  # those with the snooze get it afterwards
        (30, 5, (14, 14)),  # the next one is first, for operators
        (7, 5, (7, 5)),
        (-7, -13, (-7, -13)),
        (-7, -20, (-14, -14)),
    ],
)
def test_a_snooze_of_no_operator_keeps_nothing_from_operators(due, until, following):
    """Operators get each warning during a requester's snooze; the last one is due again at its end."""
    asleep = snooze(since=100, until=until, operator=False)
    turn = USUAL.turn(END, due, END - days(due), snooze=asleep)
    left, due_at = following
    assert turn.announce == ExpiryWarning(days=due, due_at=END - days(due))
    assert turn.following == ExpiryWarning(days=left, due_at=END - days(due_at))


@pytest.mark.parametrize(
    ("left", "acknowledged", "asleep", "expected"),
    [
        (365, False, None, (90, 90)),
        (90, False, None, (60, 60)),
        (-1, False, None, (-7, -7)),
        (-1, True, None, None),
        (5, True, None, (1, 1)),
        (20, False, snooze(25, 10), (14, 10)),  # 14 is due during the snooze
        (12, False, snooze(25, 10), (14, 10)),
        (20, False, snooze(25, 15), (14, 14)),  # the snooze has ended before
        (9, False, snooze(25, 10), (7, 7)),  # the snooze has ended
        (3, True, snooze(3, -20), (0, -20)),
        (-1, True, snooze(-1, -20), None),
    ],
)
def test_the_warning_that_is_shown_is_the_one_that_will_come(left, acknowledged, asleep, expected):
    """The warning that is shown as the next one takes an earlier snooze or acknowledgement into account."""
    shown = USUAL.upcoming(END, END - days(left), acknowledged=acknowledged, snooze=asleep)
    assert shown == (ExpiryWarning(days=expected[0], due_at=END - days(expected[1])) if expected else None)


def test_the_29th_of_february_counts_as_a_day():
    """Days are calendar days, including a leap day."""
    end = datetime(2028, 3, 1, 12, tzinfo=UTC)
    assert USUAL.turn(end, 7, end - days(7)).following == ExpiryWarning(
        days=1, due_at=datetime(2028, 2, 29, 12, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (None, datetime(2029, 2, 7, 8, tzinfo=UTC)),  # the newest
        ("2409", datetime(2029, 2, 7, 8, tzinfo=UTC)),
        ("2503", datetime(2029, 2, 7, 8, tzinfo=UTC)),
        ("2403", None),
    ],
)
def test_from_2409_on_an_application_gets_too_old(version, expected):
    """800 days after an application was created, its secret can no longer be renewed."""
    assert renewable_until(datetime(2026, 11, 30, 8, tzinfo=UTC), version) == expected


@dataclass
class Timer:
    """A sweep that runs when the test calls it, on a row like that of the index."""

    cadence: Cadence
    row: ExpiryWarning
    announced: list[int] = field(default_factory=list)
    passed: list[int] = field(default_factory=list)

    def run(self, now: datetime, row: ExpiryWarning | None = None) -> None:
        """Send what is due, once; ``row`` is the next warning that a slower timer still has."""
        row = row or self.row
        while row.due_at <= now:
            turn = self.cadence.turn(END, row.days, now)
            assert turn.announce
            if turn.announce.days not in self.announced:  # a notice's ID
                self.announced.append(turn.announce.days)
                self.passed.extend(turn.passed)
            assert turn.following
            row = turn.following
        self.row = row


thresholds = st.sets(st.integers(0, 400), min_size=1, max_size=8).map(
    lambda found: tuple(sorted(found, reverse=True))
)
hours = st.integers(-2400, 12000).map(lambda found: found / 24)
runs = st.lists(hours, min_size=1, max_size=20)


@given(thresholds=thresholds, repeat=st.integers(1, 40), made=hours, runs=runs)
def test_each_run_announces_the_gravest_once_and_records_the_rest(thresholds, repeat, made, runs):
    """After missed runs, a clock that was set back, or two timers, nothing is sent twice or left out."""
    cadence = Cadence(thresholds=thresholds, repeat=repeat)
    timer = Timer(cadence, cadence.first(END, END - days(made)))
    begun = timer.row.days
    for left in runs:
        before, sent = timer.row, len(timer.announced)
        timer.run(END - days(left))
        timer.run(END - days(left), before)  # a second timer that read the row at the same time
        assert len(timer.announced) <= sent + 1
    crossed = {each for each in thresholds if each <= begun and min(runs) <= each}
    known = timer.announced + timer.passed
    assert sorted(each for each in known if each >= 0) == sorted(crossed)
    assert timer.announced == sorted(set(timer.announced), reverse=True)
    last = -int(-min(runs) // repeat) * repeat
    repeated = [each for each in timer.announced if each < 0]
    assert (repeated[-1] if repeated else 0) == (last if last < 0 and last <= begun else 0)
    assert timer.row.due_at > END - days(min(runs))


@given(thresholds=thresholds, repeat=st.integers(1, 40), left=hours)
def test_the_timer_brings_what_was_shown(thresholds, repeat, left):
    """The next warning that is shown is the one in the index once all due warnings are sent."""
    cadence, now = Cadence(thresholds=thresholds, repeat=repeat), END - days(left)
    timer = Timer(cadence, cadence.first(END, now))
    timer.run(now)
    assert cadence.upcoming(END, now) == timer.row
