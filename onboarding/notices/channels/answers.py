"""The answers to messages for people: read to a limit of size and time.

Apprise posts with Requests, which reads an answer to its end and measures only the time between two parts of
it. A receiver could fill the memory of the function app, or hold a thread for days.

Source: https://requests.readthedocs.io/en/latest/user/advanced/#timeouts.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any, Final

_LONGEST: Final = 64 * 1024
"""Bytes of an answer that are read. Plug-ins look for a short document in it."""

_TIME: Final = 20.0
"""Seconds for all of an answer after its headers."""

_LIMITED: Final[ContextVar[bool]] = ContextVar("limited", default=False)


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Limits what this thread reads of an answer in the meantime. The rest of an answer is left out."""
    _install()
    token = _LIMITED.set(True)
    try:
        yield
    finally:
        _LIMITED.reset(token)


@cache
def _install() -> None:
    """Gives new sessions of Requests an adapter that knows the limits; there is no setting for it."""
    from requests import adapters, sessions  # noqa: PLC0415 - imported with Apprise, for the first message

    class LimitedAdapter(adapters.HTTPAdapter):
        def send(self, *args: Any, **more: Any) -> Any:
            response = super().send(*args, **more)
            if _LIMITED.get():
                response._content = _start_of(response.raw)  # noqa: SLF001 - as Response.content keeps it
                response._content_consumed = True  # noqa: SLF001
                response.close()
            return response

    sessions.HTTPAdapter = LimitedAdapter  # type: ignore[attr-defined]


def _start_of(body: Any) -> bytes:
    """The first bytes of an answer, as far as they arrive in time."""
    found, ends_at = b"", time.monotonic() + _TIME
    while len(found) < _LONGEST and time.monotonic() < ends_at:
        part: bytes = body.read1(_LONGEST, decode_content=True)
        if not part:
            break
        found += part
    return found[:_LONGEST]
