"""Microsoft's own worker in place of the host's invoker."""

from __future__ import annotations

import importlib
import json
import sys
from datetime import UTC, datetime, timedelta

import azure.functions as func
import pytest
from azure.functions.timer import TimerRequest

from infra.local.host import messages, microsoft_worker
from infra.local.host.bell import Bell
from infra.local.host.errors import StartError
from infra.local.host.functions import HttpTrigger, QueueTrigger, TimerTrigger
from infra.local.host.invocation import Invoker

MICROSOFT = {"LOCAL_WORKER": "microsoft", "STORE": "account", "WHEN": "0 0 * * * *"}
APP = """
import json
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
seen = []

@app.route("echo/{name}", methods=["POST"])
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    known = [req.method, req.url, req.headers["x-some"], dict(req.params), dict(req.route_params)]
    body = json.dumps([*known, req.get_body().decode()])
    return func.HttpResponse(body, status_code=202, headers={"X-Other": "b"}, mimetype="application/json")

@app.queue_trigger("msg", "in", "STORE")
def work(msg: func.QueueMessage) -> None:
    if msg.get_body() == b"bad":
        raise ValueError("that message is bad")
    seen.append([msg.id, msg.get_body().decode(), msg.dequeue_count, msg.insertion_time, msg.pop_receipt])

@app.timer_trigger("timer", "%WHEN%")
async def tick(timer: func.TimerRequest) -> None:
    seen.append(timer.past_due)
"""
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
async def functions(tmp_path, monkeypatch):
    """The functions of an app in a folder, by name."""
    (tmp_path / "worker_app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHON_SCRIPT_FILE_NAME", "")
    monkeypatch.delitem(sys.modules, "worker_app", raising=False)
    found = await microsoft_worker.functions("worker_app", MICROSOFT)
    yield {function.name: function for function in found}
    importlib.import_module("azure_functions_runtime").stop_threadpool_executor()


@pytest.fixture
def invoker():
    """What runs functions in a host."""
    invoker = Invoker(timedelta(minutes=1), Bell())
    yield invoker
    invoker.close()


def message(body: str) -> object:
    """A message as the host received it."""
    return messages.argument(
        identifier="m1", body=body, dequeue_count=2, inserted=NOW, expires=NOW, visible=NOW, receipt="r1"
    )


async def test_it_reads_the_app(functions):
    """The worker's description of the functions has their triggers."""
    assert [functions[name].trigger for name in ("echo", "work", "tick")] == [
        HttpTrigger(route="echo/{name}", methods=frozenset({"POST"})),
        QueueTrigger(queue="in", connection_string="account"),
        TimerTrigger(schedule="0 0 * * * *", use_monitor=None, run_on_startup=False),
    ]


async def test_a_request_and_its_answer_pass_it(functions, invoker):
    """A function gets the whole request, and the caller gets the whole response."""
    request = func.HttpRequest(
        method="POST",
        url="http://127.0.0.1/api/echo/kim?a=1",
        headers={"X-Some": "thing"},
        params={"a": "1"},
        route_params={"name": "kim"},
        body="größer".encode(),
    )
    response = await invoker.run(functions["echo"], request, reason="test")
    assert json.loads(response.get_body()) == [
        *("POST", "http://127.0.0.1/api/echo/kim?a=1", "thing"),
        *({"a": "1"}, {"name": "kim"}, "größer"),
    ]
    assert (response.status_code, response.headers["X-Other"]) == (202, "b")
    assert response.headers["Content-Type"] == "application/json"


async def test_messages_and_timers_pass_it(functions, invoker):
    """A function gets a message with its metadata, and a timer with its state."""
    await invoker.run(functions["work"], message('{"v": 1}'), reason="test")
    await invoker.run(functions["tick"], TimerRequest(past_due=True), reason="test")
    assert sys.modules["worker_app"].seen == [["m1", '{"v": 1}', 2, NOW, "r1"], True]


async def test_a_function_that_raises_fails(functions, invoker):
    """An exception in a function reaches the host with its trace, so the message is tried again."""
    with pytest.raises(microsoft_worker.FunctionError, match=r"ValueError: that message is bad\n(.|\n)+line"):
        await invoker.run(functions["work"], message("bad"), reason="test")


async def test_the_switch_is_checked(tmp_path, monkeypatch):
    """An unknown worker is refused; without the switch, the host reads the app itself."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StartError, match="LOCAL_WORKER is 'mine'; it must be 'microsoft' or not set"):
        await microsoft_worker.functions("worker_app", {"LOCAL_WORKER": "mine"})
    assert await microsoft_worker.functions("worker_app", {}) == []
