"""CSV (RFC 4180) that is safe to open in a spreadsheet.

A spreadsheet runs a cell that begins like a formula. Which character separates cells depends on the reader's
region, so that a separator, a quote or a line end inside a value can begin a cell too
(https://owasp.org/www-community/attacks/CSV_Injection). An apostrophe before the formula marks it as text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from onboarding.words.word import Word, read

_FORMULA: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
"""What a formula can begin with, also in full width (East Asian keyboards)."""

_SEPARATORS: Final = ";,|\\t\\r\\n\\v\\f\x85\u2028\u2029\"'"
_BEGINS: Final = re.compile(rf"((?:^|[{_SEPARATORS}])[\s\u200b-\u200f\u2060\ufeff]*)(?=[{_FORMULA}])")
"""Where a cell can begin, with the space and the invisible characters that a reader skips."""


def sheet(columns: Sequence[str], rows: Iterable[Mapping[str, Word | str | int | None]]) -> bytes:
    """A table with its heading, in UTF-8 with the byte order mark that Excel needs."""
    text = io.StringIO()
    writer = csv.writer(text)  # with CRLF and doubled quotes, as the RFC requires
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row[column]) for column in columns])
    return text.getvalue().encode("utf-8-sig")


def cell(value: Word | str | int | None) -> str | int:
    """A cell that no spreadsheet runs. A number is not a formula, even with a sign."""
    if isinstance(value, Word | str):
        return _BEGINS.sub(r"\1'", read(value))
    return "" if value is None else value
