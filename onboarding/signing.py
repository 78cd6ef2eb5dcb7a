"""Signed tokens for URLs: whoever holds one may do what it says, until it expires.

HMAC-SHA-256 (RFC 2104) over the claims as they stand in the token, compared in constant time. Pure: keys
and times are given. A key can be replaced without breaking what was sent out: verify with both.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

SHORTEST_KEY: Final = 32
"""Characters of a key: as long as the hash, as RFC 2104 advises."""

_LONGEST: Final = 2048  # characters of a token that is worth looking at
_EXPIRY: Final = "exp"


def sign(key: str, claims: Mapping[str, str], expires_at: datetime) -> str:
    """A token that says the claims until it expires. Raises ``ValueError`` for a key that is too short."""
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"a key has at least {SHORTEST_KEY} characters")
    document = {**claims, _EXPIRY: int(expires_at.timestamp())}
    payload = _encode(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
    return f"{payload}.{_encode(_mac(key, payload))}"


def verify(keys: Iterable[str], token: str, now: datetime) -> dict[str, str] | None:
    """The claims of a token that one of the keys signed and that has not expired; None for any other."""
    payload, _, signature = token.partition(".")
    if len(token) > _LONGEST or not token.isascii():
        return None
    good = [key for key in keys if len(key) >= SHORTEST_KEY]
    if not any(hmac.compare_digest(_encode(_mac(key, payload)), signature) for key in good):
        return None
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    expires_at = claims.pop(_EXPIRY)
    return dict(claims) if now.timestamp() < expires_at else None


def _mac(key: str, payload: str) -> bytes:
    return hmac.new(key.encode(), payload.encode(), hashlib.sha256).digest()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
