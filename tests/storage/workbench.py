"""The engine on a storage account, with a plan and handlers of the test's own; the test plays the host."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from onboarding.clock import MovedClock
from onboarding.workflow.engine import Engine, Handler, Limits
from onboarding.workflow.outcomes import Done, Outcome, RetryReason, Wait
from onboarding.workflow.plan import Plan, Step
from onboarding.workflow.poison_messages import PoisonMessage, PoisonMessages
from onboarding.workflow.retry import Policy
from onboarding.workflow.run import Event, Head, Run, RunStatus, StepState, StepStatus
from onboarding.workflow.run_index import Index
from onboarding.workflow.run_store import RunStore
from tests.support.accounts import Account
from tests.support.memory import Received
from tests.support.transports import Fuse

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


@dataclass(kw_only=True, slots=True)
class Workbench:
    """One engine, its tables and its queue."""

    engine: Engine
    account: Account
    clock_file: Path
    handlers: dict[str, Handler] = field(default_factory=dict)

    @classmethod
    async def open(
        cls, account: Account, clock_file: Path, *, limits: Limits, policy: Policy = AT_ONCE
    ) -> Self:
        """Make tables and a queue with names of their own."""
        suffix = uuid.uuid4().hex
        for table in ("runs", "index", "messages"):
            await account.create_table(f"{table}{suffix}")
        await account.create_queue(suffix)
        handlers: dict[str, Handler] = {}
        engine = Engine(
            store=RunStore(account.tables, f"runs{suffix}"),
            index=Index(account.tables, f"index{suffix}"),
            queues=account.queues,
            queue=suffix,
            plans={DIAMOND.name: DIAMOND},
            handlers=lambda: handlers,
            clock=MovedClock(clock_file),
            poison_messages=PoisonMessages(account.tables, f"messages{suffix}"),
            limits=limits,
            policies=dict.fromkeys(RetryReason, policy),
        )
        return cls(engine=engine, account=account, clock_file=clock_file, handlers=handlers)

    @property
    def fuse(self) -> Fuse:
        """Through which each call to storage goes."""
        return self.account.fuse

    def on(self, name: str, function: Callable[[Run, StepState], Awaitable[Outcome]]) -> None:
        """Say what carries out a step."""
        self.handlers[name] = function

    async def start(self, run: str = "") -> Head:
        """Accept a run."""
        head = new_head(run)
        assert await self.engine.start(head) is None
        return head

    async def receive(self) -> Received:
        """Take a message that is there from the queue, as a host does; it stays locked."""
        received = await self.receive_any()
        assert received is not None
        return received

    async def receive_any(self) -> Received | None:
        """Take the next message, if there is one."""
        return await self.account.receive(self.engine.queue)

    async def put_back(self, body: bytes) -> None:
        """Send a copy of a message."""
        await self.account.queues.put(self.engine.queue, body)

    async def handle(self, received: Received) -> None:
        """Carry out a message; it is deleted if that works."""
        await self.engine.handle(received.body, received.id)
        await self.complete(received)

    async def complete(self, received: Received) -> None:
        """Delete a message."""
        await self.account.delete(self.engine.queue, received)

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
