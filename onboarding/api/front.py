"""The front: what every HTTP call has in common. It identifies the caller and turns errors into problems."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import azure.functions as func
from azure.core.exceptions import AzureError

from onboarding.api.callers import ANYBODY, Caller, Callers
from onboarding.api.problems import ProblemError
from onboarding.errors import PermanentError, TransientError

log = logging.getLogger(__name__)

Endpoint = Callable[[func.HttpRequest, Caller], Awaitable[func.HttpResponse]]

_INTERNAL: Final = ProblemError(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal-error",
    "Something went wrong inside the service",
    "The request was not carried out, or not completely. The log has the details under the request id.",
)


class Front:
    """Serves endpoints to callers."""

    def __init__(self, callers: Callers, public_url: str) -> None:
        self._callers = callers
        self._public_url = public_url.rstrip("/")

    async def serve(
        self, request: func.HttpRequest, endpoint: Endpoint, roles: Sequence[str]
    ) -> func.HttpResponse:
        """Answers a request of a caller with one of the roles (none named: of anybody).

        No exception and no trace leaves it.
        """
        request_id = str(uuid.uuid4())
        try:
            authorization = request.headers.get("Authorization")
            caller = await self._callers.identify(authorization, roles) if roles else ANYBODY
            response = await endpoint(request, caller)
        except ProblemError as problem:
            response = problem.response(request_id)
        except PermanentError as error:
            log.warning("request %s: %s", request_id, error.detail)
            response = _cloud_refused(error).response(request_id)
        except TransientError as error:
            log.warning("request %s: %s", request_id, error.detail)
            response = _cloud_unavailable(error).response(request_id)
        except AzureError:
            log.exception("storage failed; request %s", request_id)
            response = _unavailable().response(request_id)
        except Exception:
            log.exception("request %s failed", request_id)
            response = _INTERNAL.response(request_id)
        response.headers["x-ms-request-id"] = request_id
        return response

    def url(self, request: func.HttpRequest, path: str) -> str:
        """An absolute URL of this API, as the caller reaches it."""
        parts = urlsplit(request.url)
        origin = self._public_url or f"{parts.scheme}://{parts.netloc}"
        prefix, found, _ = parts.path.rpartition("/api/")
        return f"{origin}{prefix}{found or '/api/'}{path}"


def misconfigured() -> ProblemError:
    """The app settings are wrong; which ones stands in the log, for whoever may change them."""
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "misconfigured",
        "The service is not set up completely",
        "Its app settings are wrong. The function app's log names each of them.",
    )


def _cloud_refused(error: PermanentError) -> ProblemError:
    detail = f"{error.detail} {error.remedy}".strip()
    return ProblemError(HTTPStatus.BAD_GATEWAY, error.code, error.title, detail)


def _cloud_unavailable(error: TransientError) -> ProblemError:
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        error.code,
        error.title,
        f"{error.detail} Try again later.",
        headers={"Retry-After": str(int(error.retry_after or 10))},
    )


def _unavailable() -> ProblemError:
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "storage-unavailable",
        "The service can't reach its storage at the moment",
        "Try again later. With the same Idempotency-Key nothing is done twice.",
        headers={"Retry-After": "10"},
    )


def answer(
    document: Any, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    """A JSON answer. Never cached: it shows what is now."""
    return func.HttpResponse(
        json.dumps(document, ensure_ascii=False),
        status_code=int(status),
        mimetype="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def script_answer(text: str, name: str) -> func.HttpResponse:
    """A PowerShell script as a download, with the byte order mark that PowerShell 5.1 needs."""
    return func.HttpResponse(
        text.encode("utf-8-sig"),
        mimetype="text/plain",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
