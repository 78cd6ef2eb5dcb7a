"""Reads the query, the headers and the body of a call.

The models that read it are also those that the OpenAPI description shows. All faults are reported at once.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic_core import from_json

from onboarding.api.problems import ProblemError, invalid
from onboarding.errors import Finding, requests

LONGEST: Final = 16 * 1024
"""Bytes of a body; the request must fit into one column of a table."""

HEADER: Final[JsonDict] = {"in": "header"}
"""Marks a field of a query that is a header."""

_UNREADABLE: Final = "\ufffd"
"""What ``parse_qsl`` puts in place of bytes that are not UTF-8."""

LABEL: Final = "label."
"""Begins the name of a parameter that filters by a label."""

_VERSION: Final = "api-version"
"""Gateways and tools for Azure add this parameter to each call. The API has one version, so it is ignored."""

_TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

_Body = TypeVar("_Body", bound=BaseModel)


def is_id(text: str) -> bool:
    """Whether a text is a UUID in its usual form."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _id(text: str) -> str:
    if not is_id(text):
        raise ValueError("must be a UUID, such as 3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05")
    return text.lower()


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch("[0-9]{1,9}", value):
        raise ValueError("must be a number in decimal digits")
    return value


def _flag(value: Any) -> Any:
    if isinstance(value, str) and value.casefold() not in {"true", "false"}:
        raise ValueError("must be true or false")
    return value


Id = Annotated[str, BeforeValidator(_id), WithJsonSchema({"type": "string", "format": "uuid"})]
DIGITS: Final = BeforeValidator(_digits)
Flag = Annotated[bool, BeforeValidator(_flag)]


class Query(BaseModel):
    """The query of an open endpoint. Parameters that it does not have are ignored: mail filters add some."""

    model_config = ConfigDict(
        alias_generator=to_camel, frozen=True, hide_input_in_errors=True, validate_default=False
    )

    @classmethod
    def read(cls, request: func.HttpRequest) -> Self:
        """The query of a request. Raises ``ProblemError`` (400) for wrong and unknown parameters.

        It is read from the URL. The Functions host passes on only parameters with a value
        (``GrpcMessageConversionExtensions`` in github.com/Azure/azure-functions-host): ``?dryRun`` would
        start a real onboarding.
        """
        headers = {field.alias for field in cls.model_fields.values() if field.json_schema_extra == HEADER}
        sent = [
            (name, value)
            for name, value in parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
            if name != _VERSION
        ]
        if cls.can_be_wrong():
            _need_single_values(sent)
        given: dict[str, Any] = {name: value for name, value in sent if name not in headers}
        labels = {name: given.pop(name) for name in list(given) if name.startswith(LABEL)}
        if "labels" in cls.model_fields and labels:
            labels, given["labels"] = {}, {name.removeprefix(LABEL): labels[name] for name in labels}
        given |= labels
        given |= {str(name): request.headers[name] for name in headers if name in request.headers}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            known = ", ".join(str(field.alias) for field in cls.model_fields.values()) or "none"
            raise _invalid_parameters(error, known) from error

    @classmethod
    def can_be_wrong(cls) -> bool:
        """Whether there are parameters that are not valid."""
        return cls.model_config.get("extra") == "forbid"


class Parameters(Query):
    """The query of an endpoint for callers. Parameters that it does not have are refused.

    They may be misspelt, or meant for another endpoint: with ``?dryRun=true`` nothing is ever removed.
    """

    model_config = ConfigDict(extra="forbid")


def _traceparent(text: str) -> str:
    return text if _TRACEPARENT.fullmatch(text) else ""


class Traced(Parameters):
    """The trace context of the caller (https://www.w3.org/TR/trace-context/). A malformed one is ignored."""

    traceparent: Annotated[str, BeforeValidator(_traceparent)] = Field(
        "", json_schema_extra=HEADER, description="W3C Trace Context."
    )


