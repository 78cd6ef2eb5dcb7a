"""A text in a calendar entry.

The calendar's format (RFC 5545) is written by the library. But calendar programs read more in a text: Google
Calendar reads HTML in a description, and most programs open what looks like an address. So a text has no
markup and no address.

Source: https://developers.google.com/workspace/calendar/api/v3/reference/events (``description``).
"""

from __future__ import annotations

from onboarding.words.chat import quiet
from onboarding.words.line import isolated
from onboarding.words.word import Word


def name(text: Word | str) -> str:
    """A name within a title or a description: one line, without markup and addresses."""
    return quiet(isolated(text))


def description(text: str) -> str:
    """A text of several lines, without markup and addresses."""
    return quiet(text)
