"""Problem details (RFC 9457): the form of every error that a caller gets."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func

from onboarding.api.documents import Problem
from onboarding.errors import ErrorType, Finding, OnboardingError, requests

MEDIA_TYPE: Final = "application/problem+json"


class ProblemError(Exception):
    """An answer that is an error. ``code`` is stable; portals may branch on it."""

    def __init__(
        self,
        error: ErrorType | OnboardingError,
        status: HTTPStatus | None = None,
        *,
        errors: tuple[Finding, ...] = (),
        headers: Mapping[str, str] | None = None,
        **args: Any,
    ) -> None:
        """A declared error with the values in its texts (``args``), or an error of the cloud."""
        if isinstance(error, ErrorType):
            status = error.status
            texts = error.texts(args)
            detail, remedy = texts.detail, texts.remedy
        else:
            detail, remedy = error.detail, error.remedy
        super().__init__(detail)
        self._status = int(status or HTTPStatus.INTERNAL_SERVER_ERROR)
        self._headers = {"x-ms-error-code": error.code, "Cache-Control": "no-store", **(headers or {})}
        self._members: dict[str, Any] = {
            "type": f"urn:problem-type:cmg-onboarding:{error.code}",
            "title": error.title,
            "status": self._status,
            "detail": detail,
            "remedy": remedy,
            "documentation": error.documentation,
            "code": error.code,
            "errors": errors,
        }

    def response(self, request_id: str) -> func.HttpResponse:
        """The error on the wire. The code is also in the header that Azure's tools read."""
        return func.HttpResponse(
            Problem(**self._members, request_id=request_id).as_json(),
            status_code=self._status,
            mimetype=MEDIA_TYPE,
            headers=dict(self._headers),
        )


def invalid(*errors: Finding) -> ProblemError:
    """The body is JSON but not a valid request. Every fault is listed."""
    return ProblemError(requests.INVALID_REQUEST, count=len(errors), errors=errors)


def unavailable(error: ErrorType) -> ProblemError:
    """Something that will probably work some seconds later."""
    return ProblemError(error, headers={"Retry-After": "10"})
