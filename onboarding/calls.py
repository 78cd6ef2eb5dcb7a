"""The HTTP calls that a step makes, for its audit event.

A call is recorded with the request IDs by which Microsoft support can find it, never with its body.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

_current: ContextVar[list[CloudCall] | None] = ContextVar("calls", default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudCall:
    """One HTTP exchange."""

    service: str
    method: str
    path: str
    status: int  # 0: no response
    request_id: str = ""
    client_request_id: str = ""

    @property
    def changes(self) -> bool:
        """Whether it can have changed something: batches only read, and so does a sign-in."""
        reads = self.method in {"GET", "HEAD"} or self.path.endswith(("/$batch", "/oauth2/v2.0/token"))
        return not reads

    def as_json(self) -> dict[str, Any]:
        """The call as callers of the API see it."""
        return {
            "service": self.service,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "requestId": self.request_id,
            "clientRequestId": self.client_request_id,
        }


@contextmanager
def recorded() -> Iterator[list[CloudCall]]:
    """Collects the calls that are made inside, also by tasks that start inside."""
    calls: list[CloudCall] = []
    token = _current.set(calls)
    try:
        yield calls
    finally:
        _current.reset(token)


def record(call: CloudCall) -> None:
    """Adds a call to the current collection, if there is one."""
    if (calls := _current.get()) is not None:
        calls.append(call)
