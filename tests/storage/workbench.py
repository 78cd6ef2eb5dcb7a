"""The engine on a storage account, with a plan and handlers for one test; the workbench acts as the host."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from onboarding.clock import MovedClock
from onboarding.storage.codec import Codec
from onboarding.texts import reasons
from onboarding.workflow import interventions
from onboarding.workflow.engine import Engine
from onboarding.workflow.outcomes import Done, Failure, Outcome, RetryReason, Wait
from onboarding.workflow.plan import Context, Plan, Step
from onboarding.workflow.poison_messages import PoisonMessage, PoisonMessages
from onboarding.workflow.retry import Policy
from onboarding.workflow.run import Author, Event, Head, Run, RunStatus, StepState, StepStatus
from onboarding.workflow.run_index import RunIndex
from onboarding.workflow.run_store import RunStore
from onboarding.workflow.runtime import Limits, Runtime
from tests.support.accounts import Account
from tests.support.memory_queues import Received
from tests.support.transports import Fuse

Result = dict[str, Any]
Handler = Callable[[Run, StepState], Awaitable[Outcome[Result]]]
Handlers = dict[str, Handler]

WHO = Author(name="operator x", id="00000000-0000-4000-8000-000000000001")


async def carry_out(context: Context[Handlers, Result]) -> Outcome[Result]:
    """Let the test's own handler carry out a step."""
    return await context.services[context.step.name](context.run, context.step)


def step(name: str, *after: str) -> Step[Handlers, Result, Result]:
    """A step whose handler a test chooses."""
    return Step(name=name, title="", handler=carry_out, result=Codec(dict), after=after)


DIAMOND = Plan(
    "diamond",
    Codec(dict),
    step("first"),
    step("left", "first"),
    step("right", "first"),
    step("last", "left", "right"),
)
AT_ONCE = Policy(delays=(0,), give_up_after=timedelta(minutes=30))
STALLED = timedelta(minutes=15)
ERROR = Failure(code="away", title="t", detail="d")
LOOKS_AGAIN = Wait(reason=reasons.WAITS_DAY.of(), after=timedelta(0), give_up_after=timedelta(hours=1))


@dataclass(kw_only=True, slots=True)
class Workbench:
    """One engine, its tables and its queue."""

    engine: Engine
    runs: Runtime
    poison_messages: PoisonMessages
    account: Account
    clock_file: Path
    handlers: Handlers = field(default_factory=dict)

    @classmethod
    async def open(
        cls, account: Account, clock_file: Path, *, limits: Limits, policy: Policy = AT_ONCE
    ) -> Self:
        """Create tables and a queue with names of their own."""
        suffix = uuid.uuid4().hex
        for table in ("runs", "index", "messages"):
            await account.create_table(f"{table}{suffix}")
        await account.create_queue(suffix)
        handlers: Handlers = {}
        runs = Runtime(
            store=RunStore(account.tables, f"runs{suffix}"),
            index=RunIndex(account.tables, f"index{suffix}", owner="owner"),
            queues=account.queues,
            queue=suffix,
            plans={DIAMOND.name: DIAMOND},
            services=lambda _: handlers,
            clock=MovedClock(clock_file),
            limits=limits,
            policies=dict.fromkeys(RetryReason, policy),
        )
        poison_messages = PoisonMessages(account.tables, f"messages{suffix}")
        return cls(
            engine=Engine(runs, poison_messages),
            runs=runs,
            poison_messages=poison_messages,
            account=account,
            clock_file=clock_file,
            handlers=handlers,
        )

    @property
    def fuse(self) -> Fuse:
        """The fuse through which each call to storage passes."""
        return self.account.fuse

    def on(self, name: str, function: Handler) -> None:
        """Set the handler of a step."""
        self.handlers[name] = function

    async def start(self, run: str = "", *, owner: str = "o", place: str = "p") -> Head:
        """Accept a run."""
        head = new_head(run, owner=owner, place=place)
        assert await self.runs.start(head) is None
        return head

    async def receive(self) -> Received:
        """Receive an expected message from the queue, as a host does; it stays locked."""
        received = await self.receive_any()
        assert received is not None
        return received

    async def receive_any(self) -> Received | None:
        """Receive the next message, if there is one."""
        return await self.account.receive(self.runs.queue)

    async def put_back(self, body: bytes) -> None:
        """Send a copy of a message."""
        await self.account.queues.put(self.runs.queue, body)

    async def handle(self, received: Received) -> None:
        """Handle a message, and delete it if that succeeds."""
        await self.engine.handle(received.body, received.id)
        await self.complete(received)

    async def complete(self, received: Received) -> None:
        """Delete a message."""
        await self.account.delete(self.runs.queue, received)

    async def drain(self) -> int:
        """Handle all messages, one after another, until none is left; return how many."""
        count = 0
        while delivery := await self.receive_any():
            await self.handle(delivery)
            count += 1
        return count

    async def sweep_later(self) -> int:
        """Sweep at a time when every stalled run has been stalled for too long."""
        self.advance(STALLED + timedelta(minutes=1))
        return await self.engine.sweep()

    def advance(self, by: timedelta) -> None:
        """Move the engine's clock forward."""
        offset = self.runs.clock.now() - datetime.now(UTC) + by
        self.clock_file.write_text(str(offset.total_seconds()))

    async def run(self, head: Head) -> Run:
        """The current state of a run."""
        run = await self.runs.store.load(head.id)
        assert run is not None
        return run

    async def status(self, head: Head) -> RunStatus:
        """The status of a run."""
        return DIAMOND.status(await self.run(head))

    async def statuses(self, head: Head) -> dict[str, StepStatus]:
        """The statuses of a run's steps."""
        return {name: step.status for name, step in (await self.run(head)).steps.items()}

    async def events(self, head: Head) -> list[Event]:
        """The audit trail of a run."""
        found, continuation = await self.runs.store.events(head.id, size=1000)
        assert not continuation
        return found

    async def messages(self) -> list[PoisonMessage]:
        """The poison messages."""
        found, _ = await self.poison_messages.page(size=100)
        return found

    async def open_runs(self) -> list[str]:
        """The runs that a sweep would check."""
        return [entry.run async for entry in self.runs.index.unfinished()]


def new_head(run: str = "", *, owner: str = "o", place: str = "p") -> Head:
    """The head of a run that starts now."""
    lists = {"owner": owner, "place": place}
    return DIAMOND.head(
        run or str(uuid.uuid4()), {}, author=Author(name="app x"), created_at=datetime.now(UTC), lists=lists
    )


async def done(_run: Run, step: StepState) -> Outcome[Result]:
    """The simplest handler, which succeeds."""
    return Done(result={"by": f"{step.name}-{step.attempt}"})


async def meeting(barrier: asyncio.Barrier) -> None:
    """Continue only when another one arrives, too."""
    async with asyncio.timeout(10):
        await barrier.wait()


def kinds(events: list[Event]) -> list[tuple[str, str, int]]:
    """The events of an audit trail without their times, in an order that does not depend on times."""
    return sorted((event.step, event.kind, event.attempt) for event in events)


async def stopped(bench: Workbench, head: Head) -> Run:
    """A run after somebody has stopped it."""
    run = await interventions.stop(bench.runs, head.id, RunStatus.CANCELLED, WHO)
    assert run is not None
    return run
