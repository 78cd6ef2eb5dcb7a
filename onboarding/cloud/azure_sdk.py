"""What the clients of the Azure SDK share: connections, the record of their calls, the app's errors."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import AioHttpTransport

from onboarding.calls import CloudCall, record
from onboarding.cloud import failures
from onboarding.errors import OnboardingError

_CONNECT: Final = 10
_READ: Final = 60
"""Seconds to wait for an answer: less than an attempt of a step, and less than the lock of its message. By
default, the SDK waits for five minutes.
"""


class Transport(AioHttpTransport):  # type: ignore[misc] # the SDK hides its type
    """One pool of connections for all clients. The connections are kept between calls.

    By default, each client has its own pool. With a CA file, it also makes a TLS context for each call, and
    thus a new connection. The environment and ``~/.netrc`` are not read: aiohttp would do so in two threads
    for each call.
    """

    session: aiohttp.ClientSession | None

    def __init__(self, certificate: Path | None) -> None:
        super().__init__(use_env_settings=False, connection_timeout=_CONNECT, read_timeout=_READ)
        self._trust = ssl.create_default_context(cafile=str(certificate) if certificate else None)

    async def open(self) -> None:
        """Opens the pool at the first call, when there is an event loop."""
        if not self.session:
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._trust),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # the SDK does it
            )
        await super().open()


class CallRecorder(SansIOHTTPPolicy[Any, Any]):
    """Records each exchange of a client, with the IDs by which Microsoft support can find it."""

    def __init__(self, service: str) -> None:
        self._service = service

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """Records a response."""
        headers = response.http_response.headers
        self._record(request, response.http_response.status_code, headers.get("x-ms-request-id", ""))

    def on_exception(self, request: PipelineRequest[Any]) -> None:
        """No answer came. Without a token there was no call at all."""
        if not isinstance(sys.exception(), OnboardingError):
            self._record(request, 0, "")

    def _record(self, request: PipelineRequest[Any], status: int, request_id: str) -> None:
        sent = request.http_request
        record(
            CloudCall(
                service=self._service,
                method=sent.method,
                path=urlsplit(sent.url).path,
                status=status,
                request_id=request_id,
                client_request_id=sent.headers.get("x-ms-client-request-id", ""),
            )
        )


def error_of(service: str, error: AzureError) -> OnboardingError:
    """The error for an exception of a client of the Azure SDK.

    If the client did not get a token, there is a separate error.
    """
    if not isinstance(error, HttpResponseError) or error.response is None:
        return failures.unreachable(service, error)
    response: Any = error.response
    try:
        body = response.json()
    except (ValueError, AttributeError):
        body = None
    return failures.error_of(failures.Answer.from_body(service, response.status_code, response.headers, body))
