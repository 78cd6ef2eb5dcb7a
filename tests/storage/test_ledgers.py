"""Append-only text: whether the service may append to it, and where, by what Blob Storage answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import ContainerClient

from onboarding.storage.ledgers import RETRIES, Ledgers
from onboarding.storage.tables import ConflictError
from tests.support.accounts import both

KEY = "a2V5"


@contextlib.asynccontextmanager
async def blob_storage(status: int, code: str) -> AsyncIterator[tuple[Ledgers, list[str]]]:
    """Ledgers in a container that answers every request in the same way, and the requests that it got."""
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
    """It appends to a missing blob: the response shows only an identity with the right that it is missing."""
    async with blob_storage(status, code) as (ledgers, requests):
        if allowed:
            await ledgers.check_write()
        else:
            with pytest.raises(HttpResponseError):
                await ledgers.check_write()
    assert [line.split()[0] for line in requests] == ["PUT"]
    assert "comp=appendblock" in requests[0]


@both
async def test_an_append_names_where_the_ledger_ends(account):
    """Of two appends at the same position, one succeeds, in memory and in the emulator."""
    found = await account.ledgers()
    name = "202611/t.0001.jsonl"
    await found.append(name, b"one\n", at=0)
    for position in (0, 2):
        with pytest.raises(ConflictError):
            await found.append(name, b"two\n", at=position)
    results = await asyncio.gather(
        *(found.append(name, b"%d\n" % number, at=4) for number in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, ConflictError) for result in results) == 4
    assert await found.sizes("202611/") == {name: 6}
    assert (await found.read(name))[:4] == b"one\n"
    assert await found.read(name, 6) == b""
    assert await found.sizes("202612/") == {}
