"""Attention is empty when nobody is needed, and whoever needs somebody is found, whatever else there is."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from onboarding.connections.cadence import SECRET, Acknowledgement
from onboarding.connections.records import Connection
from tests.support.connections import TENANT, onboarding_request
from tests.support.customers import FABRIKAM
from tests.support.world import World

TENANTS: Final = (TENANT, FABRIKAM)

NEEDS: Final[Mapping[str, str]] = {
    "ended": "ended",
    "ended, seen by an operator": "",
    "ended, seen by its owner": "ended",
    "ends soon": "ends-soon",
    "ends soon, seen by an operator": "",
    "ends soon, seen by its owner": "ends-soon",
    "ends later": "",
    "drifts": "drifting",
    "failed": "onboarding-failed",
    "goes on": "",
}
"""What a deployment can have, and the code with which that needs attention."""

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


async def codes(world: World, tenant: str | None) -> tuple[set[str], set[str]]:
    """The codes that are listed, and those of them of which there is more than was read."""
    document: Any = await world.call("get_overview", tenantId=tenant)
    found = {each["code"]: each["more"] for each in document["attention"] if each["code"] != "job-late"}
    return set(found), {code for code, more in found.items() if more}


async def check(folder: Path, population: list[tuple[str, str, int]]) -> None:
    """Build a deployment, and compare what it shows with what is in it."""
    world, numbers = World(folder / "clock"), itertools.count()
    for kind, tenant, count in population:
        for _ in range(count):
            await populate(world, kind, tenant, f"C {next(numbers)}")
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
    """For all and for each tenant: each case that needs somebody is there, and no other one."""
    asyncio.run(check(tmp_path, [(*each, 1) for each in population]))


@pytest.mark.soak
@settings(
    max_examples=8,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(population=st.lists(ONE, min_size=1, max_size=5), loud=st.lists(ONE, min_size=1, max_size=2))
def test_the_loudest_hide_nobody(tmp_path, population, loud):
    """A hundred cases of any kind take no place from a few others; what was not read is shown as more."""
    asyncio.run(check(tmp_path, [(*each, 110) for each in loud] + [(*each, 1) for each in population]))
