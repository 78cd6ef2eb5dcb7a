"""Tokens for signed URLs that the service did not sign, or not for what they are used for."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt

DAY: Final = timedelta(days=1)
PURPOSES: Final = ("notice-link", "consent-page", "calendar-feed", "tenant-consent")
"""What the tokens of the service are for."""


def part(document: dict[str, Any]) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def forged(token: str, key: str, other: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Tokens that the service did not sign for the purpose of a token, some with ``other`` claims.

    ``key`` is the one of the service, so a token can be wrong in one respect only.
    """
    head, claims, signature = token.split(".")
    said: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    purpose = said["aud"]
    yield "no algorithm", f"{part({'alg': 'none', 'typ': 'JWT'})}.{claims}."
    yield "no algorithm, signed", f"{part({'alg': 'none', 'typ': 'JWT'})}.{claims}.{signature}"
    yield "another algorithm", jwt.encode(said, key, algorithm="HS512")
    yield "a third algorithm", jwt.encode(said, key, algorithm="HS384")
    yield "another key", jwt.encode(said, secrets.token_urlsafe(32), algorithm="HS256")
    yield "other claims", f"{head}.{part({**said, **other})}.{signature}"
    yield "no end", jwt.encode({k: v for k, v in said.items() if k != "exp"}, key, algorithm="HS256")
    yield "no purpose", jwt.encode({k: v for k, v in said.items() if k != "aud"}, key, algorithm="HS256")
    yield "ended", jwt.encode({**said, "exp": datetime.now(UTC) - DAY}, key, algorithm="HS256")
    for another in {*PURPOSES, purpose.upper(), ""} - {purpose}:
        yield f"for {another}", jwt.encode({**said, "aud": another}, key, algorithm="HS256")
    for cut in (0, 1, len(head) + 1, len(head) + len(claims) + 2, len(token) - 1):
        yield f"cut at {cut}", token[:cut]
    yield "twice", f"{token}.{signature}"
    yield "longer", f"{token}A"
    yield "padded", f"{token}="
    yield "too long", jwt.encode({**said, "x": "y" * 4600}, key, algorithm="HS256")
    yield "other letters", f"{token[:-1]}\u0430"
