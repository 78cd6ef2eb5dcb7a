"""Wakes the listeners of queues as soon as there may be a message for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict


class Bell:
    """What the listeners of one host wait for between two polls.

    Any function that ends may have put messages on queues. The WebJobs SDK has such a bell, too, for the
    messages of output bindings (``SharedQueueWatcher``); here it also covers those that the app sends itself.
    """

    def __init__(self) -> None:
        self._events: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def wait(self, queue: str, seconds: float) -> None:
        """Wait until it rings for a queue, but no longer than the timeout."""
        event = self._events[queue]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
        event.clear()

    def ring(self, queue: str) -> None:
        """There is a message on a queue."""
        self._events[queue].set()

    def ring_all(self, *, but: str | None = None) -> None:
        """There may be a message on any queue, except those whose names end so."""
        for queue, event in self._events.items():
            if but is None or not queue.endswith(but):
                event.set()
