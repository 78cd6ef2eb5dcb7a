"""Hostile words, made by rules: text that one of the readers' languages could misread.

A rule is a set of characters and their positions. So the corpus contains what no list of known attacks has.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator
from typing import Final

MEANINGS: Final = (
    *string.punctuation,
    *"\u2018\u2019\u201a\u201b\u201c\u201d\u201e",  # quotation marks of PowerShell
    *"\u2013\u2014\u2015",  # its dashes
    *"\uff1d\uff0b\uff0d\uff20\uff02\uff07",  # full-width forms
)
"""Characters with a meaning in at least one of the languages."""

SEPARATORS: Final = (*";,|& /:=()[]{}<>\"'`", "\u2019", "\u00a0")
"""Characters after which a language can start a new token."""

CONTROL: Final = (*map(chr, (0, 7, 8, 9, 10, 11, 12, 13, 27, 127, 0x85, 0x9B)), "\u2028", "\u2029")
"""Only the names of a directory can contain these."""

CODE_PAGES: Final = ("utf-8", *(f"cp{number}" for number in (*range(1250, 1259), 874, 932, 936, 949, 950)))
"""Encodings in which Windows PowerShell 5.1 reads a file without a byte order mark."""

LENGTHS: Final = (256, 1024)

_DANGEROUS: Final = "'\"`\u2018\u2019\u201a\u201b\u201c\u201d\u201e;,|\r\n\x85\u2028"


def letters(page: str) -> str:
    """Letters whose UTF-8 bytes are quotation marks, separators, line ends or lead bytes in a code page."""
    found = []
    for number in (
        *range(0xA0, 0x600),
        *range(0x2000, 0x2100),
        *range(0x3040, 0x30A0),
        *range(0x4E00, 0x4E80),
    ):
        letter = chr(number)
        if unicodedata.category(letter)[0] not in "LNPS":
            continue
        misread = letter.encode().decode(page, "replace")
        lead = "\ufffd" in (letter.encode() + b"'").decode(page, "replace")[-2:]
        if lead or any(character in _DANGEROUS for character in misread):
            found.append(letter)
    return "".join(found)


def _spread(text: str, size: int = 40) -> Iterator[str]:
    """A long text as words."""
    for start in range(0, len(text), size):
        yield text[start : start + size]


def words() -> list[str]:
    """Words that a request can contain."""
    alone = [f"x{character}y" for character in MEANINGS] + [f"{character}y" for character in MEANINGS]
    after = [
        f"x{separator}{''.join(MEANINGS[start : start + 3])}=1"
        for separator in SEPARATORS
        for start in range(0, len(MEANINGS), 3)
    ]
    misread = [word for page in CODE_PAGES[1:] for word in list(_spread(letters(page)))[:6]]
    shaped = [
        "e\u0301\u0323\u0308" * 8,  # combining
        "\u05d0\u05d1 CMG \u0627\u0644",  # right to left
        "\U0001f680\U0001f1e9\U0001f1ea\U00020000",  # surrogate pairs
        *("'\u2019\";=" * (length // 5) for length in LENGTHS),
        *("\U0001f680" * length for length in LENGTHS),
    ]
    return list(dict.fromkeys((*alone, *after, *misread, *shaped)))


def directory_names() -> list[str]:
    """Words that only a directory can contain, which accepts control characters and line breaks."""
    return [f"x{character}{rest}" for character in CONTROL for rest in ("y", "=1", "ERROR forged\ty")]
