"""A function app that uses the features of the trigger host, and records each call for the tests."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

_FOLDER = Path(os.environ["SAMPLE_FOLDER"])


def _note(**what: object) -> None:
    with (_FOLDER / "calls").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps({"pid": os.getpid(), **what}) + "\n")


@app.route(route="echo/{id:guid}/{*rest}", methods=["POST"])
async def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer with the whole request."""
    logging.getLogger("sample").info("echoing")
    document = {
        "url": req.url,
        "method": req.method,
        "route": dict(req.route_params),
        "query": dict(req.params),
        "body": req.get_body().decode(),
        "agent": req.headers.get("USER-AGENT"),
        "traceparent": context.trace_context.trace_parent,
        "function": context.function_name,
        "invocation": context.invocation_id,
        "retries": context.retry_context.retry_count,
    }
    headers = {"Content-Type": "application/vnd.sample+json", "X-Sample": "yes"}
    return func.HttpResponse(json.dumps(document), status_code=201, headers=headers)


@app.route(route="items/{id:int?}", methods=["GET"])
def items(req: func.HttpRequest) -> str:
    """Answer with the thread it runs in."""
    return f"{req.route_params.get('id', 'all')} in {threading.current_thread().name}"


@app.route(route="items/newest", methods=["GET"])
async def newest(req: func.HttpRequest) -> func.HttpResponse:
    """Answer without a content type."""
    del req
    return func.HttpResponse(b"newest", headers={"Set-Cookie": "a=1"})


@app.route(route="broken", methods=["GET"])
async def broken(req: func.HttpRequest) -> func.HttpResponse:
    """Fail with text that no caller may see."""
    raise RuntimeError(f"a detail for the log about {req.method}")


@app.route(route="slow", methods=["GET"])
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    """Answer when the test releases the call."""
    _note(function="slow", event="start", method=req.method)
    await _released("slow")
    return func.HttpResponse("done")


@app.queue_trigger(arg_name="message", queue_name="%SAMPLE_QUEUE%", connection="ONBOARDING_STORAGE")
async def work(message: func.QueueMessage) -> None:
    """Do what the message requests: succeed, fail, or hold until the test releases it."""
    body = message.get_body().decode()
    order = json.loads(body) if body.startswith("{") else {"id": body}
    _note(
        function="work",
        event="start",
        id=order["id"],
        attempt=message.dequeue_count,
        message=message.id,
        inserted=bool(message.insertion_time),
    )
    if order.get("do") == "fail":
        raise RuntimeError("told to fail")
    if order.get("do") == "hold":
        await _released(order["id"])
    _note(function="work", event="end", id=order["id"])


@app.queue_trigger(arg_name="message", queue_name="%SAMPLE_QUEUE%-poison", connection="ONBOARDING_STORAGE")
async def bury(message: func.QueueMessage) -> None:
    """Handle a poison message."""
    _note(function="bury", event="start", body=message.get_body().decode(errors="replace"))


@app.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%", use_monitor=True)
async def tick(timer: func.TimerRequest) -> None:
    """Record that the timer fired."""
    _note(function="tick", event="start", past_due=timer.past_due)
    if (_FOLDER / "hold-ticks").exists():
        await _released("tick")


async def _released(name: str) -> None:
    file = _FOLDER / f"release-{name}"
    while True:
        if file.exists():
            return
        await asyncio.sleep(0.02)
