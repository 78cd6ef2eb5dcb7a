from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.storage.tables import Row
from onboarding.workflow.plan import Plan, Step
from onboarding.workflow.run import Event, Head, Run, RunStatus, StepState, StepStatus

PLAN = Plan(
    "p",
    [
        Step(name="a", title=""),
        Step(name="b", title="", after=("a",)),
        Step(name="c", title="", after=("a",)),
        Step(name="d", title="", after=("b", "c")),
    ],
)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEAD = Head(
    id="r",
    plan="p",
    tenant="t",
    name="Contoso \u2013 'quoted'",
    requester="o",
    requester_name="app x",
    created_at=NOW,
    request={"name": "x"},
    fingerprint="f",
)
LETTERS = {
    "P": StepStatus.PENDING,
    "R": StepStatus.RUNNING,
    "W": StepStatus.WAITING,
    "S": StepStatus.SUCCEEDED,
    "F": StepStatus.FAILED,
}


def run(letters: str) -> Run:
    steps = {
        name: StepState(run="r", name=name, status=LETTERS[letter], attempt=int(letter != "P"))
        for name, letter in zip("abcd", letters, strict=True)
    }
    return Run(head=HEAD, steps=steps)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("PPPP", RunStatus.NOT_STARTED),
        ("RPPP", RunStatus.RUNNING),
        ("SPPP", RunStatus.RUNNING),  # the next steps could begin
        ("SRPP", RunStatus.RUNNING),
        ("SRWP", RunStatus.RUNNING),
        ("SSWP", RunStatus.WAITING),
        ("SWWP", RunStatus.WAITING),
        ("WPPP", RunStatus.WAITING),
        ("SSSP", RunStatus.RUNNING),
        ("SSSS", RunStatus.SUCCEEDED),
        ("FPPP", RunStatus.FAILED),
        ("SFSP", RunStatus.FAILED),
        ("SFRP", RunStatus.RUNNING),  # what still runs is let end
        ("SFWP", RunStatus.FAILED),
        ("SFPP", RunStatus.FAILED),
        ("SSSF", RunStatus.FAILED),
    ],
)
def test_a_status_follows_from_the_steps(letters, expected):
    """The status of a run is never kept, so it can't contradict its steps."""
    assert run(letters).status(PLAN) is expected


def test_these_statuses_are_final():
    """Portals stop looking when a status is final."""
    final = {status.value for status in RunStatus if status.final}
    assert final == {"Succeeded", "Failed", "Cancelled", "RolledBack"}


@pytest.mark.parametrize("letters", ["SSWP", "SFSP", "SSSS", "PPPP"])
def test_a_stopped_run_is_at_work_until_all_is_removed(letters):
    """Whatever its steps say: somebody stopped it, and that is its end once it is undone."""
    stopped = run(letters).head.evolve(stop_as=RunStatus.ROLLED_BACK)
    assert Run(head=stopped, steps=run(letters).steps).status(PLAN) is RunStatus.RUNNING
    undone = Run(head=stopped.evolve(undone=True), steps=run(letters).steps)
    assert undone.status(PLAN) is RunStatus.ROLLED_BACK


def test_a_step_is_ready_when_all_before_it_are_done():
    """A join waits for each of its branches."""
    assert not run("SSRP").ready(PLAN, "d")
    assert run("SSSP").ready(PLAN, "d")
    assert not run("SSSR").ready(PLAN, "d")


def test_results_are_those_of_steps_that_are_done():
    """A step that waits has no result to build on, even if an earlier attempt had one."""
    steps = {
        "a": StepState(run="r", name="a", status=StepStatus.SUCCEEDED, result={"id": 1}),
        "b": StepState(run="r", name="b", status=StepStatus.WAITING, result={"id": 2}),
    }
    assert Run(head=HEAD, steps=steps).results == {"a": {"id": 1}}


MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2200, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
DOCUMENTS = st.dictionaries(TEXT, st.one_of(TEXT, st.integers(), st.booleans(), st.none()), max_size=4)


@given(
    status=st.sampled_from(StepStatus),
    moments=st.tuples(*[st.none() | MOMENTS] * 4),
    texts=st.tuples(TEXT, TEXT, TEXT),
    error=st.none() | DOCUMENTS.filter(bool),
    result=DOCUMENTS,
)
def test_a_step_is_read_as_it_was_written(status, moments, texts, error, result):
    """Nothing of a step is lost on its way through the table."""
    step = StepState(
        run="r",
        name="s",
        status=status,
        attempt=7,
        key=texts[0],
        delivery=texts[1],
        waiting_for=texts[2],
        changed_at=moments[0],
        started_at=moments[1],
        due_at=moments[2],
        since=moments[3],
        tries=3,
        error=error,
        result=result,
    )
    assert StepState.from_row(stored(step.to_row())) == step


def test_a_head_is_read_as_it_was_written():
    """Nothing of a request is lost on its way through the table."""
    assert Head.from_row(stored(HEAD.to_row())) == HEAD


def test_an_event_with_too_many_calls_keeps_the_newest():
    """An audit line always fits into its column; it gives up the oldest calls, never the line."""
    calls = tuple({"path": f"/{number}", "requestId": "x" * 100} for number in range(1000))
    event = Event(run="r", at=NOW, kind="succeeded", step="s", attempt=1, actor="service", calls=calls)
    kept = Event.from_row(stored(event.to_row()))
    assert len(json.dumps(kept.calls)) <= 64_000
    assert 100 < len(kept.calls) < 1000
    assert kept.calls == calls[-len(kept.calls) :]


def stored(row: Row) -> Row:
    """A row as a table gives it back: without what is None."""
    return Row(
        partition=row.partition,
        key=row.key,
        columns={name: value for name, value in row.columns.items() if value is not None},
        etag=row.etag,
    )
