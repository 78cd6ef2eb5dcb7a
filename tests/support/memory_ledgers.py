"""Append-only texts in memory, like those in the container of the audit trail."""

from __future__ import annotations

import asyncio

from onboarding.storage.ledgers import FullLedgerError, Ledgers
from onboarding.storage.tables import ConflictError
from tests.support.memory import Around, Call, nothing


class MemoryLedgers(Ledgers):
    """Append-only texts that last as long as the test."""

    def __init__(self, around: Around = nothing, *, most_blocks: int = 50_000) -> None:
        self._around = around
        self._most_blocks = most_blocks
        self._blocks: dict[str, list[bytes]] = {}

    async def append(self, name: str, data: bytes, *, at: int) -> None:
        """Append to a ledger that ends at a position."""
        async with self._around(Call(name="append", place=name, writes=True)):
            await asyncio.sleep(0)
            blocks = self._blocks.setdefault(name, [])
            if sum(map(len, blocks)) != at:
                raise ConflictError(f"{name} at {at}")
            if len(blocks) >= self._most_blocks:
                raise FullLedgerError(name)
            blocks.append(data)
        await asyncio.sleep(0)

    async def read(self, name: str, start: int = 0) -> bytes:
        """A ledger from a position on."""
        async with self._around(Call(name="read", place=name)):
            return b"".join(self._blocks[name])[start:]

    async def sizes(self, prefix: str) -> dict[str, int]:
        """The ledgers whose names have a prefix."""
        async with self._around(Call(name="sizes", place=prefix)):
            names = sorted(name for name in self._blocks if name.startswith(prefix))
            return {name: sum(map(len, self._blocks[name])) for name in names}

    async def ping(self) -> None:
        """It always responds."""
