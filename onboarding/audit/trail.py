"""The audit trail of the service: chains by tenant and month, and lists of their events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from onboarding.audit.audit_event import AuditEvent, chain_in, chain_of, month_of
from onboarding.audit.chain import Chain
from onboarding.storage import keys, names
from onboarding.storage.ledgers import Ledgers
from onboarding.storage.tables import InvalidContinuationError, Range, RowPage, Tables
from onboarding.storage.unreadable_rows import Readable, readable

_SEPARATOR: Final = "~"
_MOST_CHAINS: Final = 60
"""The number of chains that are read for one page. A page can be empty although more follow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailView:
    """Which events a list shows: from a time (included) to a time (excluded)."""

    since: datetime
    until: datetime
    tenant: str = ""
    connection: str = ""
    actor: str = ""  # object ID, or the name of one that has none

    @property
    def chains(self) -> list[Range]:
        """The partitions, in order. Without a tenant, one range has those of all tenants."""
        months = months_of(self.since, self.until)
        tenant = self.connection.partition(".")[0] if self.connection else self.tenant
        if tenant:
            return [Range(chain_in(month, tenant), "") for month in months]
        return [Range(f"{months[0]}:", f"{months[-1]};")]  # ";" is the character after ":"

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that a row must have."""
        wanted = {"connection": self.connection, "actor": self.actor}
        return {name: value for name, value in wanted.items() if value}


class Trail:
    """Adds events, and lists them."""

    def __init__(self, *, tables: Tables, ledgers: Ledgers) -> None:
        self._tables = tables
        self._ledgers = ledgers
        self._chains: dict[str, Chain] = {}

    async def add(self, *events: AuditEvent) -> None:
        """Adds events. They are in the ledger and in the table when it returns. Raises ``AzureError``."""
        chains: dict[str, list[AuditEvent]] = {}
        for event in events:
            chains.setdefault(chain_of(event.tenant, event.at), []).append(event)
        await asyncio.gather(*(self._chain(name).add(found) for name, found in chains.items()))

    def _chain(self, name: str) -> Chain:
        if name not in self._chains:
            self._chains[name] = Chain(name, tables=self._tables, ledgers=self._ledgers)
        return self._chains[name]

    async def page(
        self, view: TrailView, *, size: int, continuation: str = ""
    ) -> tuple[Readable[AuditEvent], str]:
        """Some events, and the continuation: by tenant the oldest first, otherwise by month and tenant."""
        index, token = _opened(continuation)
        last = index + _MOST_CHAINS
        moments = Range(keys.milliseconds(view.since), keys.milliseconds(view.until))
        chains = view.chains
        page = RowPage((), "")
        while index < min(len(chains), last):
            page = await self._tables.page(
                names.AUDIT, chains[index], size=size, keys=moments, columns=view.columns, continuation=token
            )
            if page.rows or page.continuation:
                break
            index, token = index + 1, ""
        if page.continuation:
            following = f"{index}{_SEPARATOR}{page.continuation}"
        else:
            index += index < last  # a chain was read completely, or there is no place to begin with yet
            following = f"{index}{_SEPARATOR}" if index < len(chains) else ""
        return await readable(self._tables, page.rows, AuditEvent.from_row), following

    async def ids(self, run: str, tenant: str, moments: Sequence[datetime]) -> set[str]:
        """The IDs of the events of a run that are in the trail, at the given moments."""
        found: set[str] = set()
        if not moments:
            return found
        first, last = min(moments), max(moments) + timedelta(milliseconds=1)
        within = Range(keys.milliseconds(first), keys.milliseconds(last))
        for month in months_of(first, last):
            continuation, begun = "", False
            while continuation or not begun:
                begun = True
                page = await self._tables.page(
                    names.AUDIT,
                    Range(chain_in(month, tenant), ""),
                    size=1000,
                    keys=within,
                    columns={"run": run},
                    continuation=continuation,
                )
                found |= {event.id for event in await readable(self._tables, page.rows, AuditEvent.from_row)}
                continuation = page.continuation
        return found


def months_of(since: datetime, until: datetime) -> list[str]:
    """The months of a time in UTC, in order."""
    months, moment = [month_of(since)], since.astimezone(UTC)
    while months[-1] < month_of(until):
        moment = (moment.replace(day=1) + timedelta(days=32)).replace(day=1)
        months.append(month_of(moment))
    return months


def _opened(continuation: str) -> tuple[int, str]:
    """The number of the partition and the token of its page."""
    if not continuation:
        return 0, ""
    index, _, token = continuation.partition(_SEPARATOR)
    if not index.isdecimal():
        raise InvalidContinuationError
    return int(index), token
