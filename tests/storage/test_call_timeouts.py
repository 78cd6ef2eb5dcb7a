"""A storage account that accepts connections but does not respond, or responds slowly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import azure.functions as func
import pytest
from azure.core.exceptions import AzureError
from azure.data.tables.aio import TableServiceClient

from onboarding.api.callers import Callers
from onboarding.api.documents import Document
from onboarding.api.endpoint import OPEN, Call, endpoint
from onboarding.api.front import Front
from onboarding.api.noted_calls import NotedCalls
from onboarding.api.reading import Query
from onboarding.audit.chain import Chain
from onboarding.audit.trail import Trail
from onboarding.clock import SystemClock
from onboarding.storage import call_timeouts
from onboarding.storage.sealing import Seals
from onboarding.storage.tables import RETRIES, Range, Row, Tables, Write
from tests.storage.trails import event
from tests.support.memory_ledgers import MemoryLedgers

KEY = "a2V5"


class Server:
    """Answers each request with one entity after a delay; a negative delay means never."""

    def __init__(self) -> None:
        self.delay = -1.0
        self.calls = 0
        self.ends = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.calls += 1
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.delay if self.delay >= 0 else None):
                        await self.ends.wait()
                        return  # from Python 3.12 on, a server waits for its connections
                body = json.dumps({"PartitionKey": "p", "RowKey": "k", "value": []}).encode()
                head = ("HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}")
                writer.write("\r\n".join((*head, "", "")).encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, Tables]]:
    """The server, and tables in it."""
    silent = Server()
    async with await asyncio.start_server(silent.answer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        address = f"TableEndpoint=http://127.0.0.1:{port}/a"
        account = f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={KEY};{address}"
        async with TableServiceClient.from_connection_string(
            account, **RETRIES, use_env_settings=False
        ) as service:
            yield silent, Tables(service)
        silent.ends.set()


@pytest.mark.parametrize("call", ["get", "scan", "page", "write", "transact"])
async def test_no_call_waits_longer_than_it_may(server, call):
    """Each kind of call ends in time, although the server never responds."""
    _, tables = server
    row = Row(partition="p", key="k")
    calls: dict[str, Any] = {
        "get": lambda: tables.get("t", "p", "k"),
        "scan": lambda: tables.query("t", "p"),
        "page": lambda: tables.page("t", Range("p", ""), size=1),
        "write": lambda: tables.write("t", row, Write.INSERT),
        "transact": lambda: tables.transact("t", [(Write.INSERT, row)]),
    }
    began = time.monotonic()
    with call_timeouts.limited(0.2), pytest.raises(AzureError):
        await calls[call]()
    assert time.monotonic() - began < 5


async def test_requests_that_append_to_one_chain_do_not_wait_one_after_another(server):
    """Each of them ends within its time limit, although only one of them calls storage at a time."""
    _, tables = server

    class Hanging(MemoryLedgers):
        """It never responds."""

        async def sizes(self, prefix: str) -> dict[str, int]:
            async with call_timeouts.patient():
                await asyncio.Event().wait()
            return {prefix: 0}

    chain = Chain("2027-03:", tables=tables, ledgers=Hanging())

    async def request() -> float:
        began = time.monotonic()
        with call_timeouts.limited(0.2), pytest.raises(call_timeouts.ImpatientError):
            await chain.add([event(1)])
        return time.monotonic() - began

    assert max(await asyncio.gather(*(request() for _ in range(20)))) < 2


async def test_the_calls_of_one_request_share_their_time(server):
    """Sequential calls add up; simultaneous calls cost as much as one."""
    slow, tables = server
    slow.delay = 0.4
    limit = 2.8  # less than the eight delays, and so much more than one that a busy machine keeps it
    with call_timeouts.limited(limit):
        await asyncio.gather(*(tables.get("t", "p", str(number)) for number in range(8)))
    with call_timeouts.limited(limit), pytest.raises(AzureError):
        await _one_after_the_other(tables, 8)
    await tables.get("t", "p", "k")  # without a limit, as a step of a run


async def _one_after_the_other(tables: Tables, times: int) -> None:
    for number in range(times):
        await tables.get("t", "p", str(number))


class Read(Document):
    """A response."""


class ReadsResource:
    """An endpoint that reads a row."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    @endpoint("GET /reads", name="reads", roles=OPEN, answers={200: Read})
    async def get(self, _: Call[Query, None]) -> Read:
        """Read."""
        await self._tables.get("t", "p", "k")
        return Read()


async def test_a_caller_gets_an_answer_when_storage_gives_none(server):
    """The response is 503 with the time of the next attempt, long before Azure ends the call."""
    _, tables = server
    callers = Callers(tenant="t", audience=[], issuers=[], keys_url="https://127.0.0.1", certificate=None)
    front = Front(
        callers=callers,
        seals=Seals(tables),
        clock=SystemClock(),
        public_url="",
        noted=NotedCalls(trail=Trail(tables=tables, ledgers=MemoryLedgers()), runs={}, clock=SystemClock()),
        storage_seconds=0.2,
    )
    resource = ReadsResource(tables)
    declared = vars(ReadsResource.get)["endpoint"]
    request = func.HttpRequest(method="GET", url="https://cmg.contoso.com/api/reads", body=b"")
    answer = await front.serve(request, declared, resource.get)
    assert answer.status_code == 503
    assert json.loads(answer.get_body())["code"] == "storage-unavailable"
    assert int(answer.headers["Retry-After"]) > 0
