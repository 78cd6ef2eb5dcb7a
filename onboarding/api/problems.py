"""Problem details (RFC 9457): every error that a caller sees has this shape, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func

from onboarding.errors import Finding

MEDIA_TYPE: Final = "application/problem+json"


class ProblemError(Exception):
    """An answer that is an error. ``code`` is stable; portals may branch on it."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        title: str,
        detail: str,
        *,
        errors: tuple[Finding, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    def response(self, request_id: str) -> func.HttpResponse:
        """The error on the wire; the code is repeated where Azure's own tools look for it."""
        document: dict[str, Any] = {
            "type": f"urn:problem-type:cmg-onboarding:{self.code}",
            "title": self.title,
            "status": int(self.status),
            "detail": self.detail,
            "code": self.code,
            "requestId": request_id,
        }
        if self.errors:
            document["errors"] = [error.as_json() for error in self.errors]
        return func.HttpResponse(
            json.dumps(document),
            status_code=int(self.status),
            mimetype=MEDIA_TYPE,
            headers={"x-ms-error-code": self.code, "Cache-Control": "no-store", **self.headers},
        )


def not_found(what: str) -> ProblemError:
    """There is no such thing, or the caller may not know of it."""
    return ProblemError(
        HTTPStatus.NOT_FOUND,
        "not-found",
        "There is no such resource",
        f"{what} does not exist, or it is not yours.",
    )


def invalid(errors: tuple[Finding, ...]) -> ProblemError:
    """The body is JSON but not a request; every fault is listed."""
    count = "1 field is" if len(errors) == 1 else f"{len(errors)} fields are"
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-request",
        "The request is not valid",
        f"{count} at fault. Each entry of 'errors' points to one and says what is wrong.",
        errors=errors,
    )


def conflict(code: str, title: str, detail: str) -> ProblemError:
    """What is asked for does not go with what is there."""
    return ProblemError(HTTPStatus.CONFLICT, code, title, detail)


def bad_parameter(name: str, detail: str) -> ProblemError:
    """A query parameter or header can't be used."""
    return ProblemError(
        HTTPStatus.BAD_REQUEST, "invalid-parameter", "A parameter is not valid", f"{name}: {detail}"
    )
