from __future__ import annotations

import asyncio
import base64
import json
from http.client import BadStatusLine

import pytest
from azure.core.exceptions import HttpResponseError

from onboarding.storage.tables import ConflictError, InvalidContinuationError, Range, Row, Write
from tests.support.accounts import both

pytestmark = both


def row(key: str, partition: str = "p", **columns) -> Row:
    return Row(partition=partition, key=key, columns=columns)


async def test_a_row_is_read_as_it_was_written(tables, table):
    """Text in any script, numbers and booleans are unchanged; None is not stored."""
    text = "Contoso \"x\" \u65e5\u672c\u8a9e \U0001f600 'q' \u202e"
    etag = await tables.write(table, row("k", text=text, number=7, truth=True, none=None), Write.INSERT)
    found = await tables.get(table, "p", "k")
    assert found is not None
    assert dict(found.columns) == {"text": text, "number": 7, "truth": True}
    assert found.etag == etag != ""


async def test_what_is_not_there_is_none(tables, table):
    """A missing row is None and not an error."""
    assert await tables.get(table, "p", "k") is None
    assert await tables.query(table, "p") == []


async def test_a_missing_table_is_an_error(tables):
    """A missing table is an error, and does not look like an empty one."""
    with pytest.raises(HttpResponseError):
        await tables.query("missing", "p")
    with pytest.raises(HttpResponseError):
        await tables.get("missing", "p", "k")


async def test_inserting_twice_is_a_conflict(tables, table):
    """An insert of an existing row is a conflict."""
    await tables.write(table, row("k", n=1), Write.INSERT)
    with pytest.raises(ConflictError):
        await tables.write(table, row("k", n=2), Write.INSERT)
    found = await tables.get(table, "p", "k")
    assert found.columns["n"] == 1


async def test_an_update_of_what_was_changed_meanwhile_is_a_conflict(tables, table):
    """An update of a row that changed meanwhile is a conflict."""
    etag = await tables.write(table, row("k", n=1), Write.INSERT)
    await tables.write(table, row("k", n=2), Write.UPSERT)
    late = Row(partition="p", key="k", columns={"n": 3}, etag=etag)
    with pytest.raises(ConflictError):
        await tables.write(table, late, Write.UPDATE)
    with pytest.raises(ConflictError):
        await tables.write(table, late, Write.DELETE)
    found = await tables.get(table, "p", "k")
    assert found.columns["n"] == 2
    await tables.write(table, Row(partition="p", key="k", columns={"n": 3}, etag=found.etag), Write.UPDATE)
    assert (await tables.get(table, "p", "k")).columns["n"] == 3


async def test_an_update_replaces_the_whole_row(tables, table):
    """An update removes the columns that are not in the record."""
    await tables.write(table, row("k", old=1), Write.INSERT)
    await tables.write(table, row("k", new=2), Write.UPSERT)
    assert dict((await tables.get(table, "p", "k")).columns) == {"new": 2}


async def test_deleting_what_is_gone_is_no_error(tables, table):
    """A deletion can be repeated."""
    await tables.write(table, row("k"), Write.INSERT)
    await tables.write(table, row("k"), Write.DELETE)
    await tables.write(table, row("k"), Write.DELETE)
    assert await tables.get(table, "p", "k") is None


async def test_a_transaction_is_written_together_or_not_at_all(tables, table):
    """One conflict among several rows leaves all of them unchanged."""
    etag = await tables.write(table, row("b", n=1), Write.INSERT)
    await tables.write(table, row("b", n=2), Write.UPSERT)
    stale = Row(partition="p", key="b", columns={"n": 9}, etag=etag)
    with pytest.raises(ConflictError):
        await tables.transact(table, [(Write.INSERT, row("a")), (Write.UPDATE, stale)])
    assert await tables.get(table, "p", "a") is None
    writes = [(Write.INSERT, row("a", n=1)), (Write.UPSERT, row("b", n=3)), (Write.INSERT, row("c", n=1))]
    etags = await tables.transact(table, writes)
    found = await tables.query(table, "p")
    assert [(each.key, each.columns["n"]) for each in found] == [("a", 1), ("b", 3), ("c", 1)]
    assert [each.etag for each in found] == etags


