"""The host process: what it starts, in which order, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from infra.local.host import config, log, microsoft_worker
from infra.local.host.admin import Admin
from infra.local.host.bell import Bell
from infra.local.host.clock import Clock
from infra.local.host.errors import StartError
from infra.local.host.functions import Function, QueueTrigger, TimerTrigger, index
from infra.local.host.http import MAX_BODY, HttpTriggers
from infra.local.host.invocation import Invoker
from infra.local.host.log import logger
from infra.local.host.timers import TimerLoop

GRACE: Final = 10.0
"""Seconds that running functions get after the host was told to stop."""

_PROTOCOL: Final = "2021-12-02"
"""A version of the storage protocol that Azurite knows; the SDK asks for its newest."""

_MESSAGE_LOCK: Final = "10"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The options of the command line."""

    app: str
    folder: Path
    host_json: Path
    name: str
    """Of this host among several on one folder; its state file is ``<name>.json``."""
    port: int
    listener: int | None
    """A listening socket to accept on, inherited from the process that started this one."""
    log_to_stderr: bool


class Host:
    """The triggers of one app, in one process."""

    def __init__(
        self, options: Options, environment: Mapping[str, str], functions: Sequence[Function]
    ) -> None:
        settings = config.read(options.host_json)
        log.configure(
            file=options.folder / "host.log",
            host=options.name,
            level=settings.log_level,
            to_stderr=options.log_to_stderr,
        )
        self._options = options
        self._settings = settings
        self._lock_seconds = _lock_seconds(environment)
        self._functions = functions or index(options.app, environment)
        self._bell = Bell()
        self._invoker = Invoker(settings.function_timeout, self._bell)
        clock_file = environment.get("LOCAL_CLOCK_FILE")
        clock = Clock(file=Path(clock_file) if clock_file else None)
        self._timers = self._timer_loops(clock)
        self._admin = Admin(self._functions, self._timers, clock, self._invoker)
        self._http = HttpTriggers(self._functions, settings.route_prefix, self._invoker)
        self._stopping = asyncio.Event()

    def _timer_loops(self, clock: Clock) -> dict[str, TimerLoop]:
        folder = self._options.folder / "timers"
        folder.mkdir(exist_ok=True)
        return {
            function.name: TimerLoop(function, function.trigger, folder, clock, self._invoker)
            for function in self._functions
            if isinstance(function.trigger, TimerTrigger)
        }

    async def run(self) -> None:
        """Serve until SIGINT or SIGTERM.

        Raises:
            StartError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopping.set)
        state = self._options.folder / f"{self._options.name}.json"
        async with contextlib.AsyncExitStack() as stack:
            runner, port = await self._listen()
            stack.push_async_callback(runner.cleanup)
            triggers = [asyncio.create_task(timer.run(self._stopping)) for timer in self._timers.values()]
            triggers += await self._queue_tasks(stack)
            _write_state(state, port)
            stack.callback(state.unlink, missing_ok=True)
            logger.info("listening on port %d with %d functions", port, len(self._functions))
            ended = asyncio.create_task(self._stopping.wait())
            await asyncio.wait([ended, *triggers], return_when=asyncio.FIRST_COMPLETED)
            self._stopping.set()
            self._bell.ring_all()
            # Together: no new request is accepted while the running functions finish.
            await asyncio.gather(runner.cleanup(), self._drain([ended, *triggers]))
        self._invoker.close()
        logger.info("stopped")
        # The platform does not notify an app of its end, so its clients stay open; that is not an error.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    async def _listen(self) -> tuple[web.AppRunner, int]:
        application = web.Application(client_max_size=MAX_BODY)
        application.add_routes(self._admin.routes())
        application.router.add_get("/", _welcome)
        application.router.add_route("*", "/{path:.*}", self._http.handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=GRACE, handle_signals=False)
        await runner.setup()
        listener = _socket(self._options)
        await web.SockSite(runner, listener).start()
        return runner, int(listener.getsockname()[1])

    async def _queue_tasks(self, stack: contextlib.AsyncExitStack) -> list[asyncio.Task[None]]:
        listening = [
            (function, function.trigger)
            for function in self._functions
            if isinstance(function.trigger, QueueTrigger)
        ]
        if not listening:
            return []
        # Imported here: an app without queues does not need the SDK.
        from azure.storage.queue.aio import QueueServiceClient  # noqa: PLC0415

        from infra.local.host.queues import QueueListener  # noqa: PLC0415

        services: dict[str, QueueServiceClient] = {}
        for function, trigger in listening:
            if trigger.connection_string in services:
                continue
            try:
                # The listener retries: retries in the SDK would hide an outage for minutes.
                service = QueueServiceClient.from_connection_string(
                    trigger.connection_string,
                    api_version=_PROTOCOL,
                    retry_total=0,
                    connection_timeout=5,
                    read_timeout=30,
                    use_env_settings=False,
                    connection_verify=_trust(trigger.connection_string),
                )
            except ValueError as error:
                raise StartError(
                    f"the connection string of {function.name!r} cannot be read: {error}"
                ) from None
            services[trigger.connection_string] = await stack.enter_async_context(service)
        return [
            asyncio.create_task(
                QueueListener(
                    function=function,
                    queue=trigger.queue,
                    service=services[trigger.connection_string],
                    config=self._settings.queues,
                    lock_seconds=self._lock_seconds,
                    invoker=self._invoker,
                    bell=self._bell,
                ).run(self._stopping)
            )
            for function, trigger in listening
        ]

    async def _drain(self, tasks: list[asyncio.Task[None] | asyncio.Task[bool]]) -> None:
        """Wait for running work; after the grace period it is left, and its message is repeated."""
        waiting = [*tasks, *self._admin.running]
        done, late = await asyncio.wait(waiting, timeout=GRACE)
        for task in late:
            task.cancel()
        for task in done:
            if error := task.exception():
                raise error


def _lock_seconds(environment: Mapping[str, str]) -> float:
    text = environment.get("LOCAL_MESSAGE_LOCK_SECONDS", _MESSAGE_LOCK)
    try:
        return max(1.0, float(text))
    except ValueError:
        raise StartError(f"LOCAL_MESSAGE_LOCK_SECONDS is {text!r}; it must be a number of seconds") from None


def _socket(options: Options) -> socket.socket:
    if options.listener is not None:
        listener = socket.socket(fileno=options.listener)
        listener.setblocking(False)
        return listener
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", options.port))
    except OSError as error:
        listener.close()
        raise StartError(f"port {options.port} cannot be used: {os.strerror(error.errno or 0)}") from None
    return listener


async def _welcome(_: web.Request) -> web.Response:
    return web.Response(text="The function app is up. Its functions: /admin/functions\n")


def _trust(connection_string: str) -> str | bool:
    """What the client of a storage account verifies.

    With the name of a file it reads all certificates before each call, so without TLS it gets none.
    """
    return os.environ.get("LOCAL_CLOUD_CA") or True if "=https" in connection_string else True


def _write_state(file: Path, port: int) -> None:
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps({"pid": os.getpid(), "port": port}), encoding="utf-8")
    draft.replace(file)


def serve(options: Options, environment: Mapping[str, str]) -> int:
    """Run a host until it is told to stop; return the exit code."""

    async def main() -> None:
        functions = await microsoft_worker.functions(options.app, environment)
        await Host(options, environment, functions).run()

    asyncio.run(main())
    return 0
