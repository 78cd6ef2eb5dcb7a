from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from onboarding.texts import reasons
from onboarding.workflow.outcomes import Done, Failed, Failure, Outcome, Retry, RetryReason, Wait
from onboarding.workflow.retry import Policy
from onboarding.workflow.run import Run, RunStatus, StepState, StepStatus
from onboarding.workflow.runtime import Limits
from tests.storage.workbench import DIAMOND, STALLED, Workbench, new_head
from tests.support.accounts import MemoryAccount
from tests.support.memory_queues import Received
from tests.support.transports import KilledError

ERROR = Failure(code="x", title="t", detail="d")
ANSWERS: dict[str, Outcome[Any]] = {
    "done": Done(result={}),
    "wait": Wait(reason=reasons.WAITS_DAY.of(), after=timedelta(0), give_up_after=timedelta(days=999)),
    "again": Retry(reason=RetryReason.TRANSIENT, error=ERROR),
    "failed": Failed(error=ERROR),
}
SCRIPTS = st.fixed_dictionaries(
    {name: st.lists(st.sampled_from(["wait", "again"]), max_size=2) for name in DIAMOND.steps}
)
DEATHS = st.tuples(st.integers(1, 9), st.booleans())
"""Which storage call of an invocation is its last, and whether that call takes effect."""


