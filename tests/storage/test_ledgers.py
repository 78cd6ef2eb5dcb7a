"""Whether the service may append to the copy of the audit trail, by what Blob Storage answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import ContainerClient

from onboarding.storage.ledgers import RETRIES, Ledgers

KEY = "a2V5"


@contextlib.asynccontextmanager
async def blob_storage(status: int, code: str) -> AsyncIterator[tuple[Ledgers, list[str]]]:
    """Ledgers in a container that answers everything in one way, and the requests that it got."""
    requests: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        requests.append(head.splitlines()[0])
        lines = (f"HTTP/1.1 {status} X", f"x-ms-error-code: {code}", "Content-Length: 0", "Connection: close")
        writer.write("\r\n".join((*lines, "", "")).encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        address = f"BlobEndpoint=http://127.0.0.1:{port}/a;AccountName=a;AccountKey={KEY}"
        async with ContainerClient.from_connection_string(address, "audit", **RETRIES) as container:
            yield Ledgers(lambda: container), requests


@pytest.mark.parametrize(
    ("status", "code", "allowed"),
    [
        (404, "BlobNotFound", True),
        (412, "AppendPositionConditionNotMet", True),  # somebody has created it
        (403, "AuthorizationPermissionMismatch", False),
        (404, "ContainerNotFound", False),
    ],
)
async def test_the_right_to_append_is_known_without_appending(status, code, allowed):
    """It appends to what does not exist: only an identity with the right learns that."""
    async with blob_storage(status, code) as (ledgers, requests):
        if allowed:
            await ledgers.check_write()
        else:
            with pytest.raises(HttpResponseError):
                await ledgers.check_write()
    assert [line.split()[0] for line in requests] == ["PUT"]
    assert "comp=appendblock" in requests[0]
