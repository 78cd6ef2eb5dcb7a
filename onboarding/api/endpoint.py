"""The declaration of an endpoint, beside its handler.

From it come the trigger, the authorization, the parsing of query and body, and the OpenAPI description.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar, get_args, get_type_hints
from urllib.parse import urlencode

import azure.functions as func
from pydantic import BaseModel

from onboarding.api.callers import OPERATE_ROLE, REQUEST_ROLE, Caller
from onboarding.api.documents import Document
from onboarding.api.reader import ANYBODY, Reader
from onboarding.api.reading import LABEL, Query
from onboarding.errors import ErrorType
from onboarding.errors.reserve import OwnerAction
from onboarding.storage.sealing import Seal

JSON: Final = "application/json"
HTML: Final = "text/html"

EITHER: Final = (REQUEST_ROLE, OPERATE_ROLE)
OPERATORS: Final = (OPERATE_ROLE,)
OPEN: Final = ()
"""Who may call an endpoint: a caller with one of these app roles. An open endpoint takes no token."""


WHERE: Final = ("Location", "Operation-Location", "Retry-After")
"""Headers of the response to a request that the service accepts and processes later."""

REPLAYED: Final = "Idempotent-Replayed"
"""The header of an answer to a request that repeats an earlier one. It shows the current state."""

CLOUD_REFUSES: Final = HTTPStatus.BAD_GATEWAY
"""Declares that a call can fail with any error of the Microsoft cloud."""

Schema: TypeAlias = type[Document] | str
"""The content of an answer: a model, or the media type of any other text."""

_RANGE: Final = re.compile(
    r"^\s*([\w*+.-]+/[\w*+.-]+)\s*(?:;.*?\bq\s*=\s*([01](?:\.\d{0,3})?))?", re.IGNORECASE
)

_QueryT = TypeVar("_QueryT", bound=Query)
_BodyT = TypeVar("_BodyT", bound=BaseModel | None)
_Handler = TypeVar("_Handler", bound="Callable[[Any, Call[Any, Any]], Awaitable[Document | Reply]]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call(Generic[_QueryT, _BodyT]):
    """One HTTP call, as its handler gets it: authorized and parsed."""

    caller: Caller
    query: _QueryT
    body: _BodyT
    path: Mapping[str, str]  # the parameters in the path
    accept: str = ""  # the header Accept
    base_url: str  # URL of this API, as its callers reach it
    called_url: str  # URL of this call, without its query
    seal: Seal | None = None  # of the continuations of a list

    def url(self, path: str) -> str:
        """The absolute URL of a path below /api."""
        return f"{self.base_url}/{path}"

    def next_link(self, continuation: str, **parameters: Any) -> str:
        """The URL of the next page of this list; empty if there is none."""
        if not continuation or self.seal is None:
            return ""
        token = self.seal.close(continuation)
        given = self.query.model_dump(mode="json", by_alias=True, exclude_unset=True)
        for name, value in list(given.items()):
            if isinstance(value, list):
                given[name] = ",".join(value)
            elif isinstance(value, dict):
                del given[name]
                given |= {f"{LABEL}{label}": wanted for label, wanted in value.items()}
        return f"{self.called_url}?{urlencode({**given, **parameters, 'continuationToken': token})}"

    def preferred(self, *offered: str) -> str:
        """The media type that the caller prefers (RFC 9110, section 12.5.1); otherwise the first."""
        return max(offered, key=self._quality)

    def _quality(self, media_type: str) -> float:
        """The weight of the most specific range that covers a media type."""
        ranges = map(_RANGE.match, self.accept.split(","))
        weights = {found[1].lower(): float(found[2] or 1) for found in ranges if found}
        covering = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
        return next((weights[media_range] for media_range in covering if media_range in weights), 0.0)


class Rendered(Protocol):
    """What is written for its reader, such as a page."""

    def rendered(self, reader: Reader) -> bytes:
        """In the language of the reader."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer that is more than a document with status 200."""

    content: Document | Rendered | bytes
    media_type: str = JSON
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, reader: Reader = ANYBODY) -> func.HttpResponse:
        """The answer on the wire. It is never cached, because it shows the current state."""
        content, headers = self.content, {"Cache-Control": "no-store", **self.headers}
        if not isinstance(content, bytes):
            varies = ", ".join(filter(None, (self.headers.get("Vary", ""), "Accept-Language")))
            headers |= {"Content-Language": str(reader.language), "Vary": varies}
            written = content.as_json(reader) if isinstance(content, Document) else content.rendered(reader)
        else:
            written = content
        return func.HttpResponse(
            written,
            status_code=int(self.status),
            mimetype=self.media_type,
            charset="utf-8",
            headers=headers,
        )


