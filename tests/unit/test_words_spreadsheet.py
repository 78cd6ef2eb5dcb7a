"""A table that opens as text, whatever the list separator in the reader's region."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onboarding.words.spreadsheet import sheet

SEPARATORS = (",", ";", "\t", "|")
HOSTILE = st.text(
    st.sampled_from("=+-@;,|\t\r\n\"' \u200b\uff1dab1(") | st.characters(codec="utf-8"), max_size=40
)
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
INVISIBLE = " \u200b\u200c\u200d\u200e\u200f\u2060\ufeff\t\r\n\v\f\x85\u2028\u2029"


def cells(content: bytes, separator: str) -> list[str]:
    """What a spreadsheet with a list separator reads, with and without support for quotes."""
    text = content.decode("utf-8-sig")
    quoted = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]
    rough = text.replace("\r", "\n").replace('"', separator).replace("\n", separator).split(separator)
    return [*quoted, *rough]


@example('x;=HYPERLINK("https://evil.example";"see")')
@example('x";"=1')
@example("a,\u200b +1")
@example("\t\r=cmd|' /C calc'!A0")
@given(HOSTILE)
def test_no_cell_is_a_formula(word):
    """With each separator, no cell begins like a formula, even after what a reader skips."""
    content = sheet(("a", "b", "c"), [{"a": word, "b": f"x {word}", "c": word}])
    for separator in SEPARATORS:
        for cell in cells(content, separator):
            assert not cell.lstrip(INVISIBLE).startswith(FORMULA), (separator, cell)


@pytest.mark.parametrize(
    "value", ["CMG-ServerApp", "2026-11-28T10:00:00Z", "a - b", "1+1", "ops@contoso.com", "it's"]
)
def test_usual_values_stay_as_they_are(value):
    """A hyphen, a plus or an at sign inside a word does not start a cell."""
    content = sheet(("a",), [{"a": value}]).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(content, newline=""))) == [["a"], [value]]


def test_numbers_stay_numbers():
    """A negative number is a number, and None is an empty cell."""
    content = sheet(("a", "b"), [{"a": -3, "b": None}]).decode("utf-8-sig")
    assert content == "a,b\r\n-3,\r\n"
