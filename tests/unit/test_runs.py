from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.calls import CloudCall
from onboarding.errors import Finding
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Row
from onboarding.workflow.outcomes import Done, Failure
from onboarding.workflow.plan import Context, Plan, Step
from onboarding.workflow.run import Author, Event, Head, Run, RunStatus, StepState, StepStatus


async def nothing(context: Context[None, dict[str, Any]]) -> Done[dict[str, Any]]:
    """Do nothing."""
    return Done(result={"run": context.id})


def step(name: str, *after: str) -> Step[None, dict[str, Any], dict[str, Any]]:
    return Step(name=name, title="", handler=nothing, result=Codec(dict), after=after)


PLAN = Plan("p", Codec(dict), step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEAD = PLAN.head(
    "r",
    {"name": "Contoso \u2013 'quoted'"},
    author=Author(name="app x", id="x"),
    created_at=NOW,
    lists={"owner": "o", "place": "p"},
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
        ("SPPP", RunStatus.RUNNING),  # the next steps can start
        ("SRPP", RunStatus.RUNNING),
        ("SRWP", RunStatus.RUNNING),
        ("SSWP", RunStatus.WAITING),
        ("SWWP", RunStatus.WAITING),
        ("WPPP", RunStatus.WAITING),
        ("SSSP", RunStatus.RUNNING),
        ("SSSS", RunStatus.SUCCEEDED),
        ("FPPP", RunStatus.FAILED),
        ("SFSP", RunStatus.FAILED),
        ("SFRP", RunStatus.RUNNING),  # running steps can finish
        ("SFWP", RunStatus.FAILED),
        ("SFPP", RunStatus.FAILED),
        ("SSSF", RunStatus.FAILED),
    ],
)
def test_a_status_follows_from_the_steps(letters, expected):
    """The status of a run is not stored, so it cannot contradict its steps."""
    assert PLAN.status(run(letters)) is expected


def test_these_statuses_are_final():
    """Portals stop polling when a status is final."""
    final = {status.value for status in RunStatus if status.final}
    assert final == {"Succeeded", "Failed", "Cancelled", "RolledBack"}


@pytest.mark.parametrize("letters", ["SSWP", "SFSP", "SSSS", "PPPP"])
def test_a_stopped_run_is_at_work_until_all_is_removed(letters):
    """A stopped run has the status of an undo in progress until it is undone, whatever its steps are."""
    stopped = run(letters).head.evolve(stop_as=RunStatus.ROLLED_BACK)
    assert PLAN.status(Run(head=stopped, steps=run(letters).steps)) is RunStatus.ROLLING_BACK
    undone = Run(head=stopped.evolve(undone=True), steps=run(letters).steps)
    assert PLAN.status(undone) is RunStatus.ROLLED_BACK


def test_a_step_is_ready_when_all_before_it_are_done():
    """A step waits for each step that it needs."""
    assert not PLAN.ready(run("SSRP"), "d")
    assert PLAN.ready(run("SSSP"), "d")
    assert not PLAN.ready(run("SSSR"), "d")


def test_results_are_those_of_steps_that_are_done():
    """Only succeeded steps have results, even if an earlier attempt had one."""
    first, second = PLAN.steps["a"], PLAN.steps["b"]
    steps = {
        "a": StepState(run="r", name="a", status=StepStatus.SUCCEEDED, result=first.dump({"id": 1})),
        "b": StepState(run="r", name="b", status=StepStatus.WAITING, result=second.dump({"id": 2})),
    }
    found = Run(head=HEAD, steps=steps)
    assert first.result_of(found) == first.found_in(found) == {"id": 1}
    assert second.found_in(found) is second.found_in(None) is None
    with pytest.raises(LookupError, match="step b of run r"):
        second.result_of(found)


def test_a_request_is_what_was_asked_for():
    """A plan reads the request that it has written."""
    assert PLAN.request_of(HEAD) == {"name": "Contoso \u2013 'quoted'"}


MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2200, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
FAILURES = st.builds(
    Failure,
    code=TEXT,
    title=TEXT,
    detail=TEXT,
    remedy=TEXT,
    request_id=TEXT,
    findings=st.lists(st.builds(Finding, code=TEXT, detail=TEXT, args=st.just({})), max_size=2).map(tuple),
)


@given(
    status=st.sampled_from(StepStatus),
    moments=st.tuples(*[st.none() | MOMENTS] * 4),
    texts=st.tuples(TEXT, TEXT, TEXT),
    error=st.none() | FAILURES,
    result=TEXT,
)
def test_a_step_is_read_as_it_was_written(status, moments, texts, error, result):
    """A step is unchanged after it was stored in the table."""
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
    """A request is unchanged after it was stored in the table."""
    assert Head.from_row(stored(HEAD.to_row())) == HEAD


def test_an_event_with_too_many_calls_keeps_the_newest():
    """An event that is too long for its column loses its oldest calls, and is never dropped itself."""
    calls = tuple(
        CloudCall(service="s", method="GET", path=f"/{number}", status=200, request_id="x" * 100)
        for number in range(1000)
    )
    event = Event(run="r", at=NOW, kind="succeeded", step="s", attempt=1, actor="service", calls=calls)
    kept = Event.from_row(stored(event.to_row()))
    assert len(event.to_row().columns["document"]) <= 32_000
    assert 100 < len(kept.calls) < 1000
    assert kept.calls == calls[-len(kept.calls) :]


def stored(row: Row) -> Row:
    """A row as a table returns it, without properties that are None."""
    return Row(
        partition=row.partition,
        key=row.key,
        columns={name: value for name, value in row.columns.items() if value is not None},
        etag=row.etag,
    )
