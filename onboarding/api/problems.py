"""Problem details (RFC 9457): the form of every error that a caller gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func

from onboarding.api.reader import ANYBODY, Reader
from onboarding.api.told import Problem
from onboarding.errors import (
    Action,
    ErrorTexts,
    ErrorType,
    Finding,
    OnboardingError,
    parameters,
    requests,
)
from onboarding.texts import templates

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
        actions: tuple[Action, ...] = (),
        **args: Any,
    ) -> None:
        """A declared error with the values in its texts (``args``), or an error of the cloud."""
        if isinstance(error, ErrorType):
            status = error.status
            occurrence: ErrorTexts | OnboardingError = error.texts(args, errors)
            json_args = templates.as_json(args)
        else:
            occurrence, json_args = error, error.json_args
        super().__init__(occurrence.detail)
        self._status = int(status or HTTPStatus.INTERNAL_SERVER_ERROR)
        self._headers = {"x-ms-error-code": error.code, "Cache-Control": "no-store", **(headers or {})}
        self._members: dict[str, Any] = {
            "type": f"urn:problem-type:cmg-onboarding:{error.code}",
            "title": error.title,
            "status": self._status,
            "detail": occurrence.detail,
            "remedy": occurrence.remedy,
            "documentation": error.documentation,
            "actor": error.actor,
            "args": json_args,
            "actions": (*occurrence.actions, *actions),
            "code": error.code,
            "errors": errors,
        }

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._status

    @property
    def code(self) -> str:
        """The code."""
        return str(self._members["code"])

    def response(self, request_id: str, reader: Reader = ANYBODY) -> func.HttpResponse:
        """The error on the wire. The code is also in the header that Azure's tools read."""
        return func.HttpResponse(
            Problem(**self._members, request_id=request_id).as_json(reader),
            status_code=self._status,
            mimetype=MEDIA_TYPE,
            headers={
                **self._headers,
                "Content-Language": str(reader.language),
                "Vary": "Accept-Language",
            },
        )


def invalid(*errors: Finding) -> ProblemError:
    """The body is JSON but not a valid request. Every fault is listed."""
    return ProblemError(requests.INVALID_REQUEST, count=len(errors), errors=errors)


def invalid_parameters(found: Mapping[str, Finding]) -> ProblemError:
    """Parameters of the query, or headers, that are not valid, by name. Every fault is listed."""
    errors = tuple(replace(finding, parameter=name) for name, finding in found.items())
    return ProblemError(parameters.INVALID_PARAMETER, errors=errors)


def unavailable(error: ErrorType) -> ProblemError:
    """Something that will probably work a few seconds later."""
    return ProblemError(error, headers={"Retry-After": "10"})
