"""How long one HTTP call waits for the storage account.

Azure ends a call after 230 seconds with a page that is not a problem document
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#limits). A storage
account that accepts connections and does not answer would use up that time. So all storage calls of one HTTP
call share a number of seconds. Invocations of queues and timers have other limits, and do not use this one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Final

from azure.core.exceptions import AzureError


class ImpatientError(AzureError):
    """The storage account did not answer in time. What was sent can still take effect."""

    def __init__(self) -> None:
        super().__init__("the storage account did not answer in time")


class _Budget:
    """The seconds that are left. Simultaneous calls use them up together."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._active = 0
        self._since = 0.0

    @contextlib.asynccontextmanager
    async def spend(self) -> AsyncIterator[None]:
        now = time.monotonic()
        if not self._active:
            self._since = now
        self._active += 1
        try:
            async with asyncio.timeout(max(self._left - (now - self._since), 0)):
                yield
        except TimeoutError as error:
            raise ImpatientError from error
        finally:
            self._active -= 1
            if not self._active:
                self._left -= time.monotonic() - self._since


_BUDGET: Final[ContextVar[_Budget | None]] = ContextVar("storage_budget", default=None)


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Limits the time of all storage calls inside, also of tasks that start inside."""
    token = _BUDGET.set(_Budget(seconds))
    try:
        yield
    finally:
        _BUDGET.reset(token)


def patient() -> contextlib.AbstractAsyncContextManager[None]:
    """Surrounds one storage call. Raises ``ImpatientError`` when the seconds are used up."""
    budget = _BUDGET.get()
    return budget.spend() if budget else contextlib.nullcontext()


@contextlib.asynccontextmanager
async def turn(lock: asyncio.Lock) -> AsyncIterator[None]:
    """Holds a lock while others call the storage account: waiting for them is waiting for the account.

    Raises ``ImpatientError`` when the seconds are used up.
    """
    async with patient():
        await lock.acquire()
    try:
        yield
    finally:
        lock.release()
