"""The calls made to the cloud while a step runs: the evidence that its audit event keeps.

A call is recorded with the request ids by which Microsoft's support finds it, never with its body.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

_current: ContextVar[list[Call] | None] = ContextVar("calls", default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One HTTP exchange."""

    service: str
    method: str
    path: str
    status: int  # 0: no answer came
    request_id: str = ""
    client_request_id: str = ""

    def as_json(self) -> dict[str, Any]:
        """The call as an audit event shows it."""
        fields = asdict(self)
        return {
            "service": fields["service"],
            "method": fields["method"],
            "path": fields["path"],
            "status": fields["status"],
            "requestId": fields["request_id"],
            "clientRequestId": fields["client_request_id"],
        }


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Collects the calls made inside, also by tasks begun inside."""
    calls: list[Call] = []
    token = _current.set(calls)
    try:
        yield calls
    finally:
        _current.reset(token)


def record(call: Call) -> None:
    """Adds a call to whoever collects them now."""
    if (calls := _current.get()) is not None:
        calls.append(call)
