"""Measures a sweep with 100 warnings due, among few and among many connections, and prints the ratios.

Run it with ``make bench`` or ``python -m tests.bench.sweep``. It is not a test, because the results depend on
the load of the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from infra.local.storage import Storage
from onboarding.connections.cadence import SECRET
from onboarding.connections.calendar import Calendar
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.connections.warning_schedule import ScheduledWarning, WarningSchedule
from onboarding.expiry.expiry_sweep import ExpirySweep
from onboarding.notices import delivery_plans
from onboarding.notices.announcing import Notices
from onboarding.notices.open_matters import OpenMatters
from onboarding.notices.routing import Routing
from onboarding.notices.subscribers import Subscribers
from onboarding.storage import names, protocol
from onboarding.storage.queues import Queues
from onboarding.storage.tables import Row, Tables, Write
from onboarding.workflow.run_index import RunIndex
from onboarding.workflow.run_store import RunStore
from onboarding.workflow.runtime import Runtime
from tests.support.connections import CADENCE, connection
from tests.support.transports import Fuse, Wire

FEW: Final = 1_000
MANY: Final = 20_000
DUE: Final = 100
ROUNDS: Final = 5
START: Final = datetime(2030, 1, 1, tzinfo=UTC)
_BATCH: Final = 100  # rows in one transaction


class StandingClock:
    """A clock that does not advance until it is set."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        """The moment that was set."""
        return self.moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """The sweep with its services, on its own storage."""

    tables: Tables
    sweep: ExpirySweep
    clock: StandingClock
    fuse: Fuse

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, account: str) -> AsyncIterator[Deployment]:
        """Open it on the storage account of a connection string."""
        clock, fuse = StandingClock(), Fuse()
        async with (
            TableServiceClient.from_connection_string(account, transport=Wire(fuse)) as table_service,
            QueueServiceClient.from_connection_string(account, api_version=protocol.VERSION) as queue_service,
        ):
            tables = Tables(table_service)
            runs = Runtime(
                store=RunStore(tables, names.NOTICES),
                index=RunIndex(tables, names.NOTICE_INDEX, history=False),
                queues=Queues(queue_service),
                queue=names.NOTICES_QUEUE,
                plans=delivery_plans.PLANS,
                services=lambda _: None,
                clock=clock,
            )
            sweep = ExpirySweep(
                warning_schedule=WarningSchedule(tables, CADENCE, Calendar(tables)),
                connections=ConnectionStore(tables),
                notices=Notices(
                    runs=runs,
                    clock=clock,
                    routing=Routing(),
                    subscribers=Subscribers(tables, lambda: cast("Any", None)),
                    matters=OpenMatters(tables),
                ),
                cadence=CADENCE,
                audit=RunStore(tables, names.ONBOARDINGS),
                clock=clock,
            )
            yield cls(tables=tables, sweep=sweep, clock=clock, fuse=fuse)

    async def fill(self, size: int) -> None:
        """Create connections: 100 are due on each of the first days, the others later."""
        made = sorted(
            (connection(_ends_at(number), name=f"C-{number}") for number in range(size)),
            key=lambda each: each.secret.ends_at,
        )
        await self._write(names.CONNECTIONS, (each.to_row() for each in made))
        await self._write(names.WARNINGS, (_planned(each) for each in made))

    async def _write(self, table: str, rows: Iterable[Row]) -> None:
        for _, found in itertools.groupby(rows, key=lambda row: row.partition):
            for batch in _batches(found):
                await self.tables.transact(table, [(Write.INSERT, row) for row in batch])

    async def cost(self) -> tuple[float, float]:
        """The median seconds and the median number of table calls of a sweep with 100 warnings due."""
        seconds, calls = [], []
        for number in range(ROUNDS):
            self.clock.moment = START + timedelta(days=number, hours=1)
            begun, before = time.perf_counter(), self.fuse.calls
            announced = await self.sweep.run()
            seconds.append(time.perf_counter() - begun)
            calls.append(self.fuse.calls - before)
            assert announced.done == DUE, announced
        return statistics.median(seconds), statistics.median(calls)


def _ends_at(number: int) -> datetime:
    """The date on which a connection's secret expires, so that its first warning is due at its sweep."""
    day = number // DUE if number < DUE * ROUNDS else ROUNDS + number % 365
    return START + timedelta(days=day) + CADENCE.earliest


def _planned(record: Connection) -> Row:
    ends_at = record.secret.ends_at
    return ScheduledWarning(
        connection=record.id,
        tenant=record.tenant,
        kind=SECRET,
        ends_at=ends_at,
        warning=CADENCE.first(ends_at, START - timedelta(days=1)),
    ).to_row()


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while batch := list(itertools.islice(remaining, _BATCH)):
        yield batch


async def measure(size: int) -> tuple[float, float]:
    """The cost of a sweep with this many connections: seconds and calls."""
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(Path(folder))
        await storage.start()
        async with Deployment.open(storage.account.connection_string) as deployment:
            await deployment.fill(size)
            cost = await deployment.cost()
        await storage.stop()
        return cost


async def main() -> None:
    """Measures and prints."""
    few, many = await measure(FEW), await measure(MANY)
    lines = [
        f"A sweep with {DUE} warnings due, median of {ROUNDS}:",
        f"  among {FEW:6,} connections {few[0]:.2f} s, {few[1]:.0f} calls of tables",
        f"  among {MANY:6,} connections {many[0]:.2f} s, {many[1]:.0f} calls of tables",
        f"  {many[0] / few[0]:.2f} times as long, {many[1] / few[1]:.2f} times as many calls",
    ]
    print(*lines, sep="\n")  # noqa: T201 - a program's output


if __name__ == "__main__":
    asyncio.run(main())
