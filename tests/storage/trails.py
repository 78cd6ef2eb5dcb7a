"""Hosts that share an audit trail and its append-only copy, in memory."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from azure.core.exceptions import HttpResponseError

from onboarding.audit.audit_event import AuditEvent
from onboarding.audit.selection import Selection
from onboarding.audit.trail import Trail, TrailView
from onboarding.audit.verification import GapReason, Verification, Verified
from onboarding.storage import names
from onboarding.storage.ledgers import Ledgers
from onboarding.storage.tables import Row, Write
from tests.support import memory
from tests.support.memory import MemoryTables
from tests.support.memory_ledgers import MemoryLedgers

TENANT: Final = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
OTHER: Final = "8b1f6c70-58d3-4f0e-8e21-7b5d3c9f0a46"
AT: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)
CHAIN: Final = f"202611:{TENANT}"


def event(number: int, *, tenant: str = TENANT, **more: Any) -> AuditEvent:
    """An event that a number identifies and dates."""
    fields = {
        "id": f"{number}",
        "at": AT + timedelta(seconds=number),
        "kind": "renew_secret",
        "actor": "Kim",
        "actor_id": "kim-id",
        "connection": f"{tenant}.c",
        **more,
    }
    return AuditEvent(tenant=tenant, **fields)


class Trails:
    """Hosts that share a table and its copy."""

    def __init__(self, *, most_blocks: int = 50_000) -> None:
        self._breaks = False
        self.tables = MemoryTables(self._around)
        self.tables.create(names.AUDIT)
        self.tables.create(names.SERVICE)
        self.ledgers = MemoryLedgers(most_blocks=most_blocks)
        self.verification = Verification(tables=self.tables, ledgers=self.ledgers)

    @contextlib.asynccontextmanager
    async def _around(self, call: memory.Call) -> AsyncIterator[None]:
        if self._breaks and call.writes:
            raise HttpResponseError(message="503")
        yield

    @contextlib.contextmanager
    def broken(self) -> Iterator[None]:
        """Let the table refuse every write."""
        self._breaks = True
        yield
        self._breaks = False

    def host(self, ledgers: Ledgers | None = None) -> Trail:
        """The trail as one host has it."""
        return Trail(tables=self.tables, ledgers=ledgers or self.ledgers)

    async def put(self, row: Row) -> None:
        """Write a row, as somebody with access to the table does."""
        await self.tables.write(names.AUDIT, row, Write.UPSERT)

    async def rows(self, chain: str = CHAIN) -> list[Row]:
        """The rows of a chain."""
        return await self.tables.query(names.AUDIT, chain)

    async def events(self, **view: Any) -> list[AuditEvent]:
        """All events of a view, page by page."""
        found: list[AuditEvent] = []
        continuation, begun = "", False
        wanted = TrailView(**{"since": AT, "until": AT + timedelta(days=99), **view})
        while continuation or not begun:
            begun = True
            page, continuation = await self.host().page(wanted, size=3, continuation=continuation)
            found += page
        return found

    async def verified(self, until: datetime = AT) -> Verified:
        """The verdict about the trail until a moment."""
        selection = Selection(since=AT, until=until)
        return await self.verification.run(selection, seconds=60)

    async def gap(self) -> tuple[str, int, GapReason] | None:
        """The chain, number and reason of the first event with a fault."""
        verdict = await self.verified(AT + timedelta(days=60))
        return (verdict.gap.chain, verdict.gap.number, verdict.gap.reason) if verdict.gap else None
