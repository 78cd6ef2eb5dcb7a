from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from onboarding.storage.tables import InvalidContinuationError
from onboarding.workflow.run import Head, RunStatus
from onboarding.workflow.run_index import RunIndex
from onboarding.workflow.run_view import RunView
from tests.support.accounts import both

NOW = datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC)


def head(number: int, *, requester: str = "alice", tenant: str = "t1") -> Head:
    """The head of a run; a higher number is older, and twenty runs span three months."""
    return Head(
        id=f"run-{number:03}",
        plan="p",
        actor="n",
        created_at=NOW - timedelta(days=3 * number),
        lists={"requester": requester, "tenant": tenant},
    )


async def all_of(index: RunIndex, view: RunView, size: int = 3) -> list[str]:
    """The runs of a view, page by page."""
    found: list[str] = []
    continuation = ""
    while True:
        entries, continuation = await index.page(view, size=size, continuation=continuation)
        assert len(entries) <= size
        found += [entry.run for entry in entries]
        if not continuation:
            return found


async def closed(index: RunIndex, run: Head, status: RunStatus) -> None:
    """Record that a run has ended."""
    await index.end(await index.close(run, status))


@pytest.fixture
def index(tables, table):
    return RunIndex(tables, table, owner="requester")


@pytest.fixture
async def filled(tables, table):
    """Twenty runs of two callers and two tenants: two new, four open, ten succeeded, four failed."""
    index = RunIndex(tables, table, owner="requester")
    heads = [
        head(n, requester="alice" if n % 2 else "bob", tenant="t1" if n % 3 else "t2") for n in range(20)
    ]
    await asyncio.gather(*map(index.announce, heads))
    await asyncio.gather(*map(index.begin, heads[2:]))
    await asyncio.gather(*(closed(index, each, RunStatus.SUCCEEDED) for each in heads[6:16]))
    await asyncio.gather(*(closed(index, each, RunStatus.FAILED) for each in heads[16:]))
    return index


def runs(numbers) -> list[str]:
    return [f"run-{number:03}" for number in numbers]


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (RunView(), range(20)),
        (RunView(lists={"requester": "alice"}), range(1, 20, 2)),
        (RunView(lists={"requester": "nobody"}), []),
        (RunView(lists={"tenant": "t2"}), range(0, 20, 3)),
        (RunView(lists={"requester": "alice", "tenant": "t2"}), range(3, 20, 6)),
        (RunView(status=RunStatus.NOT_STARTED), [0, 1]),
        (RunView(status=RunStatus.RUNNING), range(2, 6)),  # the steps show which of the open ones are running
        (RunView(status=RunStatus.SUCCEEDED), range(6, 16)),
        (RunView(status=RunStatus.FAILED), range(16, 20)),
        (RunView(lists={"tenant": "t2"}, status=RunStatus.FAILED), [18]),
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [1, 3, 50])
async def test_a_view_shows_its_runs_newest_first(filled, view, expected, size):
    """Over months and pages a view shows each of its runs once, the newest first."""
    found = await all_of(filled, view, size)
    shown = [run for run in found if run in runs(expected)]
    assert shown == runs(expected)
    if view.status is None or not view.lists:
        assert found == shown


@pytest.mark.parametrize("status", [None, RunStatus.NOT_STARTED, RunStatus.RUNNING])
@both
async def test_a_page_of_an_owner_reads_no_rows_of_others(index, status):
    """However many runs others have just requested, the first page of an owner is full."""
    mine = [head(n) for n in range(30, 34)]
    await asyncio.gather(*map(index.announce, mine))
    others = [head(n, requester="bob") for n in range(25)]
    await asyncio.gather(*map(index.announce, others))
    if status is RunStatus.RUNNING:
        await asyncio.gather(*map(index.begin, [*mine, *others]))
    view = RunView(lists={"requester": "alice"}, status=status)
    entries, _ = await index.page(view, size=3)
    assert [entry.run for entry in entries] == runs(range(30, 33))


@both
async def test_what_is_left_of_a_run_that_never_was_is_removed(index):
    """An announcement without a run leaves no row, also not in its owner's list."""
    await index.announce(head(1))
    (entry,) = [entry async for entry in index.unfinished()]
    await index.forget(entry)
    assert await all_of(index, RunView(lists={"requester": "alice"})) == []


