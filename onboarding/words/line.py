"""One line of plain text: a subject, a title, a value of a header.

https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates: an isolate keeps a right-to-left name from
reordering what is beside it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from onboarding.words.word import Word, read

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""A control character or a line break. No language of this room keeps one inside a word."""

_BREAKS: Final = re.compile(f"{CONTROL.pattern}+")
_DIRECTION: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066\u2067]")
_ISOLATES: Final = re.compile("[\u2068\u2069]")
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


def line(text: Word | str) -> str:
    """A text as one line: a line break or control character becomes a space, a direction mark nothing.

    The marks of ``isolated`` stay.
    """
    return _DIRECTION.sub("", _BREAKS.sub(" ", read(text))).strip()


def isolated(name: Word | str) -> str:
    """A name as a part of one line, which reorders nothing beside it."""
    shown = line(_ISOLATES.sub("", read(name)))
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in shown):
        return f"\u2068{shown}\u2069"
    return shown
