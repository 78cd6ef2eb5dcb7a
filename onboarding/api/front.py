"""What every HTTP call has in common: the caller, the request, and the conversion of errors to problems."""

from __future__ import annotations

import functools
import hashlib
import logging
import uuid
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func
from azure.core.exceptions import AzureError

from onboarding import calls
from onboarding.api import on_behalf_of
from onboarding.api.called_url import CalledUrl
from onboarding.api.callers import ANYBODY, Caller, Callers
from onboarding.api.documents import Document
from onboarding.api.endpoint import CLOUD_REFUSES, Call, Endpoint, Reply
from onboarding.api.noted_calls import NotedCalls
from onboarding.api.paging import ContinuedQuery
from onboarding.api.problems import ProblemError, invalid_parameters, unavailable
from onboarding.api.reader import Reader
from onboarding.api.reading import read_body
from onboarding.clock import Clock
from onboarding.errors import PermanentError, TransientError, parameters, requests
from onboarding.storage import call_timeouts
from onboarding.storage.sealing import Seals
from onboarding.storage.tables import InvalidContinuationError
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.texts.languages import Language

log = logging.getLogger(__name__)

_STORAGE_SECONDS: Final = 20.0
"""For all storage calls of one HTTP call."""

_WEAK: Final = "W/"
"""The beginning of an entity tag that compares content by meaning."""

Handler = Callable[[Call[Any, Any]], Awaitable[Document | Reply]]


class Front:
    """Serves endpoints to callers."""

    def __init__(
        self,
        *,
        callers: Callers,
        seals: Seals,
        clock: Clock,
        public_url: str,
        noted: NotedCalls,
        operators_only: Collection[str] = (),
        storage_seconds: float = _STORAGE_SECONDS,
    ) -> None:
        """``operators_only`` are the names of ``OwnerAction`` that the deployment reserves for operators."""
        self._storage_seconds = storage_seconds
        self._operators_only = frozenset(operators_only)
        self._callers = callers
        self._seals = seals
        self._clock = clock
        self._noted = noted
        self._public_url = public_url.rstrip("/")

    async def serve(
        self, request: func.HttpRequest, endpoint: Endpoint, handler: Handler
    ) -> func.HttpResponse:
        """Answers a request. No exception or stack trace leaves it."""
        request_id = str(uuid.uuid4())
        reader = Reader(
            origin=self._public_url,
            reserved=self._operators_only,
            language=_language(request),
        )
        try:
            url = CalledUrl.of(request)
            reader = replace(reader, origin=self._public_url or url.origin)
            with call_timeouts.limited(self._storage_seconds):
                caller = await self._caller(request, endpoint)
                reader = replace(reader, operates=caller.operates)
                handle = functools.partial(self._handle, endpoint, handler, request_id)
                response = await self._answer(
                    request, endpoint, handle, url=url, caller=caller, reader=reader
                )
        except Exception as error:  # noqa: BLE001 - the caller gets a response in any case
            response = _failed(error, request_id, reader)
        response.headers["x-ms-request-id"] = request_id
        return response

    async def _caller(self, request: func.HttpRequest, endpoint: Endpoint) -> Caller:
        if not endpoint.roles:
            return ANYBODY
        allowed = endpoint.allowed(self._operators_only)
        caller = await self._callers.identify(request.headers.get("Authorization"), allowed)
        if endpoint.writes:
            return replace(caller, on_behalf_of=on_behalf_of.read(request.headers))
        return caller

    async def _answer(
        self,
        request: func.HttpRequest,
        endpoint: Endpoint,
        handler: Handler,
        *,
        url: CalledUrl,
        caller: Caller,
        reader: Reader,
    ) -> func.HttpResponse:
        query, seal = endpoint.query.read(request), None
        if isinstance(query, ContinuedQuery):
            seal = await self._seals.of(query.listed(caller, url.path))
            query = query.opened(seal)
        call = Call(
            caller=caller,
            query=query,
            seal=seal,
            body=read_body(request, endpoint.body, self._clock.now()) if endpoint.body else None,
            path=request.route_params,
            accept=request.headers.get("Accept", ""),
            base_url=f"{reader.origin}{url.base}",
            called_url=f"{reader.origin}{url.path}",
        )
        answer = await handler(call)
        response = (answer if isinstance(answer, Reply) else Reply(content=answer)).response(reader)
        if response.status_code == HTTPStatus.OK and HTTPStatus.NOT_MODIFIED in endpoint.answers:
            return _unless_known(response, request.headers.get("If-None-Match", ""))
        return response

    async def _handle(
        self, endpoint: Endpoint, handler: Handler, request_id: str, call: Call[Any, Any]
    ) -> Document | Reply:
        """The answer of a handler. The audit trail has the call."""
        noted = await self._noted.begin(endpoint, call, request_id)
        with calls.recorded() as made:
            try:
                answer = await handler(call)
            except Exception as error:
                problem = _problem(error, request_id)
                await self._noted.end(noted, made, status=problem.status, error=problem.code)
                raise problem from error
        status = answer.status if isinstance(answer, Reply) else HTTPStatus.OK
        await self._noted.end(noted, made, status=int(status))
        return answer


