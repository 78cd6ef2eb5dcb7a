"""Microsoft's own Python worker in place of this host's invoker: ``LOCAL_WORKER=microsoft``.

``azure-functions-runtime`` is the library that Azure's worker uses from Python 3.13 on. It reads the app,
makes the arguments of a function from the messages of the host, and makes messages of what the function
returns. So the app gets exactly the requests, queue messages and timers that it gets in Azure.

Source: https://pypi.org/project/azure-functions-runtime and ``FunctionRpc.proto`` in
https://github.com/Azure/azure-functions-language-worker-protobuf.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import azure.functions as func
from azure.functions.queue import QueueMessage
from azure.functions.timer import TimerRequest

from infra.local.host import worker_messages as messages
from infra.local.host.errors import StartError
from infra.local.host.functions import Function, described
from infra.local.host.worker_messages import Message

SWITCH: Final = "LOCAL_WORKER"
_NAME: Final = "microsoft"
_LIBRARY: Final = "azure_functions_runtime"


class FunctionError(Exception):
    """A function raised; the message is the worker's, with its stack trace."""


async def functions(app: str, environment: Mapping[str, str]) -> list[Function]:
    """The functions of an app as the worker reads and calls them; none where this host does so itself.

    Raises:
        StartError: the worker is not installed, or cannot read the app.
    """
    chosen = environment.get(SWITCH, "")
    if not chosen:
        return []
    if chosen != _NAME:
        raise StartError(f"{SWITCH} is {chosen!r}; it must be {_NAME!r} or not set")
    try:
        library = importlib.import_module(_LIBRARY)
    except ImportError as error:
        raise StartError(f"Microsoft's worker is missing ({error}); run 'make install'") from None
    # The library logs each call in the name of the package that apps use.
    logging.getLogger("azure.functions").setLevel(logging.WARNING)
    os.environ["PYTHON_SCRIPT_FILE_NAME"] = f"{app}.py"
    library.start_threadpool_executor()
    begun = Message(capabilities={}, function_app_directory=str(Path.cwd()))
    answer = await library.worker_init_request(
        Message(
            request=Message(worker_init_request=begun),
            properties={"host": "127.0.0.1", "protos": messages},
        )
    )
    if answer.result.status != messages.StatusResult.Success:
        raise StartError(f"Microsoft's worker cannot read the app: {answer.result.exception.message}")
    answer = await library.functions_metadata_request(Message())
    if not answer.function_metadata_results:
        raise StartError(f"Microsoft's worker finds no functions in {Path.cwd() / app}.py")
    return [_function(library, metadata, environment) for metadata in answer.function_metadata_results]


def _function(library: Any, metadata: Any, environment: Mapping[str, str]) -> Function:
    async def call(context: func.Context, **arguments: object) -> Any:
        ((name, argument),) = arguments.items()
        data, trigger = _sent(argument)
        request = Message(
            invocation_id=context.invocation_id,
            function_id=metadata.function_id,
            input_data=[messages.ParameterBinding(name=name, data=data)],
            trigger_metadata=trigger,
            trace_context=Message(
                trace_parent=context.trace_context.trace_parent,
                trace_state=context.trace_context.trace_state,
                attributes={},
            ),
            retry_context=Message(retry_count=0, max_retry_count=0),
        )
        answer = await library.invocation_request(Message(request=Message(invocation_request=request)))
        if answer.result.status != messages.StatusResult.Success:
            error = answer.result.exception
            raise FunctionError(f"{error.message}\n{error.stack_trace}")
        return _received(answer.return_value)

    document = {
        "scriptFile": metadata.script_file,
        "entryPoint": metadata.entry_point,
        "bindings": [json.loads(binding) for binding in metadata.raw_bindings],
    }
    return described(metadata.name, document, environment, call=call, wants_context=True)


def _sent(argument: object) -> tuple[Message, dict[str, Message]]:
    """What triggered a function, as the host sends it, with the metadata of the trigger."""
    match argument:
        case func.HttpRequest():
            body = argument.get_body()
            return Message(
                http=Message(
                    method=argument.method,
                    url=argument.url,
                    # The host sends the names in lower case.
                    headers={name.lower(): value for name, value in argument.headers.items()},
                    params=dict(argument.route_params),
                    query=dict(argument.params),
                    body=Message(bytes=body) if body else Message(),
                )
            ), {}
        case QueueMessage():
            body = argument.get_body()
            metadata = {
                "Id": argument.id,
                "DequeueCount": argument.dequeue_count,
                "ExpirationTime": argument.expiration_time,
                "InsertionTime": argument.insertion_time,
                "NextVisibleTime": argument.time_next_visible,
                "PopReceipt": argument.pop_receipt,
            }
            return _text(body), {name: Message(json=_json(value)) for name, value in metadata.items()}
        case TimerRequest():
            document = {
                "IsPastDue": argument.past_due,
                "Schedule": argument.schedule,
                "ScheduleStatus": argument.schedule_status,
            }
            return Message(json=json.dumps(document)), {}
        case other:
            raise TypeError(f"nothing triggers a function with {type(other).__name__}")


def _text(body: bytes) -> Message:
    try:
        return Message(string=body.decode())
    except UnicodeDecodeError:
        return Message(bytes=body)


def _json(value: object) -> str:
    return json.dumps(value.isoformat() if isinstance(value, datetime) else value)


def _received(value: Any) -> Any:
    """What a function returned, as this host's own invoker would have it."""
    match value and value.WhichOneof("data"):
        case None:
            return None
        case "string":
            return value.string
        case "http":
            http = value.http
            return func.HttpResponse(
                body=http.body.bytes, status_code=int(http.status_code), headers=http.headers
            )
        case other:
            raise TypeError(f"the worker returned {other}")
