from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from onboarding.storage import keys

# https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f/\\#?]")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - Hypothesis takes naive limits
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-11))]),
)


@given(TEXT | st.text("=/#2f5c", max_size=12))
def test_a_part_holds_nothing_that_a_key_may_not(text):
    """Any value can become a part of a key, and can be read from the key unchanged."""
    part = keys.part(text)
    assert not FORBIDDEN.search(part)
    assert "|" not in part
    assert re.sub("=([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), part) == text


@given(TEXT.map(lambda text: text + "/" * 300) | st.just("\U0001f600" * 200))
def test_a_long_part_leaves_space_for_others(text):
    """The longest address that a request may have fits into a key together with a date."""
    part = keys.part(text)
    assert len(part.encode("utf-16-le")) <= 640
    assert not FORBIDDEN.search(part)
    assert part != keys.part(f"{text}x")
    assert part == keys.part(text)


@given(TEXT, TEXT)
def test_different_values_are_different_parts(one, other):
    """Two callers never share a partition."""
    assert (keys.part(one) == keys.part(other)) == (one == other)


@given(MOMENTS, MOMENTS)
def test_the_newest_comes_first(one, other):
    """Keys sort as text in reverse chronological order, over months, years and time zones."""
    if abs(one - other) < timedelta(milliseconds=2):
        return
    newer, older = max(one, other), min(one, other)
    assert keys.newest_first(newer) < keys.newest_first(older)
    assert [len(part) for part in keys.newest_first(newer)] == [6, 13]
    assert keys.milliseconds(older) < keys.milliseconds(newer)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=10), TEXT)
def test_a_prefix_takes_in_all_that_begins_with_it(prefix, rest):
    """A list reads all of its own rows and none of its neighbor's."""
    low, high = keys.prefixed(prefix)
    assert low <= prefix + rest < high
    assert not low <= prefix[:-1] + chr(ord(prefix[-1]) + 1) + rest < high


@given(TEXT, TEXT)
def test_an_id_is_derived_from_its_parts(one, other):
    """The same parts in the same order make the same ID."""
    assert keys.derived_id(one, other) == keys.derived_id(one, other)
    if one != other:
        assert keys.derived_id(one, other) != keys.derived_id(other, one)
