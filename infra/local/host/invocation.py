"""One call of a function: its context, its thread or task, and its line in the log."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import azure.functions as func

from infra.local.host import log
from infra.local.host.bell import Bell
from infra.local.host.functions import Function

POISON_SUFFIX: Final = "-poison"
"""Of the queues that only a host puts messages on."""


@dataclass(frozen=True, slots=True)
class _TraceContext(func._abc.TraceContext):  # noqa: SLF001 - azure.functions exports the context, not its parts
    """The caller's W3C trace context."""

    trace_parent: str = ""
    trace_state: str = ""
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def Traceparent(self) -> str:  # noqa: N802 - the worker offers both spellings
        return self.trace_parent

    @property
    def Tracestate(self) -> str:  # noqa: N802
        return self.trace_state


@dataclass(frozen=True, slots=True)
class _RetryContext(func._abc.RetryContext):  # noqa: SLF001
    """No retries: among this host's triggers only timers could have a retry policy."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Context(func.Context):
    invocation_id: str
    function_name: str
    function_directory: str
    trace_context: _TraceContext
    retry_context: _RetryContext = _RetryContext()
    thread_local_storage: Any = None


class Invoker:
    """Runs functions: coroutines on the loop, plain functions in threads, as the Python worker does."""

    def __init__(self, timeout: timedelta | None, bell: Bell) -> None:
        # The worker's own default, and the setting that changes it there.
        default = min(32, (os.cpu_count() or 1) + 4)
        self._threads = ThreadPoolExecutor(
            int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", default)), "function"
        )
        self._timeout = None if timeout is None else timeout.total_seconds()
        self._bell = bell
        self.running = 0

    async def run(
        self,
        function: Function,
        argument: object,
        *,
        reason: str,
        trace_parent: str = "",
        trace_state: str = "",
        sends: bool = True,
    ) -> Any:
        """Call ``function`` and return its result; ``sends``: it may put messages on queues.

        Raises:
            Exception: what the function raised, after it was logged with its trace; TimeoutError when it
                takes longer than ``functionTimeout``.
        """
        identifier = str(uuid.uuid4())
        token = log.invocation.set(identifier)
        arguments: dict[str, object] = {function.argument: argument}
        if function.wants_context:
            arguments["context"] = _Context(
                invocation_id=identifier,
                function_name=function.name,
                function_directory=str(function.directory),
                trace_context=_TraceContext(trace_parent, trace_state),
            )
        started = time.perf_counter()
        outcome = "Failed"
        self.running += 1
        try:
            async with asyncio.timeout(self._timeout):
                result = await self._call(function, arguments)
            outcome = "Succeeded"
        except Exception:
            log.logger.exception("%s raised", function.name)
            raise
        else:
            return result
        finally:
            self.running -= 1
            took = (time.perf_counter() - started) * 1000
            log.logger.info("%s (%s) %s in %.0f ms", function.name, reason, outcome, took)
            log.invocation.reset(token)
            if sends:
                self._bell.ring_all(but=POISON_SUFFIX)

    async def _call(self, function: Function, arguments: dict[str, object]) -> Any:
        if inspect.iscoroutinefunction(function.call):
            return await function.call(**arguments)
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: context.run(function.call, **arguments))

    def close(self) -> None:
        """Accept no more work; running threads are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
