"""What the clients of the Azure SDK share: their calls are recorded, and their errors become this app's."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

from onboarding.calls import Call, record
from onboarding.cloud import failures
from onboarding.errors import OnboardingError


class CallRecorder(SansIOHTTPPolicy[Any, Any]):
    """Records each exchange of a client, with the ids by which Microsoft's support finds it."""

    def __init__(self, service: str) -> None:
        self._service = service

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """An answer came."""
        headers = response.http_response.headers
        self._record(request, response.http_response.status_code, headers.get("x-ms-request-id", ""))

    def on_exception(self, request: PipelineRequest[Any]) -> None:
        """No answer came."""
        self._record(request, 0, "")

    def _record(self, request: PipelineRequest[Any], status: int, request_id: str) -> None:
        sent = request.http_request
        record(
            Call(
                service=self._service,
                method=sent.method,
                path=urlsplit(sent.url).path,
                status=status,
                request_id=request_id,
                client_request_id=sent.headers.get("x-ms-client-request-id", ""),
            )
        )


def error_of(service: str, error: AzureError) -> OnboardingError:
    """The error for what a client of the Azure SDK raised."""
    if isinstance(error, ClientAuthenticationError) and error.response is None:
        return failures.no_token(service, error)
    if not isinstance(error, HttpResponseError) or error.response is None:
        return failures.unreachable(service, error)
    response: Any = error.response
    try:
        body = response.json()
    except (ValueError, AttributeError):
        body = None
    return failures.error_of(failures.Answer.from_body(service, response.status_code, response.headers, body))