async def test_a_transaction_with_a_key_that_exists_is_a_conflict(tables, table):
    """An insert of an existing row in a transaction is a conflict."""
    await tables.write(table, row("a"), Write.INSERT)
    with pytest.raises(ConflictError):
        await tables.transact(table, [(Write.INSERT, row("z")), (Write.INSERT, row("a"))])


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_transaction_has_limits(tables, table):
    """A transaction has at most a hundred rows and 4 MiB; a larger one writes nothing."""
    refused = (HttpResponseError, BadStatusLine)  # the SDK cannot read the emulator's answer
    rows = [(Write.INSERT, row(f"{number:03}")) for number in range(101)]
    with pytest.raises(refused):
        await tables.transact(table, rows)
    assert await tables.query(table, "p") == []
    assert len(await tables.transact(table, rows[:100])) == 100
    text = "x" * 30_000
    large = [(Write.UPSERT, row(f"{number:03}", **dict.fromkeys("abc", text))) for number in range(50)]
    with pytest.raises(refused):
        await tables.transact(table, large)
    assert not any(each.columns for each in await tables.query(table, "p"))


async def test_a_transaction_has_one_partition(tables, table):
    """Rows in different partitions cannot be written together."""
    with pytest.raises(ValueError, match="must all be the same"):
        await tables.transact(
            table, [(Write.INSERT, row("a", partition="p")), (Write.INSERT, row("a", partition="q"))]
        )
    assert await tables.get(table, "p", "a") is None


async def test_a_transaction_has_each_row_once(tables, table):
    """Two writes of one row in a transaction are refused."""
    with pytest.raises(HttpResponseError):
        await tables.transact(table, [(Write.UPSERT, row("a", n=1)), (Write.UPSERT, row("a", n=2))])
    assert await tables.get(table, "p", "a") is None


async def test_a_transaction_does_not_delete_what_is_not_there(tables, table):
    """A transaction that deletes a missing row is a conflict and changes nothing."""
    with pytest.raises(HttpResponseError):
        await tables.transact(table, [(Write.INSERT, row("a")), (Write.DELETE, row("b"))])
    assert await tables.get(table, "p", "a") is None
    await tables.write(table, row("b"), Write.INSERT)
    await tables.transact(table, [(Write.INSERT, row("a")), (Write.DELETE, row("b"))])
    assert [each.key for each in await tables.query(table, "p")] == ["a"]


async def test_an_update_of_what_is_gone_is_an_error(tables, table):
    """An update of a deleted row is an error and does not create it again."""
    etag = await tables.write(table, row("k", n=1), Write.INSERT)
    await tables.write(table, row("k"), Write.DELETE)
    late = Row(partition="p", key="k", columns={"n": 2}, etag=etag)
    with pytest.raises(HttpResponseError):
        await tables.write(table, late, Write.UPDATE)
    with pytest.raises(HttpResponseError):
        await tables.transact(table, [(Write.UPDATE, late)])
    assert await tables.get(table, "p", "k") is None


async def test_one_of_several_wins(tables, table):
    """Of several simultaneous inserts, or updates with the same ETag, one succeeds."""
    inserts = [tables.write(table, row("k", n=number), Write.INSERT) for number in range(5)]
    answers = await asyncio.gather(*inserts, return_exceptions=True)
    assert sum(isinstance(each, ConflictError) for each in answers) == 4
    found = await tables.get(table, "p", "k")
    changed = [Row(partition="p", key="k", columns={"n": 9 + number}, etag=found.etag) for number in range(5)]
    updates = [tables.write(table, each, Write.UPDATE) for each in changed]
    answers = await asyncio.gather(*updates, return_exceptions=True)
    assert sum(isinstance(each, ConflictError) for each in answers) == 4
    (etag,) = [each for each in answers if isinstance(each, str)]
    found = await tables.get(table, "p", "k")
    assert (found.etag, found.columns) == (etag, changed[answers.index(etag)].columns)


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, ["x"], {"x": 1}], ids=str)
async def test_a_column_of_another_kind_is_refused(tables, table, value):
    """A column with a type that a table cannot store is refused before it is sent."""
    with pytest.raises(TypeError):
        await tables.write(table, row("k", value=value), Write.INSERT)
    with pytest.raises(TypeError):
        await tables.transact(table, [(Write.INSERT, row("k", value=value))])


async def test_a_range_includes_its_first_key_and_not_its_last(tables, table):
    """Ranges are half open, so that they can be adjacent."""
    await tables.transact(table, [(Write.INSERT, row(key)) for key in ("a", "b", "ba", "c")])
    found = await tables.query(table, "p", Range("b", "c"))
    assert [each.key for each in found] == ["b", "ba"]


