"""CSV (RFC 4180) that is safe to open in a spreadsheet.

Excel and others run a cell that begins like a formula
(https://owasp.org/www-community/attacks/CSV_Injection). Names and addresses come from requests, so such a
cell gets a leading apostrophe, which marks it as text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula can begin with, also in full width (East Asian keyboards)."""


def sheet(columns: Sequence[str], rows: Iterable[Mapping[str, str | int | None]]) -> bytes:
    """A table with its heading, in UTF-8 with the byte order mark that Excel needs."""
    text = io.StringIO()
    writer = csv.writer(text)  # with CRLF and doubled quotes, as the RFC requires
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    return text.getvalue().encode("utf-8-sig")


def _cell(value: str | int | None) -> str | int:
    """A cell. A number is not a formula, even with a sign."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
