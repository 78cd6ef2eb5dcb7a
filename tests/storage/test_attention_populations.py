"""Attention is empty when nobody is needed, and each case that needs somebody is found among all others."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from onboarding.api.counting import Some
from onboarding.connections import pointers
from onboarding.connections.cadence import SECRET, Acknowledgement
from onboarding.connections.records import Connection
from onboarding.drift.drift_index import CODEC, DriftEntry, DriftIndex
from onboarding.storage import names
from onboarding.storage.tables import Write
from onboarding.words.word import Word
from tests.support.connections import TENANT, onboarding_request
from tests.support.customers import FABRIKAM
from tests.support.memory import MemoryTables
from tests.support.world import World

START: Final = datetime(2030, 1, 1, tzinfo=UTC)

TENANTS: Final = (TENANT, FABRIKAM)

NEEDS: Final[Mapping[str, str]] = {
    "ended": "expiration-passed",
    "ended, seen by an operator": "",
    "ended, seen by its owner": "expiration-passed",
    "ends soon": "expiration-near",
    "ends soon, seen by an operator": "",
    "ends soon, seen by its owner": "expiration-near",
    "ends later": "",
    "drifts": "connection-drifting",
    "failed": "onboarding-failed",
    "goes on": "",
}
"""What a deployment can contain, and the code of the entry that it causes."""

PARTS: Final = {
    "differences": {"drifts"},
    "expirations": {kind for kind in NEEDS if kind.startswith(("ended", "ends soon"))},
}
"""What the lists of the overview are about."""

ONE = st.tuples(st.sampled_from(sorted(NEEDS)), st.sampled_from(TENANTS))


async def populate(world: World, kind: str, tenant: str, name: str) -> None:
    """Add something of a kind."""
    now = world.clock.now()
    if kind in {"failed", "goes on"}:
        request = onboarding_request(name=name).model_copy(update={"tenant_id": uuid.UUID(tenant)})
        head = await world.onboard(request, now, name)
        if kind == "failed":
            await world.fail(world.parts.onboarding_runs, head)
        return
    begins = {"ended": -5, "ends soon": 3}
    days = next((days for word, days in begins.items() if kind.startswith(word)), 300)
    made = await world.connect(name, now + timedelta(days=days), drifts=kind == "drifts", tenant=tenant)
    if "seen" in kind:

        def seen(found: Connection) -> Connection:
            operator = kind.endswith("operator")
            ends_at = found.expirations[SECRET]
            answer = Acknowledgement(by="Kim", at=now, ends_at=ends_at, operator=operator)
            return replace(found, acknowledged={SECRET: answer})

        await world.parts.stores.connection_store.change(made.id, seen)


async def shows_each_tenant(world: World, population: list[tuple[str, str, int]]) -> None:
    """The parts of the overview have room for each tenant, whichever has the most entries."""
    document: Any = await world.call("get_overview")
    for part, kinds in PARTS.items():
        wanted = {tenant for kind, tenant, _ in population if kind in kinds}
        shown = {each["tenantId"] for each in document[part]}
        missing = wanted - shown
        assert shown <= wanted
        assert not missing or part in document["incomplete"], f"in {part} is missing: {missing}"
        assert part != "differences" or not missing
        counted = {each["tenantId"] for each in document["tenants"]}
        assert wanted <= counted or "tenants" in document["incomplete"]


async def codes(world: World, tenant: str | None) -> tuple[set[str], set[str]]:
    """The listed codes, and those of them that have more entries than were read."""
    document: Any = await world.call("get_overview", tenantId=tenant)
    found = {each["code"]: each["more"] for each in document["attention"] if each["code"] != "job-late"}
    return set(found), {code for code, more in found.items() if more}


async def check(folder: Path, population: list[tuple[str, str, int]]) -> None:
    """Build a deployment, and compare what it shows with what it contains."""
    world, numbers = World(folder / "clock"), itertools.count()
    for kind, tenant, count in population:
        for _ in range(count):
            await populate(world, kind, tenant, f"C {next(numbers)}")
    await shows_each_tenant(world, population)
    for place in (None, *TENANTS):
        wanted = {NEEDS[kind] for kind, tenant, _ in population if place in {None, tenant}} - {""}
        listed, more = await codes(world, place)
        assert wanted <= listed, f"of {place} is missing: {wanted - listed}"
        assert listed - more <= wanted, f"of {place} is too much: {listed - wanted}"


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(population=st.lists(ONE, max_size=7))
def test_attention_shows_who_needs_somebody_and_nothing_else(tmp_path, population):
    """For all and for each tenant: each case that needs somebody is listed, and no other."""
    asyncio.run(check(tmp_path, [(*each, 1) for each in population]))


def difference(tenant: int, number: int, code: str) -> DriftEntry:
    """The entry of a connection in a tenant."""
    place = f"{tenant:08}-0000-4000-8000-000000000000"
    return DriftEntry(
        connection=f"{place}.{number:03}", name=Word("n"), tenant=place, codes=(code,), since=START
    )


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    counts=st.dictionaries(
        st.tuples(st.integers(0, 5), st.sampled_from("abc")), st.integers(1, 12), max_size=9
    ),
    size=st.integers(1, 40),
)
def test_each_tenant_and_each_kind_has_a_place_among_the_differences(counts, size):
    """Some differences of each tenant are read; the list for all has room for each tenant and each kind."""
    tables, numbers = MemoryTables(), itertools.count()
    tables.create(names.CONNECTIONS)
    entries = [
        difference(tenant, next(numbers), code)
        for (tenant, code), count in counts.items()
        for _ in range(count)
    ]
    for entry in entries:
        row = replace(pointers.drift(entry.connection), columns={"document": CODEC.dump(entry)})
        tables._apply(names.CONNECTIONS, [(Write.UPSERT, row)])
    found, more = asyncio.run(DriftIndex(tables).spread(size=size))
    assert {entry.tenant for entry in found} == {entry.tenant for entry in entries}
    assert len(found) == len(set(found))
    assert more or len(found) == len(entries)
    some = Some(found, more)
    pairs = {(entry.tenant, entry.codes) for entry in found}
    for most in (len({tenant for tenant, _ in pairs}), len(found)):
        assert {entry.tenant for entry in some.shown(most, lambda entry: entry.tenant)} == {
            tenant for tenant, _ in pairs
        }
    shown = some.shown(18, lambda entry: entry.tenant, lambda entry: entry.codes)
    assert {(entry.tenant, entry.codes) for entry in shown} == pairs
    assert shown == [entry for entry in found if entry in shown]


@pytest.mark.soak
@settings(
    max_examples=8,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(population=st.lists(ONE, min_size=1, max_size=5), loud=st.lists(ONE, min_size=1, max_size=2))
def test_many_cases_of_one_kind_hide_no_other(tmp_path, population, loud):
    """A hundred cases of one kind hide no case of another; what was not read is shown as more."""
    asyncio.run(check(tmp_path, [(*each, 110) for each in loud] + [(*each, 1) for each in population]))
