"""Reads the query, the headers and the body of a call.

The models that read it are also those that the OpenAPI description shows. All faults are reported at once.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Self, TypeVar
from urllib.parse import parse_qsl

import azure.functions as func
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic_core import from_json

from onboarding.api import faults
from onboarding.api.called_url import CalledUrl
from onboarding.api.problems import ProblemError, invalid, invalid_parameters
from onboarding.cmg.faults import Fault, fault
from onboarding.errors import Finding, parameters, requests
from onboarding.texts import phrases

LONGEST: Final = 16 * 1024
"""Bytes of a body; the request must fit into one column of a table."""

HEADER: Final[JsonDict] = {"in": "header"}
"""Marks a field of a query that is a header."""

_UNREADABLE: Final = "\ufffd"
"""What ``parse_qsl`` inserts for bytes that are not UTF-8."""

LABEL: Final = "label."
"""The beginning of the name of a parameter that filters by a label."""

_VERSION: Final = "api-version"
"""Gateways and tools for Azure add this parameter to each call. The API has one version, so it is ignored."""

_TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

_PLACE: Final = re.compile(r"line (\d+) column (\d+)")

_Body = TypeVar("_Body", bound=BaseModel)


def is_id(text: str) -> bool:
    """Whether a text is a UUID in its usual form."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _id(text: str) -> str:
    if not is_id(text):
        raise fault("not-a-uuid").error()
    return text.lower()


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch("[0-9]{1,9}", value):
        raise fault("not-a-number").error()
    return value


def _flag(value: Any) -> Any:
    if isinstance(value, str) and value.casefold() not in {"true", "false"}:
        raise fault("not-a-flag").error()
    return value


Id = Annotated[str, BeforeValidator(_id), WithJsonSchema({"type": "string", "format": "uuid"})]
DIGITS: Final = BeforeValidator(_digits)
Flag = Annotated[bool, BeforeValidator(_flag)]


class Query(BaseModel):
    """The query of an open endpoint. Unknown parameters are ignored, because mail filters add some."""

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
        headers, own = cls._names()
        sent = [
            (name, value)
            for name, value in parse_qsl(CalledUrl.of(request).query, keep_blank_values=True)
            if name != _VERSION
        ]
        wrong = dict(_wrong(sent, headers, own)) if cls.can_be_wrong() else {}
        given = cls.gathered({name: value for name, value in sent if name not in headers})
        given |= {name: request.headers[name] for name in headers if name in request.headers}
        try:
            query = cls.model_validate(given)
        except ValidationError as error:
            found = {_name(fault["loc"]): _parameter_fault(fault, own) for fault in error.errors()}
            raise invalid_parameters({**found, **wrong}) from error
        if wrong:
            raise invalid_parameters(wrong)
        return query

    @classmethod
    def gathered(cls, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Parameters of a URL as fields: all labels are one field."""
        if "labels" not in cls.model_fields:
            return dict(parameters)
        labels = {name for name in parameters if name.startswith(LABEL) and name != LABEL}
        fields: dict[str, Any] = {name: value for name, value in parameters.items() if name not in labels}
        if labels:
            fields["labels"] = {name.removeprefix(LABEL): parameters[name] for name in labels}
        return fields

    def as_parameters(self) -> dict[str, str]:
        """The fields that were sent, as parameters of a URL."""
        fields = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        labels = {f"{LABEL}{name}": value for name, value in (fields.pop("labels", None) or {}).items()}
        return {name: str(value) for name, value in (fields | labels).items()}

    @classmethod
    def _names(cls) -> tuple[list[str], list[str]]:
        """The names of the headers and the parameters that it reads."""
        names: dict[bool, list[str]] = {True: [], False: []}
        for field in cls.model_fields.values():
            shown = f"{LABEL}<name>" if field.alias == "labels" else str(field.alias)
            names[field.json_schema_extra == HEADER].append(shown)
        return names[True], names[False]

    @classmethod
    def can_be_wrong(cls) -> bool:
        """Whether there are parameters that are not valid."""
        return cls.model_config.get("extra") == "forbid"


class Parameters(Query):
    """The query of an endpoint for callers. Unknown parameters are refused.

    They may be misspelled, or intended for another endpoint: a call with ``?dryRun=true`` never removes
    anything.
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
    """The body of a request. Without a body, the defaults apply if the model has no required field.

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
        raise invalid(*faults.findings(error.errors(include_url=False))) from error


def need(conflicts: Iterable[Fault]) -> None:
    """Raises ``ProblemError`` (422) if fields of a body are in conflict."""
    if found := list(map(faults.of, conflicts)):
        raise invalid(*found)


def _wrong(
    sent: Sequence[tuple[str, str]], headers: Sequence[str], known: list[str]
) -> Iterator[tuple[str, Finding]]:
    """The parameters without a readable value, the repeated ones, and headers among the parameters."""
    counts = Counter(name for name, _ in sent)
    for name, value in sent:
        if name in headers:
            yield name, parameters.PARAMETER_UNKNOWN.finding(known=known or phrases.NONE.of())
        elif counts[name] > 1:
            yield name, parameters.PARAMETER_REPEATED.finding(times=counts[name])
        elif not value:
            yield name, parameters.PARAMETER_EMPTY.finding()
        elif _UNREADABLE in value:
            yield name, parameters.PARAMETER_NOT_UTF8.finding()


def _need_length(request: func.HttpRequest) -> None:
    """Raises ``ProblemError`` (411) for a body that did not arrive, if the headers show that.

    The Functions host passes on a body only if the request has a Content-Length, so not a body that is sent
    in chunks. Without this check, the defaults would be used instead.
    """
    headers = request.headers
    if "Content-Length" not in headers and ("Transfer-Encoding" in headers or "Content-Type" in headers):
        raise ProblemError(requests.LENGTH_REQUIRED)


def _need_json(request: func.HttpRequest, body: bytes) -> None:
    written = request.headers.get("Content-Type", "").encode(errors="replace").decode()
    media_type = written.partition(";")[0].strip().casefold()
    if media_type != "application/json":
        raise ProblemError(
            requests.CONTENT_TYPE_NOT_JSON, media_type=media_type, headers={"Accept": "application/json"}
        )
    if len(body) > LONGEST:
        raise ProblemError(requests.BODY_TOO_LARGE, size=len(body), maximum=LONGEST)


def _need_well_formed(body: bytes) -> None:
    """Raises ``ProblemError`` (400) if a body that is not a request is not JSON either."""
    try:
        from_json(body, allow_inf_nan=False)
    except ValueError as error:
        place = _PLACE.search(str(error))
        line, column = place.groups() if place else ("1", "1")
        raise ProblemError(requests.MALFORMED_JSON, line=int(line), column=int(column)) from error


def _name(place: Sequence[int | str]) -> str:
    """The name of a parameter, as it was sent."""
    first, *others = map(str, place)
    return f"{LABEL}{others[0]}" if first == "labels" and others else first


def _parameter_fault(fault: Any, known: list[str]) -> Finding:
    if fault["type"] == "extra_forbidden":
        return parameters.PARAMETER_UNKNOWN.finding(known=known or phrases.NONE.of())
    return faults.finding(fault)
