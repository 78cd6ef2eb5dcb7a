"""What the service stores in addition to connections and runs is damaged: everybody else is served.

``test_unreadable.py`` does the same to connections, runs, messages and the audit trail.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest

from onboarding.api.secret_budget import SecretBudget
from onboarding.connections.records import Connection
from onboarding.notices.mail_budget import MailBudget
from onboarding.storage import names
from onboarding.storage.tables import Row
from onboarding.words.word import Word
from tests.storage.facts import ILL, WELL, difference, differences, domains, notice, populate, reservations
from tests.storage.test_unreadable import damages
from tests.storage.test_unreadable import populate as populate_runs
from tests.support.codecs import CODECS, newest
from tests.support.world import World, requester

ELSEWHERE: Final = {
    "patience": "the memo of a step: it is damaged with its column in test_unreadable.py",
    "reconciliation": "a sealed continuation: nobody can change it",
    "run-copy": "a secret of the vault: test_damaged_secrets.py",
}
"""Documents that are not rows."""

Facts = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Both:
    """A deployment with one of everything for each of two parties."""

    world: World
    shared: set[tuple[str, str, str]]  # the rows of the damaged party, and shared rows
    made: tuple[Connection, Connection]

    def ill(self) -> list[Row]:
        """The rows to damage."""
        return [row for row in self.world.rows() if (row.table, row.partition, row.key) in self.shared]


async def served(both: Both) -> Facts:
    """What lists and calls return for those without damage. Fails if one of them fails."""
    (name, tenant), world = WELL, both.world
    found: dict[str, Any] = {}
    await world.run_jobs()
    for job in (
        world.parts.epoch.advance,
        world.timers.handover_reminders.run,
        world.parts.messaging.channel_watch.sweep,
        world.parts.stores.trail_watch.run,
    ):
        await job()
    overview = await world.call("get_overview")
    codes = {each["code"] for each in overview["attention"]}
    found["blocked"] = name in {each["code"] for each in overview["blocked"]}
    found["attention"] = codes >= {"run-waits-for-operator", "trail-gap", "handover-waits"}
    entries = (await world.call("list_attention", maxpagesize=100))["value"]
    found["gap"] = {each["tenantId"] for each in entries if each["code"] == "trail-gap"}
    await world.call("list_unreadable")
    found["dismissed"] = {each["detail"] for each in (await world.call("list_dismissals"))["value"]}
    found["subscribers"] = {each["name"] for each in (await world.call("list_subscribers"))["value"]}
    found["feeds"] = {each["createdBy"]["name"] for each in (await world.call("list_feeds"))["value"]}
    messaging = world.parts.messaging
    found["channel"] = (await messaging.channel_states.get(name)).state
    found["receipt"] = (
        await messaging.receipts.first(notice(both.made[1], both.made[1].created_at).id) is not None
    )
    found["domains"] = await domains(world, readable=False).of(tenant)
    await SecretBudget(world.tables, world.clock).take(requester(name))
    found["reserved"] = await reservations(world).holder(tenant, Word(f"{name} reserved"))
    for party in (ILL, WELL):
        async with MailBudget(world.tables, world.clock, 100).used([party[0]]):
            pass
    now = world.clock.now()
    await differences(world).announce(both.made[1], difference(now), now)
    later = now + timedelta(seconds=1)  # another notice of the damaged fact
    await differences(world).announce(both.made[0], difference(later), later)
    return found


def of_well(found: Facts) -> Facts:
    """What is about the undamaged party; for lists, whether it is in them."""
    return {
        what: bool({*WELL} & each) if isinstance(each, set | frozenset) else each
        for what, each in found.items()
    } | {"domains": f"{WELL[1]}.example" in found["domains"]}


@pytest.fixture
async def both(tmp_path) -> Both:
    """The deployment."""
    world = World(tmp_path / "clock")
    ill = await populate(world, ILL)
    shared = {(row.table, row.partition, row.key) for row in world.rows()}
    return Both(world=world, shared=shared, made=(ill, await populate(world, WELL)))


async def test_a_row_of_each_kind_is_damaged(both, tmp_path):
    """Each kind of stored document is in a row that this module or the other one damages."""
    other = World(tmp_path / "other")
    await populate_runs(other)
    members = set()
    for row in (*both.ill(), *other.rows()):
        for text in row.columns.values():
            if isinstance(text, str) and text.startswith("{"):
                members.add(frozenset(json.loads(text)))
    assert {row.table for row in (*both.ill(), *other.rows())} == set(names.TABLES)
    missing = {
        kind
        for kind, codec in CODECS.items()
        if frozenset(codec.document(codec.load(newest(kind)))) not in members
    }
    assert missing == set(ELSEWHERE)


@pytest.mark.parametrize("turn", [0, 2, 4])  # the long test has the others
async def test_damaged_facts_hide_nobody_else(both, turn):
    """Whatever is wrong with all rows of one party, timers, lists and calls serve the other."""
    world, snapshot = both.world, both.world.snapshot()
    healthy = of_well(await served(both))
    assert healthy["attention"]
    world.restore(snapshot)
    for row in both.ill():
        for column in row.columns:
            kinds = list(damages(row, column))
            await world.damage(row, column, kinds[turn % len(kinds)][1])
    assert of_well(await served(both)) == healthy


@pytest.mark.soak
async def test_each_damage_to_each_fact_hides_nobody_else(both):
    """The same for each kind of damage to each column, one after the other."""
    world, snapshot = both.world, both.world.snapshot()
    healthy = of_well(await served(both))
    for row in both.ill():
        for column in row.columns:
            for kind, value in damages(row, column):
                world.restore(snapshot)
                await world.damage(row, column, value)
                case = f"{row.table} / {row.partition} / {row.key} / {column}: {kind}"
                try:
                    found = of_well(await served(both))
                except Exception as error:
                    raise AssertionError(case) from error
                assert found == healthy, case
