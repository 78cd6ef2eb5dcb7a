"""The epoch in append-only storage, which no restore resets.

The tables and the vault can both be restored to the same moment: then they agree. Append blobs are not part
of a point-in-time restore (https://learn.microsoft.com/azure/storage/blobs/point-in-time-restore-overview),
and the container's policy lets nobody change or delete what was appended.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from azure.core.exceptions import AzureError

from onboarding.storage.ledgers import Ledgers
from onboarding.storage.tables import ConflictError

log = logging.getLogger(__name__)

_PREFIX: Final = "epoch/"
_LINES: Final = 10_000
"""Lines of one ledger; an append blob has at most 50,000 blocks."""

_TAIL: Final = 4096  # bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Witnessed:
    """An epoch that was appended."""

    number: int = 0
    at: datetime | None = None


class EpochWitness:
    """Appends the epoch, and reads the last one."""

    def __init__(self, ledgers: Callable[[], Ledgers]) -> None:
        """``ledgers`` makes the client of append-only storage."""
        self._ledgers = ledgers

    async def last(self) -> Witnessed:
        """The highest epoch of the last ledger. Number 0 if there is none, or if storage does not answer."""
        try:
            sizes = await self._ledgers().sizes(_PREFIX)
            if not sizes:
                return Witnessed()
            name = max(sizes)
            tail = await self._ledgers().read(name, max(sizes[name] - _TAIL, 0))
        except AzureError as error:
            log.warning("the append-only copy of the epoch could not be read: %s", type(error).__name__)
            return Witnessed()
        found = [each for line in tail.decode(errors="replace").split("\n") if (each := _read(line))]
        return max(found, key=lambda witnessed: witnessed.number, default=Witnessed())

    async def note(self, number: int, at: datetime) -> None:
        """Appends an epoch. If that fails, a later one is appended."""
        name = f"{_PREFIX}{number // _LINES:08d}.jsonl"
        line = json.dumps({"number": number, "at": at.isoformat()})
        try:
            size = (await self._ledgers().sizes(name)).get(name, 0)
            await self._ledgers().append(name, f"{line}\n".encode(), at=size)
        except ConflictError:
            return  # another host was faster
        except AzureError as error:
            log.warning("the epoch was not appended: %s", type(error).__name__)


def _read(line: str) -> Witnessed | None:
    """An epoch; None for a line that is cut off, or that the service did not write."""
    try:
        document = json.loads(line)
        return Witnessed(number=int(document["number"]), at=datetime.fromisoformat(document["at"]))
    except (ValueError, KeyError, TypeError):
        return None
