"""The zero-width non-joiner and joiner, which are spelling in Persian and in Indic scripts.

They select the form of the letters around them, so they are part of a name: a Persian plural has a non-joiner
before its ending. Between other letters they are invisible, so that a name could look like another one. The
rule follows UAX #31 (https://www.unicode.org/reports/tr31/#Layout_and_Format_Control) and the contextual
rules of RFC 5892, and is simpler: both neighbors belong to a script that uses them. After a virama, the sign
that ends an Indic syllable, a joiner can also end a word.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_JOINERS: Final = "\u200c\u200d"
_SCRIPTS: Final = {
    *("ARABIC", "SYRIAC", "MANDAIC", "MONGOLIAN"),
    *("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM"),
    *("SINHALA", "CHAKMA", "TIBETAN", "MYANMAR", "KHMER", "BALINESE", "JAVANESE", "SUNDANESE"),
}
"""The first word of the Unicode names of their letters and signs."""

_VIRAMA: Final = 9
"""The combining class of the signs that end a syllable without its vowel."""

_WITHOUT: Final = dict.fromkeys(map(ord, _JOINERS))


def spells(text: str, position: int) -> bool:
    """Whether the character at a position is a joiner, in a place where a script uses it."""
    if text[position] not in _JOINERS or position == 0:
        return False
    before, after = text[position - 1], text[position + 1 : position + 2]
    if not _of_script(before):
        return False
    return unicodedata.combining(before) == _VIRAMA or _of_script(after)


def without(text: str) -> str:
    """A text without joiners: beside letters that never join, they are invisible."""
    return text.translate(_WITHOUT)


def _of_script(character: str) -> bool:
    """Whether a character is a letter or a sign of a script that uses joiners."""
    if not character or unicodedata.category(character)[0] not in "LM":
        return False
    return unicodedata.name(character, "").partition(" ")[0] in _SCRIPTS
