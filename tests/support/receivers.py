"""Receivers of notices: a web server and a mail server for tests."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from infra.local.cloud import certificates


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A received request."""

    path: str
    headers: Mapping[str, str]  # by name in lower case
    body: str


@dataclass(kw_only=True, slots=True)
class WebServer:
    """Accepts any POST, and answers as the test sets."""

    posts: list[Post] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)  # paths that respond with 503
    gone: set[str] = field(default_factory=set)  # paths that respond with 410
    tls: ssl.SSLContext | None = None
    host: str = ""  # with the port
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.tls).start()
        self.host = "{}:{}".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.casefold(): value for name, value in request.headers.items()}
        self.posts.append(Post(path=request.path, headers=headers, body=await request.text()))
        if request.path in self.gone:
            return web.Response(status=410)
        return web.Response(status=503 if request.path in self.refuses else 202)

    def about(self, path: str, text: str) -> list[Post]:
        """The requests to a path whose body contains a text."""
        return [post for post in self.posts if post.path.startswith(path) and text in post.body]


def tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """The certificate of a server on the loopback address, and the file of the authority to trust."""
    authority = certificates.new_authority()
    own, trusted = folder / "server.pem", folder / "trusted.pem"
    own.write_text(certificates.new_server_certificate(authority))
    trusted.write_text(certificates.authority_certificate(authority))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own)
    return context, trusted


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """A received message, and the recipients of its envelope."""

    recipients: tuple[str, ...]
    message: EmailMessage

    def part(self, kind: str) -> str:
        """The text of the ``plain`` or the ``html`` part."""
        part = self.message.get_body((kind,))
        assert isinstance(part, EmailMessage)
        return str(part.get_content())


@dataclass(kw_only=True, slots=True)
class MailServer:
    """Accepts mail over TLS from senders with the password."""

    tls: ssl.SSLContext
    password: str
    mails: list[Mail] = field(default_factory=list)
    refuses: bool = False
    unknown: set[str] = field(default_factory=set)  # refused recipients
    host: str = ""  # with the port
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(
                self,
                tls_context=self.tls,
                require_starttls=True,
                authenticator=self._knows,
                auth_required=True,
            ),
            "127.0.0.1",
            0,
        )
        self.host = "{}:{}".format(*self._server.sockets[0].getsockname()[:2])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    def _knows(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        known = isinstance(given, LoginPassword) and given.password.decode() == self.password
        return AuthResult(success=known, handled=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Accept a recipient."""
        if address in self.unknown:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Receive a message."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        if self.refuses:
            return "451 try again later"
        self.mails.append(Mail(recipients=tuple(envelope.rcpt_tos), message=message))
        return "250 taken"

    def to(self, recipient: str) -> list[Mail]:
        """The messages to a recipient."""
        return [mail for mail in self.mails if recipient in mail.recipients]
