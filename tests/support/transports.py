"""The wire between the app and its storage account, on which a test counts calls, or dies."""

from __future__ import annotations

from typing import Any

from azure.core.pipeline.transport import AioHttpTransport


class KilledError(BaseException):
    """The worker's process ends here. No ``Exception``: nothing of the app may catch it."""


class Wire(AioHttpTransport):  # type: ignore[misc] # the SDK hides its type
    """Sends requests as usual, counts them, and can end the worker before or after one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self._fatal = 0
        self._after = False

    def kill(self, call: int, *, after: bool) -> None:
        """Die at a call (1: the next one), before it is sent or after it took effect; 0: live on."""
        self._fatal, self._after = call and self.calls + call, after

    async def send(self, request: Any, **more: Any) -> Any:
        """One request and its answer."""
        self.calls += 1
        fatal = self.calls == self._fatal
        if fatal and not self._after:
            raise KilledError
        response = await super().send(request, **more)
        if fatal:
            raise KilledError
        return response
