"""CSV (RFC 4180) that is safe to open in a spreadsheet.

A cell that begins like a formula is run by Excel and others, whoever wrote it
(https://owasp.org/www-community/attacks/CSV_Injection). Names and addresses come from requests, so such a
cell gets an apostrophe in front, which spreadsheets read as "this is text".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula can begin with, in full width (East Asian keyboards) too."""


def sheet(columns: Sequence[str], rows: Iterable[Mapping[str, str | int | None]]) -> bytes:
    """A table with its heading, in UTF-8 with the byte order mark by which Excel knows it."""
    text = io.StringIO()
    writer = csv.writer(text)  # with CRLF and doubled quotes, as the RFC says
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    return text.getvalue().encode("utf-8-sig")


def _cell(value: str | int | None) -> str | int:
    """A cell; numbers are no formulas, whatever their sign."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
