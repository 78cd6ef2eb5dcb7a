"""The settings that the host reads from ``host.json``.

Reference: learn.microsoft.com/azure/azure-functions/functions-host-json and the host.json section of
functions-bindings-storage-queue. Settings for functions that this host does not have are ignored.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from infra.local.host import timespan
from infra.local.host.errors import StartError

MAX_BATCH: Final = 32
"""Most messages that one call to Queue Storage returns."""

_LEVELS: Final = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueConfig:
    """``extensions.queues``."""

    batch_size: int = 16
    """Messages taken at once."""
    new_batch_threshold: int = 8
    """The next batch is taken when no more than this many messages are still being worked on."""
    max_dequeue_count: int = 5
    """How often a message is tried before it goes to the poison queue."""
    max_polling_interval: timedelta = timedelta(minutes=1)
    """Longest wait between two polls of an empty queue."""
    visibility_timeout: timedelta = timedelta(0)
    """How long a message stays hidden after the function failed."""
    base64: bool = True
    """Whether message text is base64 (``messageEncoding``)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HostConfig:
    """The parts of ``host.json`` that this host supports."""

    route_prefix: str = "api"
    function_timeout: timedelta | None = timedelta(minutes=30)
    """None: no limit (``-1`` in the file)."""
    log_level: int = logging.INFO
    queues: QueueConfig = QueueConfig()


def read(path: Path) -> HostConfig:
    """Read ``host.json``.

    Raises:
        StartError: the file is missing, is not JSON, or contains a value with a wrong type.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StartError(f"{path} is missing") from None
    except (OSError, ValueError) as error:
        raise StartError(f"{path} cannot be read: {error}") from None
    try:
        return _host(document)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise StartError(f"{path}: {error}") from None


def _host(document: dict[str, Any]) -> HostConfig:
    extensions = document.get("extensions", {})
    timeout = str(document.get("functionTimeout", "00:30:00"))
    level = document.get("logging", {}).get("logLevel", {}).get("default", "Information")
    return HostConfig(
        route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
        function_timeout=None if timeout == "-1" else timespan.parse(timeout),
        log_level=_LEVELS[str(level).lower()],
        queues=_queues(extensions.get("queues", {})),
    )


def _queues(section: dict[str, Any]) -> QueueConfig:
    batch = int(section.get("batchSize", 16))
    if not 1 <= batch <= MAX_BATCH:
        raise ValueError(f"batchSize is {batch}; it must be from 1 to {MAX_BATCH}")
    encoding = str(section.get("messageEncoding", "base64")).lower()
    if encoding not in ("base64", "none"):
        raise ValueError(f"messageEncoding is {encoding!r}; it must be base64 or none")
    return QueueConfig(
        batch_size=batch,
        new_batch_threshold=int(section.get("newBatchThreshold", batch // 2)),
        max_dequeue_count=int(section.get("maxDequeueCount", 5)),
        max_polling_interval=timespan.parse(str(section.get("maxPollingInterval", "00:01:00"))),
        visibility_timeout=timespan.parse(str(section.get("visibilityTimeout", "00:00:00"))),
        base64=encoding == "base64",
    )
