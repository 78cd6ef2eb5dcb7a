"""The header On-Behalf-Of: the person for whom a caller acts."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.api import on_behalf_of
from onboarding.api.problems import ProblemError
from onboarding.behalf import Behalf
from onboarding.words.word import Word

WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=100)


def read(value: str) -> Behalf | None:
    """The content of a header with this value."""
    return on_behalf_of.read({"On-Behalf-Of": value})


@given(WORDS, st.one_of(st.just(""), WORDS))
def test_a_name_in_any_script_passes_through_the_header(name, reference):
    """Both encoders of every language produce a value that is read back unchanged."""
    members = {"name": name, **({"reference": reference} if reference else {})}
    expected = Behalf(Word(name), Word(reference))
    assert read(urlencode(members)) == expected
    assert read("&".join(f"{key}={quote(value, safe='')}" for key, value in members.items())) == expected


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "form-encoded"),
        ("Kim", "form-encoded"),
        ("name=Kim M", "form-encoded"),
        ("name=M\u00fcller", "form-encoded"),
        ("name=M%FCller", "UTF-8"),
        ("name=Kim, name=Lee", "form-encoded"),
        ("name=Kim&name=Lee", "once"),
        ("reference=T-1", "On-Behalf-Of.name: This value is required."),
        ("name=", "On-Behalf-Of.name: The text must not be empty."),
        ("name=Kim&ticket=T-1", "On-Behalf-Of.ticket: There is no field with this name."),
        (f"name={'x' * 101}", "On-Behalf-Of.name: The text can have up to 100 characters."),
        (
            f"name=Kim&reference={'x' * 101}",
            "On-Behalf-Of.reference: The text can have up to 100",
        ),
        ("name=Kim%0D%0AX-Evil%3A%201", "U+000D"),
        ("name=%E2%80%AEmiK", "U+202E"),
        ("name=+Kim", "white space"),
    ],
)
def test_a_wrong_value_is_named(value, fault):
    """The problem names the header and says what is wrong with it."""
    with pytest.raises(ProblemError) as refused:
        read(value)
    document = str(refused.value.__dict__)
    assert "On-Behalf-Of" in document
    assert fault in document


def test_no_header_is_nobody():
    """The header is optional."""
    assert on_behalf_of.read({}) is None
