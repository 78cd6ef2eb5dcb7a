from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.signing import SHORTEST_KEY, sign, verify

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
KEY = "k" * SHORTEST_KEY
OTHER = "o" * SHORTEST_KEY
CLAIMS = {"do": "acknowledge", "connection": "c", "kind": "secret", "endsAt": "2027-03-08T00:00:00+00:00"}


def test_a_token_says_what_was_signed():
    """What went in comes out, in characters that need no escape in a URL."""
    token = sign(KEY, CLAIMS, NOW + timedelta(days=1))
    assert verify([KEY], token, NOW) == CLAIMS
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_token_expires():
    """It is good until its last second, and not in that one."""
    token = sign(KEY, CLAIMS, NOW)
    assert verify([KEY], token, NOW - timedelta(seconds=1)) == CLAIMS
    assert verify([KEY], token, NOW) is None


def test_a_replaced_key_is_accepted_as_long_as_it_is_named():
    """Links that were sent before a key was replaced stay good while both keys are known."""
    token = sign(KEY, CLAIMS, NOW + timedelta(days=1))
    assert verify([OTHER, KEY], token, NOW) == CLAIMS
    assert verify([OTHER], token, NOW) is None
    assert verify([], token, NOW) is None


@given(st.integers(min_value=0), st.characters(codec="utf-8"))
def test_a_changed_token_says_nothing(position, character):
    """Whatever character is changed, the token is not accepted any more."""
    token = sign(KEY, CLAIMS, NOW + timedelta(days=1))
    at = position % len(token)
    changed = token[:at] + character + token[at + 1 :]
    assert verify([KEY], changed, NOW) == (CLAIMS if changed == token else None)


@given(st.text())
def test_nonsense_is_no_token(text):
    """Any text can come as a token, and none does harm."""
    assert verify([KEY], text, NOW) is None


def test_short_keys_neither_sign_nor_verify():
    """A key that could be guessed is refused, also one that somebody put into the vault by mistake."""
    with pytest.raises(ValueError, match="at least 32"):
        sign("short", CLAIMS, NOW)
    assert verify(["", "short"], sign(KEY, CLAIMS, NOW + timedelta(days=1)), NOW) is None
