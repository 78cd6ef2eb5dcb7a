"""How the app's Azure clients use connections."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
from azure.core import AsyncPipelineClient
from azure.core.rest import HttpRequest

from infra.local.cloud import certificates
from onboarding.cloud.azure_sdk import Transport

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Server:
    """A server with a certificate of the local cloud, which counts its connections."""

    def __init__(self, folder) -> None:
        authority = certificates.new_authority()
        self.authority = folder / "authority.pem"
        self.authority.write_text(certificates.authority_certificate(authority))
        own = folder / "server.pem"
        own.write_text(certificates.new_server_certificate(authority))
        self._trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._trust.load_cert_chain(own)
        self.connections = 0

    async def start(self) -> tuple[asyncio.Server, str]:
        """Listen on a free port; return the server and its URL."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._trust)
        return server, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(_ANSWER)
        except asyncio.IncompleteReadError:
            writer.close()


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:1"])
async def test_calls_share_a_connection_whatever_the_environment_says(tmp_path, monkeypatch, proxy):
    """Calls of several clients use one connection, and ignore the proxies in the environment."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    server = Server(tmp_path)
    listening, url = await server.start()
    transport = Transport(server.authority)
    async with listening, transport:
        for _ in range(2):
            client: AsyncPipelineClient[Any, Any] = AsyncPipelineClient(url, policies=[], transport=transport)
            for _ in range(3):
                response = await client.send_request(HttpRequest("GET", url))
                assert response.status_code == 204
    assert server.connections == 1