@both
async def test_an_owners_open_runs_are_counted_up_to_one(index):
    """A run knows how many of its owner's open runs are older; other owners' runs do not count."""
    heads = [head(n) for n in range(5)]
    await asyncio.gather(*map(index.announce, [*heads, *(head(n, requester="bob") for n in range(9, 12))]))
    await asyncio.gather(*map(index.begin, heads[2:]))
    mine = {"requester": "alice"}
    assert [await index.count_open(mine, most=3, before=run) for run in heads] == [3, 3, 2, 1, 0]
    assert await index.count_open(mine, most=9) == 5
    await closed(index, heads[4], RunStatus.SUCCEEDED)
    assert await index.count_open(mine, most=3, before=heads[2]) == 1
    assert await index.count_open(mine, most=9) == 4


@pytest.mark.parametrize(
    "token", ["x", "9.", "-1.", "0.x", ".", "\u0661.", "0", "1.1.1", "9" * 5000, "00.", "\ud800."]
)
async def test_a_continuation_of_another_list_is_refused(filled, token):
    """An invented continuation token is an error, and never returns another list."""
    if token in {"0", "."}:
        return
    with pytest.raises(InvalidContinuationError):
        await filled.page(RunView(), size=3, continuation=token)


async def test_the_sweep_finds_what_is_not_finished(filled):
    """The sweep finds new and open runs without reading finished ones."""
    assert {entry.run async for entry in filled.unfinished()} == set(runs(range(6)))


@both
async def test_moving_a_run_on_can_be_repeated(index):
    """A move can be repeated after a crash; the run is in each list once."""
    run = head(1)
    for _ in range(2):
        await index.announce(run)
    for _ in range(2):
        await index.begin(run)
    assert await all_of(index, RunView()) == [run.id]
    for _ in range(2):
        await closed(index, run, RunStatus.SUCCEEDED)
    assert await all_of(index, RunView(status=RunStatus.SUCCEEDED)) == [run.id]
    assert [entry.run async for entry in index.unfinished()] == []


async def test_without_history_nothing_is_left(tables, table):
    """Runs without history leave no row behind."""
    index = RunIndex(tables, table, history=False)
    run = head(1)
    await index.announce(run)
    await index.begin(run)
    assert [entry.run async for entry in index.unfinished()] == [run.id]
    await closed(index, run, RunStatus.SUCCEEDED)
    assert await all_of(index, RunView()) == []
    assert [entry.run async for entry in index.unfinished()] == []


@both
async def test_without_history_only_what_failed_is_left(tables, table):
    """Runs without history are listed, the newest first, only if they failed or were marked before."""
    index = RunIndex(tables, table, history=False)
    oldest, marked, newest = head(3), head(2), head(1)
    for run in (oldest, newest):
        await index.announce(run)
        await closed(index, run, RunStatus.FAILED)
    await index.mark(marked)
    first, continuation = await index.marked(size=2)
    second, end = await index.marked(size=2, continuation=continuation)
    assert [entry.run for entry in (*first, *second)] == [newest.id, marked.id, oldest.id]
    assert end == ""
    await index.unmark(marked)
    await index.reopen(newest)
    assert [entry.run for entry in (await index.marked(size=9))[0]] == [oldest.id]
    assert [entry.run async for entry in index.unfinished()] == [newest.id]


@both
async def test_an_announcement_costs_two_calls(index, fuse):
    """The announcement of a run takes two writes; one of them is for its owner's lists."""
    before = fuse.calls
    await index.announce(head(1))
    assert fuse.calls - before == 2


@both
async def test_a_page_costs_the_same_however_many_runs_there_are(index, fuse):
    """The first page and the last one take as many calls with fifty runs as with twenty."""

    async def cost(view: RunView) -> int:
        before = fuse.calls
        await index.page(view, size=5)
        return int(fuse.calls - before)

    views = [
        RunView(),
        RunView(lists={"requester": "alice"}),
        RunView(lists={"tenant": "t1"}),
        RunView(status=RunStatus.SUCCEEDED),
    ]

    async def fill(numbers) -> None:
        heads = [head(number) for number in numbers]
        for start in range(0, len(heads), 20):
            some = heads[start : start + 20]
            await asyncio.gather(*map(index.begin, some))
            await asyncio.gather(*(closed(index, each, RunStatus.SUCCEEDED) for each in some))

    await fill(range(20))
    few = [await cost(view) for view in views]
    await fill(range(20, 50))
    assert [await cost(view) for view in views] == few
    assert max(few) <= 2
