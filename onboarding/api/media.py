"""Which form of an answer a caller prefers (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from typing import Final

import azure.functions as func

JSON: Final = "application/json"
HTML: Final = "text/html"
CSV: Final = "text/csv"
CALENDAR: Final = "text/calendar"

_RANGE: Final = re.compile(
    r"^\s*([\w*+.-]+/[\w*+.-]+)\s*(?:;.*?\bq\s*=\s*([01](?:\.\d{0,3})?))?", re.IGNORECASE
)


def preferred(request: func.HttpRequest, *offered: str) -> str:
    """The media type that the Accept header rates best; the first of those that it rates alike."""
    accept = request.headers.get("Accept", "")
    return max(offered, key=lambda media: _quality(accept, media))


def _quality(accept: str, media: str) -> float:
    """What the most specific range that covers a media type rates it."""
    rated = {
        found[1].lower(): float(found[2] or 1) for part in accept.split(",") if (found := _RANGE.match(part))
    }
    ranges = (media, f"{media.partition('/')[0]}/*", "*/*")
    return next((rated[each] for each in ranges if each in rated), 0.0)
