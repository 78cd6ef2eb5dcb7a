from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding import signing
from onboarding.signing import SHORTEST_KEY

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
KEY = "k" * SHORTEST_KEY
OTHER = "o" * SHORTEST_KEY
PURPOSE = "link"
CLAIMS = {"do": "acknowledge", "connection": "c", "kind": "secret", "endsAt": "2027-03-08T00:00:00+00:00"}


def sign(key: str, claims: Mapping[str, str], expires_at: datetime) -> str:
    """A token for the usual purpose."""
    return signing.sign(key, claims, expires_at, purpose=PURPOSE)


def verify(keys: list[str], token: str, now: datetime) -> dict[str, str] | None:
    """The claims of a token for the usual purpose."""
    return signing.verify(keys, token, now, purpose=PURPOSE)


def forged(header: Mapping[str, str], claims: Mapping[str, object], key: str = "") -> str:
    """A token with any header and claims, signed with HMAC-SHA-256 if there is a key."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)
    ]
    signature = hmac.new(key.encode(), ".".join(parts).encode(), hashlib.sha256).digest() if key else b""
    return ".".join([*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")])


def test_a_token_says_what_was_signed():
    """A verified token returns its claims and needs no escaping in a URL."""
    token = sign(KEY, CLAIMS, NOW + timedelta(days=1))
    assert verify([KEY], token, NOW) == CLAIMS
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_token_expires():
    """A token is valid until the second before it expires."""
    token = sign(KEY, CLAIMS, NOW)
    assert verify([KEY], token, NOW - timedelta(seconds=1)) == CLAIMS
    assert verify([KEY], token, NOW) is None


def test_a_replaced_key_is_accepted_as_long_as_it_is_named():
    """Links that were sent before a key was replaced stay valid while both keys are configured."""
    token = sign(KEY, CLAIMS, NOW + timedelta(days=1))
    assert verify([OTHER, KEY], token, NOW) == CLAIMS
    assert verify([OTHER], token, NOW) is None
    assert verify([], token, NOW) is None


@given(st.integers(min_value=0), st.characters(codec="utf-8"))
def test_a_changed_token_says_nothing(position, character):
    """A token is refused if any of its characters has changed."""
    token = sign(KEY, CLAIMS, NOW + timedelta(days=1))
    at = position % len(token)
    changed = token[:at] + character + token[at + 1 :]
    assert verify([KEY], changed, NOW) == (CLAIMS if changed == token else None)


@given(st.text())
def test_nonsense_is_no_token(text):
    """Any text that is not a token is refused."""
    assert verify([KEY], text, NOW) is None


def test_a_token_is_valid_for_one_purpose():
    """A link in a message cannot open a calendar feed, although the same key signs both."""
    token = signing.sign(KEY, CLAIMS, NOW + timedelta(days=1), purpose="feed")
    assert signing.verify([KEY], token, NOW, purpose="feed") == CLAIMS
    assert signing.verify([KEY], token, NOW, purpose="link") is None


def test_forged_tokens_are_refused():
    """Only tokens with HMAC-SHA-256, the key, an expiration and a purpose are accepted."""
    header, expiry = {"alg": "HS256", "typ": "JWT"}, int(NOW.timestamp()) + 60
    valid = {**CLAIMS, "aud": PURPOSE, "exp": expiry}
    assert verify([KEY], forged(header, valid, KEY), NOW) == CLAIMS
    for algorithm in ("none", "None", "", "HS512", "RS256"):
        assert verify([KEY], forged({**header, "alg": algorithm}, valid), NOW) is None
        assert verify([KEY], forged({**header, "alg": algorithm}, valid, KEY), NOW) is None
    assert verify([KEY], forged(header, valid, OTHER), NOW) is None
    assert verify([KEY], forged(header, valid), NOW) is None
    for claim in ("exp", "aud"):
        incomplete = {name: value for name, value in valid.items() if name != claim}
        assert verify([KEY], forged(header, incomplete, KEY), NOW) is None
    deep = base64.urlsafe_b64encode(b"[" * 1500).decode().rstrip("=")
    assert verify([KEY], f"{deep}.e30.x", NOW) is None


def test_a_token_of_any_length_is_refused_early():
    """A token that is longer than any token of this service is refused unread."""
    assert verify([KEY], "x" * 10_000, NOW) is None
    with pytest.raises(ValueError, match="at most"):
        sign(KEY, {**CLAIMS, "more": "x" * 6144}, NOW + timedelta(days=1))


def test_a_token_about_the_longest_owner_is_valid():
    """A feed for an owner with the longest address that a request may contain can be read."""
    claims = {**CLAIMS, "owner": "\U0001f600" * 254}
    token = sign(KEY, claims, NOW + timedelta(days=1))
    assert verify([KEY], token, NOW) == claims


def test_short_keys_neither_sign_nor_verify():
    """A key that could be guessed is refused, including one that somebody added to the vault by mistake."""
    with pytest.raises(ValueError, match="at least 32"):
        sign("short", CLAIMS, NOW)
    assert verify(["", "short"], sign(KEY, CLAIMS, NOW + timedelta(days=1)), NOW) is None
