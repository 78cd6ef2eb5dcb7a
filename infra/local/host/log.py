"""One log for the host and the app: each line contains the host process and the invocation."""

from __future__ import annotations

import logging
import sys
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Final

logger: Final = logging.getLogger("host")

invocation: Final[ContextVar[str]] = ContextVar("invocation", default="-")
"""Id of the invocation that the running code belongs to."""


class _Formatter(logging.Formatter):
    def __init__(self, host: str) -> None:
        self.converter = time.gmtime
        super().__init__(
            f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {host} %(invocation)s %(name)s: %(message)s",
            datefmt="%Y-%m-%dT%H:%M:%S",
        )

    def format(self, record: logging.LogRecord) -> str:
        # Here and not in a filter: records of child loggers pass the root's handlers, not its filters.
        record.invocation = invocation.get()
        return super().format(record)


def configure(*, file: Path, host: str, level: int, to_stderr: bool) -> None:
    """Send all logging of this process to ``file``, which several hosts share, and to stderr if requested.

    The ``azure`` loggers are held at WARNING: the SDKs write each request at INFO.
    """
    handlers: list[logging.Handler] = [logging.FileHandler(file, encoding="utf-8")]
    if to_stderr:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(_Formatter(host))
    logging.basicConfig(level=level, handlers=handlers, force=True)
    for name in ("azure", "msal", "httpx", "httpcore", "asyncio"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
