"""Reads the body of a request: every way in which it can be wrong has an answer that says what to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import azure.functions as func
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from onboarding.api.problems import ProblemError, invalid
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import Finding

Body = TypeVar("Body", bound=BaseModel)

LONGEST: Final = 16 * 1024
"""Bytes; the request has to fit into one column of a table."""


def onboarding_request(request: func.HttpRequest, now: datetime) -> OnboardingRequest:
    """The request in a body. Raises ``ProblemError``: 400, 413, 415 or 422 with all faults."""
    body = _json_body(request)
    context: dict[str, Any] = {"now": now}
    if isinstance(document := _parse(body), dict) and isinstance(document.get("tenantId"), str):
        context["tenant"] = document["tenantId"]
    wanted = _validated(OnboardingRequest, body, context)
    if faults := tuple(
        Finding(code="field-conflict", pointer=pointer, detail=detail) for pointer, detail in wanted.faults()
    ):
        raise invalid(faults)
    return wanted


def of(request: func.HttpRequest, model: type[Body]) -> Body:
    """The body as a model; no body asks for the defaults. Raises ``ProblemError`` as above."""
    body = _json_body(request) if request.get_body() else b"{}"
    _parse(body)
    return _validated(model, body)


def _validated(model: type[Body], body: bytes, context: Mapping[str, Any] | None = None) -> Body:
    try:
        return model.model_validate_json(body, context=context)
    except ValidationError as error:
        raise invalid(tuple(_finding(each) for each in error.errors(include_url=False))) from error


def fingerprint(document: Any) -> str:
    """What two requests have in common when they ask for the same."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _json_body(request: func.HttpRequest) -> bytes:
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().casefold()
    if media_type != "application/json":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "content-type-not-json",
            "The body must be JSON",
            f"Send Content-Type: application/json, not {media_type or 'none'!r}.",
            headers={"Accept": "application/json"},
        )
    body = request.get_body()
    if len(body) > LONGEST:
        raise ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "body-too-large",
            "The body is too large",
            f"It has {len(body)} bytes; at most {LONGEST} are read.",
        )
    return body


def _parse(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "malformed-json",
            "The body is not JSON",
            f"{str(error).capitalize()}. Send one JSON object in UTF-8.",
        ) from error


def _finding(error: Any) -> Finding:
    """One fault that pydantic found, with its place as a JSON pointer (RFC 6901)."""
    pointer = "".join(
        "/" + str(part).replace("~", "~0").replace("/", "~1") for part in error["loc"] if part != "[key]"
    )
    kind = str(error["type"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind == "missing":
        return Finding(code="field-missing", pointer=pointer, detail="This field is required.")
    if kind == "extra_forbidden":
        return Finding(
            code="field-unknown",
            pointer=pointer,
            detail="There is no such field; check its spelling.",
        )
    return Finding(code="field-invalid", pointer=pointer, detail=message)