def download(content: bytes, media_type: str, name: str, **headers: str) -> Reply:
    """A file with a name."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Reply(content=content, media_type=media_type, headers={**disposition, **headers})


def script(text: str, name: str) -> Reply:
    """A PowerShell script as a download: ASCII, which every code page reads alike."""
    return download(text.encode("ascii"), "text/plain", name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One method and path of the API, with its handler."""

    method: str
    path: str  # below /api
    name: str  # of the function; part of a deployment
    summary: str
    details: str
    roles: tuple[str, ...]
    query: type[Query]
    body: type[BaseModel] | None
    examples: Mapping[str, Mapping[str, Any]]  # requests, by name
    answers: Mapping[int, tuple[Schema, ...]]
    headers: Mapping[int, tuple[str, ...]]  # of answers
    problems: tuple[ErrorType | HTTPStatus, ...]  # besides those that follow from roles, query and body
    handler: str  # name of the method
    reserve: OwnerAction | None  # a deployment can reserve the endpoint for operators
    sensitive: bool = False  # reading it is an event of the audit trail
    resource: str = ""  # attribute of the API that has the method

    @property
    def route(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"

    @property
    def writes(self) -> bool:
        """Whether a caller changes something with it, and can therefore name a person (``on_behalf_of``)."""
        return self.method != "GET" and bool(self.roles)

    @property
    def is_written(self) -> bool:
        """Whether its answers have texts for people, which exist in several languages."""
        return bool(self.roles) or any(HTML in schemas for schemas in self.answers.values())

    def allowed(self, reserved: Collection[str]) -> tuple[str, ...]:
        """The roles that may call it in a deployment that reserves some endpoints for operators."""
        return OPERATORS if self.reserve in reserved else self.roles


def endpoint(
    route: str,
    *,
    name: str,
    answers: Mapping[int, Schema | tuple[Schema, ...]],
    roles: tuple[str, ...] = EITHER,
    headers: Mapping[int, tuple[str, ...]] | None = None,
    problems: tuple[ErrorType | HTTPStatus, ...] = (),
    examples: Mapping[str, Mapping[str, Any]] | None = None,
    reserve: OwnerAction | None = None,
    sensitive: bool = False,
) -> Callable[[_Handler], _Handler]:
    """Declares a method of a resource as the handler of an endpoint.

    The models of query and body are those of the handler's annotation ``Call[query, body]``. The first line
    of the handler's docstring is the summary in the description, the others are its details.
    """
    method, _, path = route.partition(" ")

    def declare(handler: _Handler) -> _Handler:
        call, *_ = get_type_hints(handler).values()
        query, body = get_args(call)
        summary, _, details = inspect.cleandoc(str(handler.__doc__)).partition("\n")
        handler.__dict__["endpoint"] = Endpoint(
            method=method,
            path=path,
            name=name,
            summary=summary.rstrip("."),
            details=details.strip(),
            roles=roles,
            query=query,
            body=None if body is type(None) else body,
            examples=examples or {},
            answers={
                status: schemas if isinstance(schemas, tuple) else (schemas,)
                for status, schemas in answers.items()
            },
            headers=headers or {},
            problems=problems,
            handler=handler.__name__,
            reserve=reserve,
            sensitive=sensitive,
        )
        return handler

    return declare