async def test_keys_with_quotes_do_not_leave_their_filter(tables, table):
    """A value that looks like a filter is only a value."""
    evil = "p' or PartitionKey ne 'p"
    await tables.write(table, row("k", partition=evil), Write.INSERT)
    await tables.write(table, row("k"), Write.INSERT)
    assert [each.partition for each in await tables.query(table, evil)] == [evil]
    assert [each.partition for each in await tables.query(table, "p")] == ["p"]


async def test_pages_give_every_row_once_in_order(tables, table):
    """Over several partitions, page by page, no row is missing or repeated."""
    for partition in ("p1", "p2", "p3"):
        rows = [(Write.INSERT, row(f"{n:03}", partition=partition)) for n in range(25)]
        await tables.transact(table, rows)
    seen, continuation, pages = [], "", 0
    while True:
        page = await tables.page(table, Range("p1", "p3"), size=10, continuation=continuation)
        seen += [(each.partition, each.key) for each in page.rows]
        pages += 1
        assert len(page.rows) <= 10
        continuation = page.continuation
        if not continuation:
            break
    assert seen == [(partition, f"{n:03}") for partition in ("p1", "p2") for n in range(25)]
    assert pages in {5, 6}


async def test_a_scan_reads_on_where_a_page_of_the_service_ends(tables, table):
    """A scan returns every row once, in order, also beyond the 1,000 rows of one response."""
    for start in range(0, 1100, 100):
        rows = [(Write.INSERT, row(f"{n:04}")) for n in range(start, start + 100)]
        await tables.transact(table, rows)
    seen = [each.key async for each in tables.scan(table, Range("p", ""))]
    assert seen == [f"{n:04}" for n in range(1100)]
    some = [each.key async for each in tables.scan(table, Range("o", "q"), keys=Range("0998", "1002"))]
    assert some == ["0998", "0999", "1000", "1001"]


async def test_a_continuation_is_a_word_for_a_url(tables, table):
    """A continuation token needs no escaping, whatever the keys are."""
    await tables.transact(table, [(Write.INSERT, row(key)) for key in ("a +&=", "b'\u00e9", "c")])
    page = await tables.page(table, Range("p", ""), size=1)
    assert page.continuation.replace("-", "").replace("_", "").isalnum()
    rest = await tables.page(table, Range("p", ""), size=9, continuation=page.continuation)
    assert [each.key for each in rest.rows] == ["b'\u00e9", "c"]


def encoded(document) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "\u00e9",
        "====",
        encoded([]),
        encoded("x"),
        encoded({}),
        encoded({"PartitionKey": "p"}),
        encoded({"PartitionKey": "p", "RowKey": 7}),
        encoded({"PartitionKey": "p", "RowKey": "k", "more": "x"}),
        base64.urlsafe_b64encode(b"[" * 5000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
async def test_a_continuation_of_somebody_elses_is_refused(tables, table, token):
    """A token that this service did not make is refused before it reaches storage."""
    with pytest.raises(InvalidContinuationError):
        await tables.page(table, Range("p", ""), size=1, continuation=token)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        pytest.param(row("k", text="\u00e9" * 32_768), True, id="text of 64 KiB"),
        pytest.param(row("k", text="x" * 32_769), False, id="longer text"),
        pytest.param(row("k", text="\U0001f600" * 16_385), False, id="longer text of pairs"),
        pytest.param(row("x" * 512), True, id="key of 1 KiB"),
        pytest.param(row("x" * 513), False, id="longer key"),
        pytest.param(row("k", partition="\u00e9" * 513), False, id="longer partition"),
    ],
)
async def test_what_is_too_large_is_refused(tables, table, wanted, fits):
    """The emulator refuses a text or a key above the limits of Table Storage, as Azure does."""
    if fits:
        await tables.write(table, wanted, Write.UPSERT)
        assert await tables.get(table, wanted.partition, wanted.key)
        return
    with pytest.raises(HttpResponseError):
        await tables.write(table, wanted, Write.UPSERT)
    with pytest.raises(HttpResponseError):
        await tables.transact(table, [(Write.INSERT, wanted)])


async def test_a_page_selects_by_columns(tables, table):
    """Rows that lack a column, or have another value, are not on the page."""
    for key, columns in (("1", {"a": "x'y"}), ("2", {"a": "z"}), ("3", {}), ("4", {"a": "x'y"})):
        await tables.write(table, Row(partition="p", key=key, columns=columns), Write.INSERT)
    page = await tables.page(table, Range("p", ""), size=1, columns={"a": "x'y"})
    following = await tables.page(
        table, Range("p", ""), size=1, columns={"a": "x'y"}, continuation=page.continuation
    )
    assert [row.key for row in (*page.rows, *following.rows)] == ["1", "4"]