def read_body(request: func.HttpRequest, model: type[_Body], now: datetime) -> _Body:
    """The body of a request. No body means the defaults, where the model has no required field.

    Raises ``ProblemError``: 400, 411, 413, 415, or 422 with all faults.
    """
    body = request.get_body()
    if not body:
        _need_length(request)
    if body or any(field.is_required() for field in model.model_fields.values()):
        _need_json(request, body)
    else:
        body = b"{}"
    try:
        return model.model_validate_json(body, context={"now": now})
    except ValidationError as error:
        _need_well_formed(body)
        raise invalid(*map(_finding, error.errors(include_url=False))) from error


def need(faults: Iterator[tuple[str, str]]) -> None:
    """Raises ``ProblemError`` (422) if fields of a body are in conflict: a pointer and a sentence each."""
    if found := [requests.FIELD_CONFLICT.finding(pointer, fault=fault) for pointer, fault in faults]:
        raise invalid(*found)


def _need_single_values(sent: Sequence[tuple[str, str]]) -> None:
    """Raises ``ProblemError`` (400) for a parameter without a readable value, and for a repeated one."""
    counts = Counter(name for name, _ in sent)
    for name, value in sent:
        fault = ""
        if counts[name] > 1:
            fault = f"This parameter is there {counts[name]} times. Specify it once."
        elif not value:
            fault = "This parameter has no value."
        elif _UNREADABLE in value:
            fault = "The value must be UTF-8 in percent encoding."
        if fault:
            raise ProblemError(requests.INVALID_PARAMETER, name=name, fault=fault)


def _need_length(request: func.HttpRequest) -> None:
    """Raises ``ProblemError`` (411) for a body that did not arrive, as far as the headers show that.

    The Functions host passes on a body only where the request has a Content-Length: not one that is sent in
    chunks. Without this check the defaults would take its place.
    """
    headers = request.headers
    if "Content-Length" not in headers and ("Transfer-Encoding" in headers or "Content-Type" in headers):
        raise ProblemError(requests.LENGTH_REQUIRED)


def _need_json(request: func.HttpRequest, body: bytes) -> None:
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().casefold()
    if media_type != "application/json":
        raise ProblemError(
            requests.CONTENT_TYPE_NOT_JSON, media_type=media_type, headers={"Accept": "application/json"}
        )
    if len(body) > LONGEST:
        raise ProblemError(requests.BODY_TOO_LARGE, size=len(body), maximum=LONGEST)


def _need_well_formed(body: bytes) -> None:
    """Raises ``ProblemError`` (400) where a body that is no request is not JSON either."""
    try:
        from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ProblemError(requests.MALFORMED_JSON, fault=str(error).capitalize()) from error


def _invalid_parameters(error: ValidationError, known: str) -> ProblemError:
    """All wrong parameters; the first one gives the problem its name."""
    faults = [_parameter_fault(fault, known) for fault in error.errors(include_url=False)]
    (name, text), *others = faults
    more = "".join(f" {name}: {text}" for name, text in others)
    return ProblemError(requests.INVALID_PARAMETER, name=name, fault=f"{text}{more}")


def _parameter_fault(fault: Any, known: str) -> tuple[str, str]:
    match fault["type"]:
        case "extra_forbidden":
            text = f"There is no such parameter. The parameters are {known}."
        case "missing":
            text = "This parameter is required."
        case _:
            text = _sentence(fault["msg"])
    return ".".join(map(str, fault["loc"])), text


def _finding(fault: Any) -> Finding:
    """One fault that pydantic found, with its place as a JSON pointer (RFC 6901)."""
    pointer = "".join(
        "/" + str(part).replace("~", "~0").replace("/", "~1") for part in fault["loc"] if part != "[key]"
    )
    match fault["type"]:
        case "missing":
            return requests.FIELD_MISSING.finding(pointer)
        case "extra_forbidden":
            return requests.FIELD_UNKNOWN.finding(pointer)
    return requests.FIELD_INVALID.finding(pointer, fault=_sentence(fault["msg"]))


def _sentence(message: str) -> str:
    """A message of pydantic as a sentence."""
    text = message.removeprefix("Value error, ")
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
