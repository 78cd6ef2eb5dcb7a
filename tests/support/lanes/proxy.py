"""A reverse proxy between a host and everything outside it, which can stop at any request.

It runs in front of the storage account (plain HTTP) and of Graph, Resource Manager and Key Vault (TLS, with
its own certificate, which the host trusts). The watcher is called twice for each request: before it is
passed on, and after its response arrived.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from infra.local.cloud import certificates
from tests.support.lanes.exchanges import CLOUD, Exchange, Labels

BEFORE: Final = "before"
AFTER: Final = "after"

_HOP_BY_HOP: Final = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "content-encoding",
    "date",
    "server",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """The connection breaks; the caller learns nothing."""

    def __str__(self) -> str:
        return "cut off"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An error instead of the real response."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"answered {self.status} {dict(self.headers)}"

    def response(self) -> web.Response:
        """The error in the format of Graph, Resource Manager and Key Vault."""
        error = {"error": {"code": "ServiceUnavailable", "message": "Set by a test."}}
        return web.json_response(error, status=self.status, headers=self.headers)


Interference = Drop | Refusal | None
Watcher = Callable[[Exchange, str], Awaitable[Interference]]


async def _let_pass(_: Exchange, __: str) -> Interference:
    return None


class Proxy:
    """All connections from one host to the outside.

    Args:
        backends: base URL of each service.
        certificate: CA of the backends that use TLS.
        folder: the folder for the proxy's own certificates.
    """

    def __init__(self, backends: Mapping[str, str], certificate: Path, folder: Path) -> None:
        self._backends = {name: urlsplit(url) for name, url in backends.items()}
        self._folder = folder
        self._upstream = certificate
        self._runners: list[web.AppRunner] = []
        self._client: aiohttp.ClientSession
        self._moved = asyncio.Condition()
        self.in_flight = 0
        self.labels = Labels()
        self.exchanges: list[Exchange] = []
        self.watcher: Watcher = _let_pass
        self.ports: dict[str, int] = {}
        self.trusted = folder / "trusted.pem"
        """CA certificates that a host behind the proxy needs."""

    def url(self, service: str) -> str:
        """The URL of a service through the proxy."""
        backend = self._backends[service]
        return f"{backend.scheme}://127.0.0.1:{self.ports[service]}{backend.path}"

    async def start(self) -> None:
        """Start listening."""
        server, client = self._certificates()
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=client, limit=0),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )
        for service in self._backends:
            application = web.Application(client_max_size=2**24)
            application.router.add_route("*", "/{path:.*}", self._handler(service))
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(
                runner, "127.0.0.1", 0, ssl_context=server if service in CLOUD else None, backlog=512
            )
            await site.start()
            self.ports[service] = runner.addresses[0][1]
            self._runners.append(runner)

    async def close(self) -> None:
        """Stop listening."""
        for runner in self._runners:
            await runner.cleanup()
        await self._client.close()

    async def until(self, condition: Callable[[], bool], seconds: float = 90) -> None:
        """Wait until a condition is true; it is checked at each request and each response."""
        async with asyncio.timeout(seconds), self._moved:
            await self._moved.wait_for(condition)

    async def moved(self) -> None:
        """Make everybody who waits check again."""
        async with self._moved:
            self._moved.notify_all()

    def _certificates(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        authority = certificates.new_authority()
        own = self._folder / "proxy.pem"
        own.touch(mode=0o600)
        own.write_text(certificates.new_server_certificate(authority))
        self.trusted.write_text(self._upstream.read_text() + certificates.authority_certificate(authority))
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(own)
        return server, ssl.create_default_context(cafile=str(self._upstream))

    def _handler(self, service: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.in_flight += 1
            try:
                interference = await self._exchange(service, request)
            finally:
                self.in_flight -= 1
                await self.moved()
            if isinstance(interference, web.Response):
                return interference
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)

        return handle

    async def _exchange(self, service: str, request: web.Request) -> web.Response | Drop:
        try:
            body = await request.read()
        except ConnectionResetError:
            return Drop()  # the caller was killed while it sent this
        exchange = Exchange.of(service, request.method, request.raw_path, request.headers, body)
        exchange.label = self.labels.of(exchange)
        self.exchanges.append(exchange)
        interference = await self.watcher(exchange, BEFORE)
        if interference is None:
            try:
                passed = await self._pass_on(exchange, request)
            except aiohttp.ClientError:
                return Drop()  # as the backend did
            self.labels.learn(exchange)
            exchange.label = exchange.label or self.labels.of(exchange)
            interference = await self.watcher(exchange, AFTER)
            if interference is None:
                return passed
        return interference.response() if isinstance(interference, Refusal) else interference

    async def _pass_on(self, exchange: Exchange, request: web.Request) -> web.Response:
        backend = self._backends[exchange.service]
        url = URL(f"{backend.scheme}://{backend.netloc}{request.raw_path}", encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        headers |= {"Content-Length": str(len(exchange.body))} if exchange.body else {}
        if "Date" in request.headers:
            headers["Date"] = request.headers["Date"]  # part of what storage's signature covers
        async with self._client.request(
            exchange.method, url, headers=headers, data=exchange.body or None, allow_redirects=False
        ) as answer:
            exchange.answer = await answer.read()
            exchange.status = answer.status
            exchange.answer_headers = {name.lower(): value for name, value in answer.headers.items()}
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in _HOP_BY_HOP or name.lower() == "content-encoding"
            }
            return web.Response(status=answer.status, body=exchange.answer, headers=kept)
