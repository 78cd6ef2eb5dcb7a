"""The app's functions: imported and indexed once, with the settings in their triggers replaced."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import azure.functions as func

from infra.local.host import connections
from infra.local.host.errors import StartError

_SETTING: Final = re.compile(r"%([^%]+)%")


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpTrigger:
    """A route; ``methods`` empty means all."""

    route: str
    methods: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueTrigger:
    """A queue, and the connection string of its storage account."""

    queue: str
    connection_string: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TimerTrigger:
    """A schedule; ``use_monitor`` None: monitored unless it recurs more often than each minute."""

    schedule: str
    use_monitor: bool | None
    run_on_startup: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """One function of the app."""

    name: str
    call: Callable[..., Any]
    argument: str
    """Name of the parameter that takes what triggered the function."""
    wants_context: bool
    trigger: HttpTrigger | QueueTrigger | TimerTrigger
    directory: Path
    bindings: dict[str, Any]
    """As ``function.json`` would hold it."""


def index(app: str, environment: Mapping[str, str]) -> list[Function]:
    """Import the module ``app``, and read the functions of its attribute ``app``.

    Raises:
        StartError: the module cannot be imported, has no app, or uses what this host does not support.
    """
    try:
        module = importlib.import_module(app)
    except ModuleNotFoundError as error:
        if error.name != app:
            raise
        raise StartError(f"there is no module {app!r} in {Path.cwd()}") from None
    application = getattr(module, "app", None)
    if not isinstance(application, func.FunctionApp):
        raise StartError(f"the module {app!r} has no azure.functions.FunctionApp named 'app'")
    functions = [_read(function, environment) for function in application.get_functions()]
    if not functions:
        raise StartError(f"the app in {app!r} has no functions")
    return functions


def _read(function: Any, environment: Mapping[str, str]) -> Function:
    call = function.get_user_function()
    return described(
        str(function.get_function_name()),
        json.loads(function.get_function_json()),
        environment,
        call=call,
        wants_context="context" in inspect.signature(call).parameters,
    )


def described(
    name: str,
    document: dict[str, Any],
    environment: Mapping[str, str],
    *,
    call: Callable[..., Any],
    wants_context: bool,
) -> Function:
    """A function by what ``function.json`` would hold.

    Raises:
        StartError: it has a binding that this host does not support, or a setting is missing.
    """
    (trigger,) = (each for each in document["bindings"] if each["type"].endswith("Trigger"))
    for binding in document["bindings"]:
        if binding is not trigger and binding["type"] != "http":
            raise StartError(
                f"the function {name!r} has a binding of type {binding['type']!r};"
                " this host has triggers only"
            )
    return Function(
        name=name,
        call=call,
        argument=trigger["name"],
        wants_context=wants_context,
        trigger=_trigger(name, trigger, environment),
        directory=Path.cwd(),
        bindings=document,
    )


def _trigger(
    name: str, trigger: Mapping[str, Any], environment: Mapping[str, str]
) -> HttpTrigger | QueueTrigger | TimerTrigger:
    def resolve(text: str) -> str:
        return _SETTING.sub(lambda found: _setting(name, found[1], environment), text)

    match trigger["type"]:
        case "httpTrigger":
            methods = frozenset(str(method).upper() for method in trigger.get("methods") or ())
            return HttpTrigger(route=resolve(trigger["route"]), methods=methods)
        case "queueTrigger":
            connection = resolve(trigger.get("connection") or connections.USUAL)
            return QueueTrigger(
                queue=resolve(trigger["queueName"]),
                connection_string=connections.connection_string(name, connection, environment),
            )
        case "timerTrigger":
            return TimerTrigger(
                schedule=resolve(trigger["schedule"]),
                use_monitor=trigger.get("useMonitor"),
                run_on_startup=bool(trigger.get("runOnStartup")),
            )
        case other:
            raise StartError(
                f"the function {name!r} has a trigger of type {other!r}; this host has HTTP, queue and timer"
            )


def _setting(function: str, setting: str, environment: Mapping[str, str]) -> str:
    value = environment.get(setting)
    if not value:
        raise StartError(
            f"the function {function!r} needs the setting {setting!r}, which is not in the environment"
        )
    return value
