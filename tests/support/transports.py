"""The connection between the app and its storage account, where a test counts calls or ends the worker."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import AioHttpTransport


class KilledError(BaseException):
    """The worker's process ends here. Not an ``Exception``, because nothing in the app may catch it."""


class Fuse:
    """Counts calls to storage, and can end the worker before or after one of them."""

    def __init__(self) -> None:
        self.calls = 0
        self._fatal = 0
        self._after = False
        self._lost: bool | None = None
        self._meanwhile: tuple[int, Callable[[], Awaitable[None]]] | None = None
        self.refused = ""
        """The partition for which the account in memory answers with an error."""

    def kill(self, call: int, *, after: bool) -> None:
        """Die at a call (1: the next one), before it is sent or after it took effect; 0: never."""
        self._fatal, self._after = call and self.calls + call, after

    def lose(self, *, after: bool) -> None:
        """End the connection of the next call, before the account receives it or after it took effect."""
        self._lost = after

    def meanwhile(self, call: int, action: Callable[[], Awaitable[None]]) -> None:
        """Do something before a call is sent (1: the next one)."""
        self._meanwhile = self.calls + call, action

    @contextlib.asynccontextmanager
    async def around(self, call: Any = None) -> AsyncIterator[None]:
        """One call."""
        self.calls += 1
        if self._meanwhile and self._meanwhile[0] == self.calls:
            (_, action), self._meanwhile = self._meanwhile, None
            await action()
        if self.refused and call and self.refused in {partition for partition, _ in call.rows}:
            raise ServiceRequestError(self.refused)
        fatal = self.calls == self._fatal
        if fatal and not self._after:
            raise KilledError
        lost, self._lost = self._lost, None
        if lost is False:
            raise ServiceResponseError("the connection has ended")
        yield
        if lost:
            raise ServiceResponseError("the connection has ended")
        if fatal:
            raise KilledError


class Wire(AioHttpTransport):  # type: ignore[misc] # the SDK hides its type
    """Sends requests as usual, each one through a fuse."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__(use_env_settings=False)
        self._fuse = fuse

    async def send(self, request: Any, **more: Any) -> Any:
        """One request and its answer."""
        async with self._fuse.around():
            return await super().send(request, **more)
