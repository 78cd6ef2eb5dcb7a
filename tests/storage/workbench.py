"""The engine on real storage, with a plan and handlers of the test's own; the test plays the host."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from azure.data.tables.aio import TableServiceClient
from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy
from azure.storage.queue.aio import QueueServiceClient

from onboarding.clock import MovedClock
from onboarding.storage import queues, tables
from onboarding.workflow.engine import Engine, Handler, Limits
from onboarding.workflow.outcomes import Done, Outcome, RetryReason, Wait
from onboarding.workflow.plan import Plan, Step
from onboarding.workflow.poison_messages import PoisonMessage, PoisonMessages
from onboarding.workflow.retry import Policy
from onboarding.workflow.run import Event, Head, Run, RunStatus, StepState, StepStatus
from onboarding.workflow.run_index import Index
from onboarding.workflow.run_store import RunStore
from tests.support.transports import Wire

DIAMOND = Plan(
    "diamond",
    [
        Step(name="first", title=""),
        Step(name="left", title="", after=("first",)),
        Step(name="right", title="", after=("first",)),
        Step(name="last", title="", after=("left", "right")),
    ],
)
AT_ONCE = Policy(delays=(0,), give_up_after=timedelta(minutes=30))
STALLED = timedelta(minutes=15)
ERROR = {"code": "away", "title": "t", "detail": "d"}
LOOKS_AGAIN = Wait(reason="w", after=timedelta(0), give_up_after=timedelta(hours=1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """A message as a host gets it."""

    id: str
    receipt: str
    body: bytes


@dataclass(kw_only=True, slots=True)
class Workbench:
    """One engine, its tables and its queue."""

    engine: Engine
    tables: TableServiceClient
    queues: QueueServiceClient
    wire: Wire
    clock_file: Path
    handlers: dict[str, Handler] = field(default_factory=dict)

    @classmethod
    async def open(cls, account: str, clock_file: Path, *, limits: Limits, policy: Policy = AT_ONCE) -> Self:
        """Make tables and a queue with names of their own."""
        wire, suffix = Wire(), uuid.uuid4().hex
        table_service = TableServiceClient.from_connection_string(account, transport=wire, **tables.RETRIES)
        queue_service = QueueServiceClient.from_connection_string(account, transport=wire, **queues.RETRIES)
        for table in ("runs", "index", "messages"):
            await table_service.create_table(f"{table}{suffix}")
        await queue_service.create_queue(suffix)
        handlers: dict[str, Handler] = {}
        engine = Engine(
            store=RunStore(tables.Tables(table_service), f"runs{suffix}"),
            index=Index(tables.Tables(table_service), f"index{suffix}"),
            queues=queues.Queues(queue_service),
            queue=suffix,
            plans={DIAMOND.name: DIAMOND},
            handlers=lambda: handlers,
            clock=MovedClock(clock_file),
            poison_messages=PoisonMessages(tables.Tables(table_service), f"messages{suffix}"),
            limits=limits,
            policies=dict.fromkeys(RetryReason, policy),
        )
        return cls(
            engine=engine,
            tables=table_service,
            queues=queue_service,
            wire=wire,
            clock_file=clock_file,
            handlers=handlers,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self.tables.close()
        await self.queues.close()

    def on(self, name: str, function: Callable[[Run, StepState], Awaitable[Outcome]]) -> None:
        """Say what carries out a step."""
        self.handlers[name] = function

    async def start(self, run: str = "") -> Head:
        """Accept a run."""
        head = new_head(run)
        assert await self.engine.start(head) is None
        return head

    async def receive(self) -> Delivery:
        """Take a message that is there from the queue, as a host does; it stays locked."""
        delivery = await self.receive_any()
        assert delivery is not None
        return delivery

    async def receive_any(self) -> Delivery | None:
        """Take the next message, if there is one."""
        client = self.queues.get_queue_client(
            self.engine.queue, message_decode_policy=TextBase64DecodePolicy()
        )
        message = await client.receive_message(visibility_timeout=3600)
        if message is None:
            return None
        return Delivery(id=message.id, receipt=str(message.pop_receipt), body=str(message.content).encode())

    async def put_back(self, body: bytes) -> None:
        """Send a copy of a message."""
        client = self.queues.get_queue_client(
            self.engine.queue, message_encode_policy=TextBase64EncodePolicy()
        )
        await client.send_message(body.decode())

    async def handle(self, delivery: Delivery) -> None:
        """Carry out a message; it is deleted if that works."""
        await self.engine.handle(delivery.body, delivery.id)
        await self.complete(delivery)

    async def complete(self, delivery: Delivery) -> None:
        """Delete a message."""
        client = self.queues.get_queue_client(self.engine.queue)
        await client.delete_message(delivery.id, delivery.receipt)

    async def drain(self) -> int:
        """Carry out all messages, one after another, until none is left; returns how many."""
        count = 0
        while delivery := await self.receive_any():
            await self.handle(delivery)
            count += 1
        return count

    async def sweep_later(self) -> int:
        """Sweep at a time when everything that stands still has done so for too long."""
        self.advance(STALLED + timedelta(minutes=1))
        return await self.engine.sweep()

    def advance(self, by: timedelta) -> None:
        """Move the engine's clock on."""
        offset = self.engine.clock.now() - datetime.now(UTC) + by
        self.clock_file.write_text(str(offset.total_seconds()))

    async def run(self, head: Head) -> Run:
        """A run as it is kept."""
        run = await self.engine.store.load(head.id)
        assert run is not None
        return run

    async def status(self, head: Head) -> RunStatus:
        """The status of a run."""
        return (await self.run(head)).status(DIAMOND)

    async def statuses(self, head: Head) -> dict[str, StepStatus]:
        """The statuses of a run's steps."""
        return {name: step.status for name, step in (await self.run(head)).steps.items()}

    async def events(self, head: Head) -> list[Event]:
        """The audit trail of a run."""
        found, continuation = await self.engine.store.events(head.id, size=1000)
        assert not continuation
        return found

    async def messages(self) -> list[PoisonMessage]:
        """The messages that were given up."""
        found, _ = await self.engine.poison_messages.page(size=100)
        return found

    async def open_runs(self) -> list[str]:
        """The runs that a sweep would look at."""
        return [entry.run async for entry in self.engine.index.unfinished()]


def new_head(run: str = "") -> Head:
    """The head of a run that begins now."""
    return Head(
        id=run or str(uuid.uuid4()),
        plan=DIAMOND.name,
        tenant="t",
        name="n",
        requester="o",
        requester_name="app x",
        created_at=datetime.now(UTC),
        request={},
        fingerprint="f",
    )


async def done(_run: Run, step: StepState) -> Outcome:
    """The simplest handler: it is done."""
    return Done(result={"by": f"{step.name}-{step.attempt}"})


async def meeting(barrier: asyncio.Barrier) -> None:
    """Go on only if another one comes, too."""
    async with asyncio.timeout(10):
        await barrier.wait()


def kinds(events: list[Event]) -> list[tuple[str, str, int]]:
    """What an audit trail says, without the times, in an order that does not depend on them."""
    return sorted((event.step, event.kind, event.attempt) for event in events)
