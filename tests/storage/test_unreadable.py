"""A row cannot be read: everybody else is served, and operators see it as it is, and remove it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, Final

import pytest

from onboarding.connections.app_users import AppUser, AppUsers
from onboarding.connections.records import key_of
from onboarding.storage import names
from onboarding.storage.sealing import Seals
from onboarding.storage.tables import Row
from onboarding.words.word import Word
from tests.support.connections import TENANT, onboarding_request
from tests.support.world import OPERATOR, World, requester, run_id

NAMES: Final = ("ill", "well")
RUNS: Final = ("failed", "stalled", "new")
FUTURE: Final = 4711
"""A version that no release of this code has written."""


async def populate(world: World) -> None:
    """Two of everything: those of 'ill', whose rows are damaged, and those of 'well'."""
    parts, now = world.parts, world.clock.now()
    old = now - timedelta(hours=2)
    await parts.stores.inspection_schedule.complete((now - timedelta(days=1)).date())
    await Seals(world.tables).of("lists")
    for name in ("ill", "well"):
        await AppUsers(world.tables).enter(TENANT, "app", AppUser(onboarding=name, requester="somebody"))
        made = await world.connect(name, now + timedelta(days=20))
        failed = await world.onboard(onboarding_request(name=f"{name} failed"), old)
        await world.fail(parts.onboarding_runs, failed)
        stalled = await world.onboard(onboarding_request(name=f"{name} stalled"), old)
        await parts.onboarding_runs.index.begin(stalled)
        await world.onboard(onboarding_request(name=f"{name} new"), now)
        await world.fail(parts.operation_runs, await world.off_board(onboarding_request(name=name), old))
        await world.fail(parts.notice_runs, await world.deliver(made, old))
        await world.poison(name, old)
    for queue in names.QUEUES:
        world.queues._messages[queue] = []


Case = tuple[Row, str, str, Any]
"""A row, one of its columns, what is wrong with the column, and its value."""

Facts = set[tuple[str, str]]
"""What lists show and whom sweeps served: the list, and a name."""


async def served(world: World) -> Facts:
    """What sweeps did and lists show, each as often as possible. Fails if one of them fails."""
    await Seals(world.tables).of("lists")
    await world.sweep()
    found = swept(world)
    found |= {("users", user.onboarding) for user in await AppUsers(world.tables).of(TENANT, "app")}
    for caller in (OPERATOR, requester("somebody")):
        for name, member in (
            ("list_connections", "name"),
            ("list_onboardings", "name"),
            ("list_expirations", "connectionName"),
        ):
            page = await world.call(name, caller=caller)
            found |= {(f"{name} of {caller.id}", each[member]) for each in page["value"]}
    for status in ("Failed", "NotStarted"):
        page = await world.call("list_onboardings", status=status, tenantId=TENANT)
        found |= {(status, each["name"]) for each in page["value"]}
    files = {form: await world.call("list_expirations", format=form) for form in ("csv", "ics")}
    found |= {(form, name) for form, text in files.items() for name in NAMES if name in text}
    found |= {("operations", each["name"]) for each in (await world.call("list_operations"))["value"]}
    found |= {("poison", each["body"]["text"]) for each in (await world.call("list_poison"))["value"]}
    overview = await world.call("get_overview")
    found |= {("drifting", each["connectionName"]) for each in overview["differences"]}
    found |= {("expiring", each["connectionName"]) for each in overview["expirations"]}
    found |= {
        ("attention", each["code"]) for each in overview["attention"] if each["code"] != "row-unreadable"
    }
    ids = {connection_id(name): name for name in NAMES}
    trail = await world.call("list_audit", maxpagesize=100)
    found |= {
        ("audit", ids[event["connectionId"]]) for event in trail["value"] if event["connectionId"] in ids
    }
    return found | {("failing", ids[each["connectionId"]]) for each in overview["deliveries"]}


def swept(world: World) -> Facts:
    """Whom the sweeps served: who is warned and inspected, and which onboarding continues."""
    heads = [
        row for row in world.rows() if row.table in {names.NOTICES, names.INSPECTIONS} and row.key == "head"
    ]
    texts = [str(row.columns.get("request")) for row in heads]
    messages = [message.body.decode() for message in world.queues._messages[names.STEPS_QUEUE]]
    done = {("warned", "SecretNearExpiry"), ("inspected", '"connections":[')}
    return {
        (what, name)
        for what, mark in done
        for name in NAMES
        for text in texts
        if mark in text and connection_id(name) in text
    } | {("continued", name) for name in NAMES if any(run_id(f"{name} stalled") in each for each in messages)}


def connection_id(name: str) -> str:
    """The ID of a connection of the world."""
    return f"{TENANT}.{key_of(Word(name))}"


def of_well(facts: Facts) -> Facts:
    """The entries about what is not damaged."""
    return {fact for fact in facts if "well" in fact[1]}


def damages(row: Row, column: str) -> Iterator[tuple[str, Any]]:
    """What can be wrong with a column."""
    yield "absent", None
    yield "wrong type", 17
    if isinstance(row.columns[column], str):
        yield "garbage", "banana {"
        yield "other JSON", "[1]"
        if row.columns[column].startswith('{"v":'):
            document = json.loads(row.columns[column])
            yield "future version", json.dumps({**document, "v": FUTURE})
            yield "no members", json.dumps({"v": document["v"]})
        foreign = of_another(row.columns[column])
        if column == "document" and foreign != row.columns[column]:
            yield "of another", foreign
    else:
        yield "text", "banana"


def of_another(text: str) -> str:
    """A text about 'ill', as one about 'well'."""
    for name in ("ill", *(f"ill {each}" for each in RUNS)):
        for mark, other in zip(marks(name), marks(name.replace("ill", "well")), strict=True):
            text = text.replace(mark, other)
    return text


def members(row: Row, column: str) -> Iterator[tuple[str, Any]]:
    """Each member of a document in turn, with another value."""
    text = row.columns[column]
    if isinstance(text, str) and text.startswith("{"):
        document = json.loads(text)
        for member in document:
            for value in ("banana", None):
                yield f"{member} = {value!r}", json.dumps({**document, member: value})


def is_ill(row: Row) -> bool:
    """Whether a row is damaged: those of 'ill', and those that all share."""
    whole = f"{row.partition} {row.key} {row.columns}"
    return "well" not in whole and not any(
        mark in whole for name in ("well", *(f"well {each}" for each in RUNS)) for mark in marks(name)
    )


def marks(name: str) -> tuple[str, ...]:
    """What identifies a connection or a run in rows."""
    return connection_id(name), run_id(name), run_id(f"-{name}"), run_id(f"{name}-webhook-delivery")


@pytest.fixture
async def world(tmp_path):
    """A deployment with two of everything."""
    world = World(tmp_path / "clock")
    await populate(world)
    return world


def shape(row: Row) -> tuple[str, ...]:
    """The kind of a row, whatever its IDs and times are."""
    return row.table, *(re.sub(r"[0-9a-f-]{8,}|[0-9]+", "", part) for part in (row.partition, row.key))


async def check(world: World, cases: Iterable[Case], *, unreadable: bool) -> None:
    """Damage one column at a time, and check that all others are served."""
    snapshot = world.snapshot()
    healthy = await served(world)
    assert {name for _, name in of_well(healthy)} >= {"well", "well failed", "well stalled", "well new"}
    for row, column, kind, value in cases:
        world.restore(snapshot)
        await world.damage(row, column, value)
        case = f"{row.table} / {row.partition} / {row.key} / {column}: {kind}"
        try:
            found = await served(world)
            shown = await world.call("list_unreadable", maxpagesize=100)
        except Exception as error:
            raise AssertionError(case) from error
        assert of_well(found) == of_well(healthy), case
        listed = [(each["table"], each["partition"], each["key"]) for each in shown["value"]]
        readable = not unreadable or found >= healthy
        assert readable or (row.table, row.partition, row.key) in listed, case


def every(world: World, kinds: Callable[[Row, str], Iterator[tuple[str, Any]]]) -> list[Case]:
    """Each kind of damage to each column of one row of each kind."""
    rows = {(row.table, shape(row)[-1]): row for row in world.rows() if is_ill(row)}.values()
    return [(row, column, *kind) for row in rows for column in row.columns for kind in kinds(row, column)]


UNTOUCHED = {names.SERVICE, names.INSPECTIONS, names.INSPECTION_INDEX}
"""Tables without a row of one connection before the sweeps. Inspections are read like notices."""


@pytest.mark.parametrize("turn", [0, 2, 4, 6])  # the long test has the others
async def test_damaged_columns_hide_nobody_else(world, turn):
    """Whatever is wrong with one connection's rows, sweeps and lists serve all others."""
    snapshot = world.snapshot()
    healthy = await served(world)
    assert {name for _, name in of_well(healthy)} >= {"well", "well failed", "well stalled", "well new"}
    world.restore(snapshot)
    ill = list(filter(is_ill, world.rows()))
    assert {row.table for row in ill} == set(names.TABLES) - UNTOUCHED
    for row in ill:
        for column in row.columns:
            kinds = list(damages(row, column))
            await world.damage(row, column, kinds[turn % len(kinds)][1])
    found, shown = await served(world), await world.call("list_unreadable", maxpagesize=100)
    assert of_well(found) == of_well(healthy)
    assert {each["table"] for each in shown["value"]} >= set(names.TABLES) - UNTOUCHED - {names.NOTICES}


@pytest.mark.soak
async def test_each_damage_to_each_column_hides_nobody_else(world):
    """The same for each damage to each column."""
    await check(world, every(world, damages), unreadable=True)


@pytest.mark.soak
async def test_a_damaged_member_of_a_document_hides_nobody_else(world):
    """The same for each member of each document."""
    await check(world, every(world, members), unreadable=False)  # some are still readable
