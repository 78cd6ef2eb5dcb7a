"""Signed tokens for URLs: a token allows its holder to do one thing until it expires.

JSON Web Tokens (RFC 7519) with HMAC-SHA-256. The audience is the purpose, so a token for one purpose is not
valid for another. Pure: the caller passes keys and times. To replace a key without breaking earlier URLs,
verify with both keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import jwt
from jwt.utils import base64url_decode, base64url_encode

SHORTEST_KEY: Final = 32
"""Characters of a key: as long as the hash, as RFC 2104 recommends."""

_LONGEST: Final = 6144  # characters; no valid token is longer
_ALGORITHM: Final = "HS256"
_EXPIRY: Final = "exp"
_PURPOSE: Final = "aud"


def sign(key: str, claims: Mapping[str, str], expires_at: datetime, *, purpose: str) -> str:
    """A token that is valid until it expires.

    Raises ``ValueError`` if the key is too short, or if the token would be too long to be accepted.
    """
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"a key must have at least {SHORTEST_KEY} characters")
    document = {**claims, _PURPOSE: purpose, _EXPIRY: int(expires_at.timestamp())}
    token = jwt.encode(document, key, algorithm=_ALGORITHM)
    if len(token) > _LONGEST:
        raise ValueError(f"a token has at most {_LONGEST} characters")
    return token


def verify(keys: Iterable[str], token: str, now: datetime, *, purpose: str) -> dict[str, str] | None:
    """The claims of a token that one of the keys signed for this purpose, or None; also once it expired."""
    if len(token) > _LONGEST or not token.isascii():
        return None
    for key in keys:
        if len(key) >= SHORTEST_KEY and (claims := _claims(key, token, purpose)):
            return claims if now.timestamp() < int(claims.pop(_EXPIRY)) else None
    return None


def _claims(key: str, token: str, purpose: str) -> dict[str, str] | None:
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=purpose,
            options={"require": [_EXPIRY, _PURPOSE], "verify_exp": False},  # ``verify`` has its own clock
        )
        signature = token.rpartition(".")[2]
        canonical = base64url_encode(base64url_decode(signature)).decode() == signature
    except (jwt.PyJWTError, RecursionError):  # the header is read before the signature is verified
        return None
    del claims[_PURPOSE]
    return claims if canonical else None
