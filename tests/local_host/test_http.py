from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.local_host.hosts import Sample, until

GUID = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory, account):
    """One host for the tests that do not change it, and a client for it."""
    sample = Sample(tmp_path_factory.mktemp("http"), account, "unused")
    _, url = await sample.start()
    async with httpx.AsyncClient(base_url=url) as client:
        yield sample, client
    await sample.close()


async def test_request_and_response(shared):
    """A function sees the request unchanged, and its own headers replace its mimetype."""
    sample, client = shared
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"User-Agent": "portal", "traceparent": parent}
    answer = await client.post(f"/api/Echo/{GUID}/a/b%2Fc?x=1&x=2&y=", content="body é", headers=headers)
    document = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/vnd.sample+json"
    assert answer.headers["x-sample"] == "yes"
    assert document["url"] == f"{client.base_url}/api/Echo/{GUID}/a/b%2Fc?x=1&x=2&y="
    assert document["route"] == {"id": GUID, "rest": "a/b%2Fc"}
    assert document["query"] == {"x": "1,2"}  # as in Azure: y has no value
    assert document["body"] == "body é"
    assert (document["agent"], document["traceparent"]) == ("portal", parent)
    assert (document["function"], document["retries"]) == ("echo", 0)
    lines = [line for line in sample.log().splitlines() if document["invocation"] in line]
    assert len(lines) == 2
    assert lines[0].endswith("sample: echoing")
    assert "echo (POST /api/Echo/" in lines[1]
    assert " Succeeded in " in lines[1]


async def test_a_body_without_a_length_is_dropped(shared):
    """As in Azure, a function does not get a body that is sent in chunks."""
    _, client = shared

    async def chunks() -> AsyncIterator[bytes]:
        yield b"body"

    answer = await client.post(f"/api/Echo/{GUID}/a", content=chunks())
    assert (answer.status_code, answer.json()["body"]) == (201, "")


async def test_plain_results(shared):
    """A string becomes a text answer from a pool thread; a response without a type has text/plain."""
    _, client = shared
    answer = await client.get("/api/items/5")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text.startswith("5 in function")
    newest = await client.get("/api/items/newest")
    assert (newest.text, newest.headers["content-type"]) == ("newest", "text/plain; charset=utf-8")
    assert newest.headers["set-cookie"] == "a=1"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/items/5"),
        ("GET", f"/api/echo/{GUID}/x"),
        ("POST", "/api/echo/5/x"),
        ("GET", "/api/nothing"),
        ("GET", "/items/5"),
    ],
)
async def test_not_found(shared, method, path):
    """An unknown path, a broken constraint and a wrong method are all 404, as in Azure."""
    _, client = shared
    answer = await client.request(method, path)
    assert (answer.status_code, answer.content) == (404, b"")


async def test_failure(shared):
    """A function that raises answers 500 without a body; its trace is in the log."""
    sample, client = shared
    answer = await client.get("/api/broken")
    assert (answer.status_code, answer.content) == (500, b"")
    assert "RuntimeError: a detail for the log about GET" in sample.log()


async def test_admin(shared):
    """The admin endpoints list the functions, run those without a route, and refuse invalid requests."""
    sample, client = shared
    names = {function["name"] for function in (await client.get("/admin/functions")).json()}
    assert names == {"echo", "items", "newest", "broken", "slow", "work", "bury", "tick"}
    work = (await client.get("/admin/functions/Work")).json()
    assert work["config"]["bindings"][0]["queueName"] == "%SAMPLE_QUEUE%"
    status = (await client.get("/admin/host/status")).json()
    assert (status["state"], status["functions"]) == ("Running", 8)
    assert (await client.post("/admin/functions/tick", json={})).status_code == 202
    assert (await client.post("/admin/functions/work", json={"input": "by hand"})).status_code == 202
    await until(
        lambda: sample.calls(function="tick") and sample.calls(function="work", event="end", id="by hand")
    )
    assert (await client.post("/admin/functions/none", json={})).status_code == 404
    assert (await client.post("/admin/functions/echo", json={})).status_code == 400
    assert (await client.post("/admin/functions/tick", content="[")).status_code == 400
    assert "/admin/functions" in (await client.get("/")).text


async def test_clock(shared):
    """The clock can be read, set, advanced and reset, and invalid values are refused."""
    _, client = shared
    assert (await client.get("/admin/host/clock")).json()["offset"] == 0
    moved = (await client.put("/admin/host/clock", json={"now": "2030-01-01T00:00:00Z"})).json()
    assert moved["now"].startswith("2030-01-01T00:00:0")
    further = (await client.put("/admin/host/clock", json={"advance": 86400})).json()
    assert further["now"].startswith("2030-01-02T00:00:0")
    refused: list[Any] = [{"now": "2030-01-01T00:00:00"}, {"now": "soon"}, {"advance": 1e300}, {}, []]
    for nonsense in refused:
        assert (await client.put("/admin/host/clock", json=nonsense)).status_code == 400
    assert (await client.delete("/admin/host/clock")).json()["offset"] == 0


async def test_clean_stop(sample):
    """A host that is told to stop finishes running requests, refuses new ones, and exits with 0."""
    process, url = await sample.start()
    async with httpx.AsyncClient(base_url=url) as client:
        slow = asyncio.create_task(client.get("/api/slow"))
        await until(lambda: sample.calls(function="slow"))
        process.send_signal(signal.SIGTERM)
        await until(lambda: _refuses(url))
        sample.release("slow")
        assert (await slow).text == "done"
    assert await process.wait() == 0
    assert not (sample.folder / "host.json").exists()
    assert "ERROR" not in sample.log()


def _refuses(url: str) -> bool:
    try:
        httpx.get(url, timeout=1)
    except httpx.TransportError:
        return True
    return False


@pytest.mark.parametrize("way", ["launch", "fork"])
async def test_refused_start(sample, way):
    """A host that cannot start prints and logs the reason in one line, and exits with 2."""
    sample.environment["SAMPLE_SCHEDULE"] = "0 0 0 * * x"
    process = await getattr(sample, way)()
    assert await process.wait() == 2
    (line,) = sample.output().splitlines()
    assert "the schedule of 'tick' cannot be read: 'x' is no weekday" in line
    assert "the schedule of 'tick'" in sample.log()