class EngineMachine(RuleBasedStateMachine):
    """Whatever happens to messages and workers, each step takes effect and the run ends correctly.

    The outside world is a list of effects. A worker can die at any storage call, and before or after an
    effect; a message can arrive twice, late, at the same time as another one, or be lost.
    """

    def __init__(self, runner: asyncio.Runner, folder) -> None:
        super().__init__()
        self.runner = runner
        self.clock_file = folder / "clock"
        self.clock_file.unlink(missing_ok=True)
        limits = Limits(stalled=STALLED, lease=timedelta(0))
        # Each sweep moves the clock by a quarter of an hour; that must not make a step give up.
        patient = Policy(delays=(0,), give_up_after=timedelta(days=999))
        self.bench = runner.run(
            Workbench.open(MemoryAccount(), self.clock_file, limits=limits, policy=patient)
        )
        self.head = new_head()
        self.effects: list[tuple[str, int]] = []
        self.sent: list[bytes] = []
        self.orphans: list[Received] = []
        self.completed: list[Received] = []
        self.dies_in: tuple[str, bool] | None = None

    @initialize(script=SCRIPTS, failing=st.sampled_from(["", "", "right"]), dies=st.none() | DEATHS)
    def accept(self, script, failing, dies):
        """A request arrives; its worker may die, and then the caller repeats it."""
        self.script = script
        self.failing = failing
        for name in DIAMOND.steps:
            self.bench.on(name, self.carry_out)
        if dies:
            self.let_die(self.bench.runs.start(self.head), dies)
        self.runner.run(self.bench.runs.start(self.head))

    async def carry_out(self, run: Run, step: StepState) -> Outcome[Any]:
        """Record an effect and return the answer of the script."""
        before = DIAMOND.steps[step.name].after
        assert all(run.steps[name].status is StepStatus.SUCCEEDED for name in before), "it started too early"
        assert (step.name, step.attempt) not in self.effects, "one attempt was carried out twice"
        if self.dies_in == (step.name, False):
            raise KilledError
        self.effects.append((step.name, step.attempt))
        if self.dies_in == (step.name, True):
            raise KilledError
        if step.name == self.failing:
            return ANSWERS["failed"]
        script = self.script[step.name]
        return ANSWERS[script[step.tries]] if step.tries < len(script) else ANSWERS["done"]

    def let_die(self, work, death) -> None:
        """Run something until the worker dies at a storage call, if it gets that far."""
        call, after = death
        self.bench.fuse.kill(call, after=after)
        self.attempt(work)
        self.bench.fuse.kill(0, after=False)

    def attempt(self, work) -> bool:
        """Whether the work finished before its worker died."""
        try:
            self.runner.run(work)
        except KilledError:
            return False
        except BaseExceptionGroup as group:
            _, others = group.split(KilledError)
            if others:
                raise
            return False
        return True

    def take(self) -> Received | None:
        """The next message; a message whose worker died is repeated before any other."""
        if self.orphans:
            return self.orphans.pop(0)
        delivery = self.runner.run(self.bench.receive_any())
        if delivery:
            self.sent.append(delivery.body)
        return delivery

    @rule()
    def deliver(self):
        """A worker handles a message."""
        if delivery := self.take():
            self.runner.run(self.bench.handle(delivery))
            self.completed.append(delivery)

    @rule()
    def deliver_two_at_once(self):
        """Two workers handle two messages at the same time."""

        async def both(deliveries: list[Received]) -> None:
            await asyncio.gather(*map(self.bench.handle, deliveries))

        deliveries = [each for each in (self.take(), self.take()) if each]
        self.runner.run(both(deliveries))
        self.completed += deliveries

    @rule(death=DEATHS)
    def die_at_a_storage_call(self, death):
        """A worker dies before or after a call to storage; its message will be repeated."""
        if delivery := self.take():
            self.let_die(self.bench.engine.handle(delivery.body, delivery.id), death)
            self.orphans.append(delivery)

    @rule(name=st.sampled_from(list(DIAMOND.steps)), after=st.booleans())
    def die_around_an_effect(self, name, after):
        """A worker dies directly before or after a step's effect; its message will be repeated."""
        if delivery := self.take():
            self.dies_in = (name, after)
            self.attempt(self.bench.engine.handle(delivery.body, delivery.id))
            self.dies_in = None
            self.orphans.append(delivery)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def duplicate(self, data):
        """A message that was sent before is sent again."""
        self.runner.run(self.bench.put_back(data.draw(st.sampled_from(self.sent))))

    @precondition(lambda self: self.completed)
    @rule(data=st.data())
    def deliver_again(self, data):
        """A message was handled, but its deletion failed: it is delivered again."""
        delivery = data.draw(st.sampled_from(self.completed))
        self.runner.run(self.bench.engine.handle(delivery.body, delivery.id))

    @rule()
    def lose(self):
        """A message is lost, with its worker."""
        if delivery := self.take():
            self.runner.run(self.bench.complete(delivery))

    @rule(at_once=st.booleans())
    def repeat_the_request(self, at_once):
        """The caller repeats the request, at the same moment or later."""
        head = self.head if at_once else new_head(self.head.id)
        existing = self.runner.run(self.bench.runs.start(head))
        assert existing is not None
        assert existing.head == self.head

    @rule()
    def sweep(self):
        """The timer searches for stalled runs; with dead workers that may be all of them."""
        self.runner.run(self.bench.sweep_later())

    @invariant()
    def a_step_that_succeeded_has_had_its_effect(self):
        """Nothing is shown as done that was not done."""
        run = self.runner.run(self.bench.run(self.head))
        for step in run.steps.values():
            if step.status is StepStatus.SUCCEEDED:
                assert any(name == step.name for name, _ in self.effects)

    def teardown(self):
        """Once messages are delivered and timers fire again, the run ends, and leaves nothing."""
        for _ in range(6):
            while delivery := self.take():
                self.runner.run(self.bench.handle(delivery))
            if self.runner.run(self.bench.status(self.head)).final:
                break
            self.runner.run(self.bench.sweep_later())
        self.runner.run(self.bench.sweep_later())
        self.check_the_end()

    def check_the_end(self) -> None:
        """The run has the status that follows from its steps; queue, index and trail agree."""
        assert self.runner.run(self.bench.receive_any()) is None
        assert self.runner.run(self.bench.open_runs()) == []
        status = self.runner.run(self.bench.status(self.head))
        events = self.runner.run(self.bench.events(self.head))
        ended = [event.step for event in events if event.kind in {"succeeded", "failed"}]
        assert len(ended) == len(set(ended)), "an end was reported twice"
        begun = [(event.step, event.attempt) for event in events if event.kind in {"started", "redelivered"}]
        assert len(begun) == len(set(begun)), "a start was reported twice"
        assert set(self.effects) <= set(begun)
        if self.failing:
            assert status is RunStatus.FAILED
        else:
            assert status is RunStatus.SUCCEEDED
            assert {name for name, _ in self.effects} == set(DIAMOND.steps)


def test_the_engine_survives_everything_that_queues_and_workers_do(tmp_path):
    """Deliveries, copies, losses, deaths and sweeps can occur in any order: the run ends correctly."""
    with asyncio.Runner() as runner:
        run_state_machine_as_test(
            lambda: EngineMachine(runner, tmp_path),  # type: ignore[arg-type]
            settings=settings(
                max_examples=50,
                stateful_step_count=8,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
