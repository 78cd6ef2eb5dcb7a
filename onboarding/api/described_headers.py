"""The headers of answers and problems, for the description of the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from onboarding.texts.languages import Language

_TEXT: Final = {"type": "string"}
_URL: Final = {"type": "string", "format": "uri"}

HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Content-Disposition": {"schema": _TEXT, "description": "The name of the file."},
    "Content-Language": {
        "schema": {"type": "string", "enum": [str(language) for language in Language]},
        "description": "The language of the texts. Send Accept-Language to choose it.",
    },
    "ETag": {
        "schema": _TEXT,
        "description": "Send it in If-None-Match: an unchanged document is answered with 304.",
    },
    "Idempotent-Replayed": {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "An earlier request had the same Idempotency-Key. The answer is its current state.",
    },
    "Link": {"schema": _TEXT, "description": "In a spreadsheet or calendar: the URL of the next entries."},
    "Location": {"schema": _URL, "description": "The URL of the status."},
    "Operation-Location": {"schema": _URL, "description": "The same URL as in Location."},
    "Retry-After": {
        "schema": {"type": "integer", "minimum": 0},
        "description": "Seconds until the next call is useful. Missing in a final status.",
    },
    "Vary": {"schema": _TEXT, "description": "The headers of the request that the answer depends on."},
    "WWW-Authenticate": {"schema": _TEXT, "description": "The challenge of RFC 6750."},
    "x-ms-error-code": {"schema": _TEXT, "description": "The code of the problem."},
    "x-ms-request-id": {"schema": _TEXT, "description": "Finds the request in the log of the service."},
}

_LATER: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_WRITTEN: Final = {"application/json", "text/html"}
_FILES: Final = {"text/plain", "text/csv", "text/calendar"}


def of_problem(status: int) -> dict[str, Any]:
    """The headers of a problem."""
    names = ["x-ms-error-code", "x-ms-request-id", "Content-Language", "Vary"]
    if status == HTTPStatus.UNAUTHORIZED:
        names.append("WWW-Authenticate")
    if status in _LATER:
        names.append("Retry-After")
    return _described(names)


def of_answer(names: Iterable[str], media_types: Iterable[str]) -> dict[str, Any]:
    """The headers of an answer: those that its endpoint declares, and those that all answers have."""
    more = ["Content-Disposition"] if _FILES.intersection(media_types) else []
    if _WRITTEN.intersection(media_types):
        more += ["Content-Language", "Vary"]
    return _described([*names, *more, "x-ms-request-id"])


def _described(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