def misconfigured(request: func.HttpRequest) -> func.HttpResponse:
    """The answer of a process that has no front, because its settings are not valid."""
    request_id = str(uuid.uuid4())
    response = ProblemError(requests.MISCONFIGURED).response(request_id, Reader(language=_language(request)))
    response.headers["x-ms-request-id"] = request_id
    return response


def _language(request: func.HttpRequest) -> Language:
    return Language.preferred(request.headers.get("Accept-Language", ""))


def _unless_known(response: func.HttpResponse, known: str) -> func.HttpResponse:
    """A response with its entity tag; without its content if the caller has it (RFC 9110, section 13.1.2).

    A resource can have a strong tag of its own. Others are weak: content can be encoded in several ways. The
    comparison is weak (section 8.8.3.2), because a gateway that compresses content makes a strong tag weak.
    """
    own = response.headers.get("ETag")
    tag = own or f'{_WEAK}"{hashlib.sha256(response.get_body()).hexdigest()[:32]}"'
    opaque = {tag.removeprefix(_WEAK), "*"}
    if any(known_tag.strip().removeprefix(_WEAK) in opaque for known_tag in known.split(",")):
        response = func.HttpResponse(
            status_code=int(HTTPStatus.NOT_MODIFIED), headers=dict(response.headers.items())
        )
    response.headers["ETag"] = tag
    return response


def _not_read(error: InvalidContinuationError | UnreadableRowError) -> ProblemError:
    """The problem for a token or a row that cannot be read."""
    if isinstance(error, UnreadableRowError):
        row, reason = error.row, error.reason
        return ProblemError(requests.ROW_UNREADABLE, table=row.table, key=row.key, reason=reason)
    return invalid_parameters({"continuationToken": parameters.CONTINUATION_INVALID.finding()})


def _failed(error: Exception, request_id: str, reader: Reader) -> func.HttpResponse:
    """The answer for an exception, even if its text cannot be encoded."""
    try:
        return _problem(error, request_id).response(request_id, reader)
    except Exception:
        log.exception("the problem of the request %s cannot be written", request_id)
        return ProblemError(requests.INTERNAL_ERROR).response(request_id)


def _problem(error: Exception, request_id: str) -> ProblemError:
    """The problem that a caller gets for an exception. What the caller cannot know is in the log."""
    match error:
        case ProblemError():
            return error
        case InvalidContinuationError() | UnreadableRowError():
            return _not_read(error)
        case PermanentError():
            log.warning("request %s: %s", request_id, error.detail)
            return ProblemError(error, error.kind.status or CLOUD_REFUSES)
        case TransientError():
            log.warning("request %s: %s", request_id, error.detail)
            headers = {"Retry-After": str(int(error.retry_after or 10))}
            return ProblemError(error, HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
        case AzureError():
            log.error("storage failed; request %s", request_id, exc_info=error)
            return unavailable(requests.STORAGE_UNAVAILABLE)
        case _:
            log.error("request %s failed", request_id, exc_info=error)
            return ProblemError(requests.INTERNAL_ERROR)
