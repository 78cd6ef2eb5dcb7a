"""A string in a filter of Microsoft Graph (OData).

Source: https://learn.microsoft.com/graph/query-parameters#escaping-single-quotes.
"""

from __future__ import annotations

from onboarding.words.word import Word, read


def text(value: Word | str) -> str:
    """A string literal. The whole filter is encoded for the URL afterwards."""
    return "'" + read(value).replace("'", "''") + "'"
