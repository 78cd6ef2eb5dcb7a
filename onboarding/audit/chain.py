"""One chain of events: appended to a ledger first, then shown in a table.

The ledger decides which event comes next, so two hosts cannot write to the same place. The table has the same
lines, for lists. If a process ends between the two writes, the next one that appends to the chain adds the
rows that are missing. So a row without its line in the ledger was never written by the service.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from azure.core.exceptions import AzureError

from onboarding.audit.audit_event import AuditEvent, hash_of, row_of
from onboarding.storage import call_timeouts, names
from onboarding.storage.codec import UnreadableError
from onboarding.storage.ledgers import FullLedgerError, Ledgers
from onboarding.storage.tables import ConflictError, Range, Row, Tables, Write

log = logging.getLogger(__name__)

_TRIES: Final = 50
_TAIL: Final = 256 * 1024  # bytes of a ledger that are read to find its end
_BATCH: Final = 50  # events; a transaction has at most 100 rows and 4 MiB


class BusyChainError(AzureError):
    """Other hosts append so often that this one did not succeed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _End:
    """The end of a chain: in which part of the ledger, at which byte, after which event."""

    part: int = 1
    size: int = 0
    number: int = 0
    hash: str = ""


class Chain:
    """Appends to one chain. One process has one object for each chain."""

    def __init__(self, name: str, *, tables: Tables, ledgers: Ledgers) -> None:
        self._name = name
        self._tables = tables
        self._ledgers = ledgers
        self._lock = asyncio.Lock()
        self._end: _End | None = None  # None: not known, because nothing was written yet, or not everything

    async def add(self, events: Sequence[AuditEvent]) -> None:
        """Appends events of this chain. If it raises ``AzureError``, some of them can be in the chain."""
        async with call_timeouts.turn(self._lock):
            for first in range(0, len(events), _BATCH):
                await self._add(events[first : first + _BATCH])

    async def _add(self, events: Sequence[AuditEvent]) -> None:
        for _ in range(_TRIES):
            end = self._end or await self._find()
            lines, after = _link(events, end)
            data = "".join(f"{line}\n" for line in lines).encode()
            ledger = part_of(self._name, end.part)
            self._end = None  # if this call fails or is cancelled, it is not known what was written
            try:
                await self._ledgers.append(ledger, data, at=end.size)
            except FullLedgerError:
                self._end = replace(end, part=end.part + 1, size=0)
                continue
            except ConflictError:
                if not (await self._ledgers.read(ledger, end.size)).startswith(data):
                    await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311 - no secret
                    continue  # another host was faster
            await self._show(lines)
            self._end = replace(after, size=end.size + len(data))
            return
        raise BusyChainError(f"the chain {self._name} is busy")

    async def _show(self, lines: Sequence[str]) -> None:
        """Writes the rows of lines. Safe to repeat."""
        rows = [row_of(line) for line in lines]
        if len(rows) == 1:  # the usual case; the SDK repeats a lost call of this kind, but not a transaction
            await self._tables.write(names.AUDIT, rows[0], Write.UPSERT)
        else:
            await self._tables.transact(names.AUDIT, [(Write.UPSERT, row) for row in rows])

    async def _find(self) -> _End:
        """The end of the chain. It adds the rows that a process did not write before it ended."""
        parts = await self._ledgers.sizes(prefix_of(self._name))
        for ledger in reversed(parts):
            data = await self._ledgers.read(ledger, max(parts[ledger] - _TAIL, 0))
            lines = [line for line in data.decode(errors="replace").split("\n") if self._is_ours(line)]
            if lines:
                await self._complete(lines[-_BATCH:])
                last = AuditEvent.of_line(lines[-1])
                size = max(parts[ledger] - _TAIL, 0) + len(data)
                return _End(
                    part=int(ledger.split(".")[-2]), size=size, number=last.number, hash=hash_of(lines[-1])
                )
        return _End(part=max(len(parts), 1), size=parts.get(part_of(self._name, max(len(parts), 1)), 0))

    def _is_ours(self, line: str) -> bool:
        try:
            return AuditEvent.of_line(line).chain == self._name
        except UnreadableError:
            return False  # the first line can be cut off; the verification finds any other fault

    async def _complete(self, lines: Sequence[str]) -> None:
        rows = {row.key: line for line in lines for row in [row_of(line)]}
        keys = Range(min(rows), max(rows) + "~")
        known = {row.key for row in await self._tables.query(names.AUDIT, self._name, keys)}
        if missing := [line for key, line in rows.items() if key not in known]:
            log.warning("%d events of the audit trail %s are added again", len(missing), self._name)
            await self._show(missing)


def _link(events: Sequence[AuditEvent], end: _End) -> tuple[list[str], _End]:
    """The lines of events after an end, and the end after them; its size is not known."""
    lines: list[str] = []
    number, previous = end.number, end.hash
    for event in events:
        number += 1
        lines.append(event.linked(number, previous).line)
        previous = hash_of(lines[-1])
    return lines, replace(end, number=number, hash=previous)


def prefix_of(chain: str) -> str:
    """The beginning of the names of a chain's ledgers."""
    return f"{chain.replace(':', '/')}."


def part_of(chain: str, number: int) -> str:
    """The name of one ledger of a chain; it has several if one is full."""
    return f"{prefix_of(chain)}{number:04d}.jsonl"


def chain_of_ledger(ledger: str) -> str:
    """The chain of a ledger."""
    return ledger.rsplit(".", 2)[0].replace("/", ":")


def rows_by_number(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """Rows by the number in their keys; 0 for a key that the service did not write."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        tail = row.key.rpartition(":")[2]
        found.setdefault(int(tail) if tail.isdecimal() else 0, []).append(row)
    return found
