"""A word as a separate value: a member of a JSON document, a column of a row, something to compare.

A library writes the document, so nothing of the word has a meaning in it
(https://www.rfc-editor.org/rfc/rfc8259#section-7). A sentence is not such a value: ``line`` writes a word for
it.
"""

from __future__ import annotations

from onboarding.words.word import Word, read


def text(word: Word) -> str:
    """The word, unchanged."""
    return read(word)


def folded(word: Word) -> str:
    """The word for a comparison in any case."""
    return read(word).casefold()
