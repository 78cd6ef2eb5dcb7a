"""What an HTTP status is called, whatever Python runs the service.

Python 3.13 took the names of RFC 9110; Python 3.11 and 3.12 have the older ones.

Source: https://www.rfc-editor.org/rfc/rfc9110#section-15.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

_RENAMED: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""The names that RFC 9110 changed."""


def phrase(status: int) -> str:
    """The name of a status, as RFC 9110 has it."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase
