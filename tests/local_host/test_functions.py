from __future__ import annotations

import json
import sys
import types

import azure.functions as func
import pytest

from infra.local.host import config
from infra.local.host.errors import StartError
from infra.local.host.functions import HttpTrigger, QueueTrigger, TimerTrigger, index

NAME = "an_app_for_indexing"


@pytest.fixture
def app(monkeypatch):
    """An app without functions, in a module that can be imported."""
    application = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    module = types.ModuleType(NAME)
    vars(module)["app"] = application
    monkeypatch.setitem(sys.modules, NAME, module)
    return application


def test_triggers(app):
    """Settings in triggers are replaced by their values; without a route, the function's name is used."""

    @app.route()
    def hello(req: func.HttpRequest) -> str:
        return str(req.url)

    @app.queue_trigger(arg_name="message", queue_name="%PREFIX%-in", connection="STORE")
    def work(message: func.QueueMessage, context: func.Context) -> None:
        del message, context

    @app.timer_trigger(arg_name="timer", schedule="%WHEN%", run_on_startup=True)
    def tick(timer: func.TimerRequest) -> None:
        del timer

    http, queue, timer = index(NAME, {"PREFIX": "a", "STORE": "account", "WHEN": "0 0 * * * *"})
    assert http.trigger == HttpTrigger(route="hello", methods=frozenset())
    assert queue.trigger == QueueTrigger(queue="a-in", connection_string="account")
    assert timer.trigger == TimerTrigger(schedule="0 0 * * * *", use_monitor=None, run_on_startup=True)
    assert [function.wants_context for function in (http, queue, timer)] == [False, True, False]
    assert [function.argument for function in (http, queue, timer)] == ["req", "message", "timer"]


@pytest.mark.parametrize("missing", ["QUEUE", "STORE"])
def test_missing_setting(app, missing):
    """A missing setting stops the host with the function and the setting in the error."""

    @app.queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="STORE")
    def work(message: func.QueueMessage) -> None:
        del message

    settings = {"QUEUE": "steps", "STORE": "account"}
    with pytest.raises(StartError, match=f"'work' needs the setting '{missing}'"):
        index(NAME, {**settings, missing: ""})


@pytest.mark.parametrize(
    ("connection", "environment", "expected"),
    [
        ("STORAGE", {"STORAGE": "app", "AzureWebJobsStorage": "host"}, "host"),
        ("STORE", {"STORE": "app", "AzureWebJobsStorage": "host"}, "app"),
        ("Store", {"STORE": "app"}, "app"),
        ("STORE", {"STORE": "app", "ConnectionStrings__Store": "portal"}, "portal"),
        ("STORE", {"STORE": "app", "AZUREWEBJOBSSTORE": "prefixed"}, "prefixed"),
        ("", {"STORE": "app", "AzureWebJobsStorage": "host"}, "host"),
    ],
)
def test_a_connection_is_found_as_in_azure(app, connection, environment, expected):
    """AzureWebJobs and the name come first, in upper or lower case; no name is the host's storage."""

    @app.queue_trigger(arg_name="message", queue_name="in", connection=connection)
    def work(message: func.QueueMessage) -> None:
        del message

    (function,) = index(NAME, environment)
    assert isinstance(function.trigger, QueueTrigger)
    assert function.trigger.connection_string == expected


def test_a_connection_with_an_identity_is_refused(app):
    """A connection that is set by identity stops the host, because the host has no identity."""

    @app.queue_trigger(arg_name="message", queue_name="in", connection="STORE")
    def work(message: func.QueueMessage) -> None:
        del message

    with pytest.raises(StartError, match="'work' needs the connection 'STORE' as one connection string"):
        index(NAME, {"STORE__queueServiceUri": "https://contoso.queue.core.windows.net"})


def test_output_binding(app):
    """An output binding is refused."""

    @app.queue_trigger(arg_name="message", queue_name="in", connection="STORE")
    @app.queue_output(arg_name="out", queue_name="out", connection="STORE")
    def copy(message: func.QueueMessage, out: func.Out[str]) -> None:
        out.set(message.get_body().decode())

    with pytest.raises(StartError, match="'copy' has a binding of type 'queue'"):
        index(NAME, {"STORE": "account"})


def test_other_trigger(app):
    """A trigger of another kind is refused."""

    @app.blob_trigger(arg_name="blob", path="in/{name}", connection="STORE")
    def read(blob: func.InputStream) -> None:
        del blob

    with pytest.raises(StartError, match="'read' has a trigger of type 'blobTrigger'"):
        index(NAME, {"STORE": "account"})


def test_no_functions(app):
    """An app without functions is refused: in Azure it would answer every request with 404."""
    assert app is not None
    with pytest.raises(StartError, match="has no functions"):
        index(NAME, {})


def test_no_app():
    """A module that is missing, or contains no app, is refused."""
    with pytest.raises(StartError, match="no module 'nothing_of_the_kind'"):
        index("nothing_of_the_kind", {})
    with pytest.raises(StartError, match=r"no azure\.functions\.FunctionApp named 'app'"):
        index("json", {})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "cannot be read"),
        ({"extensions": {"queues": {"batchSize": 33}}}, "batchSize is 33"),
        ({"extensions": {"queues": {"messageEncoding": "utf8"}}}, "messageEncoding is 'utf8'"),
        ({"extensions": {"queues": {"visibilityTimeout": "5 s"}}}, "not a duration"),
        ({"functionTimeout": "soon"}, "not a duration"),
        ([], "host.json"),
        (None, "is missing"),
    ],
)
def test_refused_host_json(tmp_path, content, why):
    """An invalid host.json stops the host with the reason."""
    file = tmp_path / "host.json"
    if content is not None:
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(StartError, match=why):
        config.read(file)


def test_host_json_defaults(tmp_path):
    """Settings that host.json omits have the same defaults as in Azure."""
    file = tmp_path / "host.json"
    file.write_text('{"version": "2.0", "functionTimeout": "-1"}')
    settings = config.read(file)
    assert (settings.route_prefix, settings.function_timeout) == ("api", None)
    assert (settings.queues.batch_size, settings.queues.new_batch_threshold) == (16, 8)
    assert (settings.queues.max_dequeue_count, settings.queues.base64) == (5, True)
