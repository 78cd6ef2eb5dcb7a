"""The host is killed at every moment at which something outside it changes; another host continues.

A first onboarding records what hosts do, as labels (see ``exchanges.py``). Then each label occurs again,
twice: once the host is killed (SIGKILL) before the request is passed on, once after it took effect and before
its response arrives. The steps of the four resource providers are the same, so each kind of label is tested
with one of them, in turn. Then the locks on the dead host's messages expire, and a new host takes over.

Each delicate moment has an onboarding of its own; the others share one in groups of four, far apart in time.
Further onboardings have kills during the recovery from a kill, and several kills at random.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from onboarding.lifecycle.plans import PLANS
from onboarding.storage import names
from tests.durability.labels import ADD_PASSWORD, DISCOVERY, PROVIDER
from tests.durability.outcome import problems
from tests.support.lanes.exchanges import Exchange
from tests.support.lanes.lane import Lane
from tests.support.lanes.points import Onboarding, Point
from tests.support.lanes.proxy import AFTER, BEFORE

LEAST_EFFECTS: Final = 50
"""An onboarding has 12 steps; the outcome of each is an effect, and most have more."""

READS: Final = {"graph POST $batch", "resourceManager GET providers", "read connections"}
"""Some of the requests that change nothing."""

RECOVERY: Final = (
    ("keyVault GET secrets/cmg", 1),
    ("graph POST applications/server/removePassword", 1),
    (ADD_PASSWORD, 2),
    ("keyVault PUT secrets/cmg", 1),
    ("graph GET applications/server", 2),
    ("write onboardings server-secret Succeeded", 1),
)
"""What the second attempt does about a secret that was created but did not reach the vault."""

DELICATE: Final = {
    "put steps preflight",
    "write onboardings preflight Running",
    ADD_PASSWORD,
    "keyVault PUT secrets/cmg",
    "write onboardings server-secret Succeeded",
    "delete steps preflight",
}
"""The first message, the first claim, the secret, and the end of the message that did most of the work."""

EXPECTED: Final = (
    READS | DELICATE | {f"write onboardings {step} Succeeded" for step in PLANS["onboard"].steps}
)
"""Requests of each onboarding whose labels must be found."""

_LATE = "write onboardings connection Running"  # occurs only when the providers are the last to finish
_TRIES: Final = 10
"""How many onboardings may lack a moment; each must be right. The late one occurs in half of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kills:
    """The moments at which the host of one onboarding is killed."""

    points: tuple[Point, ...]
    request: Mapping[str, Any] = field(default_factory=dict)
    certain: bool = True
    """Whether each of the moments must occur."""

    def __str__(self) -> str:
        return ", ".join(map(str, self.points))


async def suffer(lane: Lane, kills: Kills) -> list[str]:
    """Run an onboarding whose host is killed; return what is wrong at its end."""
    found: list[str] = []
    for _ in range(_TRIES):
        if any(PROVIDER.search(point.label) or point.label == _LATE for point in kills.points):
            await lane.unregister_providers()
        onboarding = await lane.run(kills.points, **kills.request)
        if abandoned(onboarding):
            await lane.sweep()
        found += await problems(lane, onboarding)
        if found or not kills.certain or all(point.met for point in kills.points):
            return found
        # Steps run in parallel: another one may have been the last this time.
    return [f"it never came to: {point}" for point in kills.points if not point.met]


def abandoned(onboarding: Onboarding) -> set[str]:
    """Entries of the index that requests left whose host was killed; the sweep removes them.

    A portal that gets no response repeats its request, which announces the onboarding again. Only the last
    request got a response, and only one has created the onboarding. Those two must remove their own entries.
    """

    def keys(verb: str, partition: str) -> list[str]:
        row = re.compile(f"{names.ONBOARDING_INDEX}.*PartitionKey='{partition}.*RowKey='([^']+)'")
        done = [each for each in onboarding.exchanges if each.status and each.label.startswith(verb)]
        return [found[1] for each in done if (found := row.search(each.path))]

    announced = keys("upsert", "new'")
    return {*announced} - {*keys("delete", "new'"), *keys("upsert", "all:"), announced[-1]}


def kinds(effects: Iterable[Exchange]) -> list[str]:
    """The labels to test: all of them, but one of each kind for the providers, in turn."""
    alike: dict[str, list[str]] = {}
    for each in effects:
        alike.setdefault(PROVIDER.sub("provider", each.label), []).append(each.label)
    return [labels[number % len(labels)] for number, labels in enumerate(alike.values())]


def alone(label: str, when: str, request: Mapping[str, Any] | None = None) -> Kills:
    """One kill."""
    return Kills(points=(Point(label=label, when=when),), request=request or {})


def shared(labels: list[str]) -> Iterable[Kills]:
    """Kills before and after each of these, four in each onboarding; labels are in the order of time."""
    points = [Point(label=label, when=when) for label in labels for when in (BEFORE, AFTER)]
    onboardings = -(-len(points) // 4)
    for first in range(onboardings):
        yield Kills(points=tuple(points[first::onboardings]))


async def test_each_moment_has_a_label_of_its_own(lane):
    """The kills can tell the first message, each claim, each outcome and the creation of a run apart."""
    onboarding = await lane.run()
    found = [each.label for each in onboarding.exchanges]
    assert EXPECTED - {*found} == set()
    assert found.count("create onboardings") == 1
    assert await problems(lane, onboarding) == []


@pytest.mark.soak
async def test_a_host_is_killed_before_and_after_each_effect(lanes):
    """Wherever the host is killed, another host finishes the onboarding, with nothing lost or duplicated."""
    lane = lanes.lanes[0]
    await lane.restart_host()
    await lane.unregister_providers()
    usual = await lane.run()
    assert await problems(lane, usual) == []
    await lane.restart_host()
    discovering = await lane.run(**DISCOVERY)
    assert await problems(lane, discovering) == []
    effects = usual.effects
    assert len(effects) >= LEAST_EFFECTS, [each.label for each in effects]
    known = {each.label for each in effects}
    assert EXPECTED - {each.label for each in usual.exchanges} == set()
    more = [each.label for each in discovering.effects if each.label not in known | {_LATE}]
    assert len(more) == 1, more

    labels = kinds(effects)
    jobs = [alone(label, when) for label in labels if label in DELICATE for when in (BEFORE, AFTER)]
    jobs += [alone(label, when, DISCOVERY) for label in more for when in (BEFORE, AFTER)]
    jobs += shared([*(label for label in labels if label not in DELICATE), *sorted(READS)])
    points = [point for job in jobs for point in job.points]
    before = sum(each.kills for each in lanes.lanes)
    assert await lanes.share(jobs, suffer) == []

    killed = sum(each.kills for each in lanes.lanes) - before
    assert len(points) == 2 * len({*labels, *more, *READS})
    assert killed == len(points)
    table = "\n  ".join(map(str, jobs))
    sys.stdout.write(f"\n{killed} kills in {len(jobs)} onboardings:\n  {table}\n")


@pytest.mark.soak
async def test_a_host_is_killed_while_another_kill_is_made_good(lanes):
    """If a host dies while it replaces a lost secret, one secret remains: the one in the vault."""
    jobs = [
        Kills(points=(Point(label=ADD_PASSWORD, when=AFTER), Point(label=label, when=when, number=number)))
        for label, number in RECOVERY
        for when in (BEFORE, AFTER)
    ]
    again = [Point(label=ADD_PASSWORD, when=AFTER, number=number) for number in (1, 2, 3, 4)]
    jobs.append(Kills(points=tuple(again)))
    assert await lanes.share(jobs, suffer) == []


@pytest.mark.soak
async def test_hosts_are_killed_again_and_again_at_random(lanes):
    """Several kills in one onboarding do no more harm than one."""
    lane = lanes.lanes[0]
    await lane.unregister_providers()
    labels = sorted({each.label for each in (await lane.run()).effects})
    jobs = []
    for seed in range(3):
        choose = random.Random(seed)  # noqa: S311 - the same in every run
        chosen = choose.sample([(label, when) for label in labels for when in (BEFORE, AFTER)], 6)
        points = tuple(Point(label=label, when=when) for label, when in chosen)
        jobs.append(Kills(points=points, request=DISCOVERY if seed % 2 else {}, certain=False))
    before = sum(each.kills for each in lanes.lanes)
    assert await lanes.share(jobs, suffer) == []
    assert sum(each.kills for each in lanes.lanes) - before > 2 * len(jobs)


@pytest.mark.soak
async def test_a_host_is_killed_while_it_holds_on_to_its_message(lanes):
    """A kill before or after the renewal of a message's lock does no harm."""

    async def hold_on(lane: Lane, when: str) -> list[str]:
        await lane.restart_host(LOCAL_MESSAGE_LOCK_SECONDS="2")
        slow = {
            "service": "graph",
            "method": "POST",
            "path": "/applications$",
            "kind": "latency",
            "seconds": 3,
        }
        try:
            async with lane.portal.fault(**slow):
                return await suffer(lane, Kills(points=(Point(label="renew steps preflight", when=when),)))
        finally:
            await lane.restart_host()

    assert await lanes.share([BEFORE, AFTER], hold_on) == []


@pytest.mark.soak
async def test_a_message_that_kills_each_host_is_given_up(lane):
    """After ten hosts have died on a message, the onboarding fails, even if that kills another host."""
    await lane.run()  # registers the providers, so that none of their steps waits
    deadly = [
        Point(label="graph POST applications(server)", when=BEFORE, number=each) for each in range(1, 11)
    ]
    giving_up = [
        Point(label=label, when=when)
        for label in (
            "put steps-poison preflight",
            "delete steps preflight",
            "receive steps-poison preflight",
            "write onboardings server-app Failed",
            "upsert onboardingindex status",
            "delete onboardingindex open",
            "delete steps-poison preflight",
        )
        for when in (BEFORE, AFTER)
        if (label, when) != ("receive steps-poison preflight", BEFORE)
    ]
    before = lane.kills
    onboarding = await lane.run([*deadly, *giving_up])
    assert all(point.met for point in deadly)
    # With several messages in the poison queue, one can do what the killed one was doing.
    assert lane.kills - before > len(deadly) + len(giving_up) // 2

    document = await lane.get(f"/api/onboardings/{onboarding.id}")
    assert (document["status"], document["error"]["code"]) == ("Failed", "worker-crashed")
    entries = await lane.rows("onboardingindex")
    entries = [entry for entry in entries if entry["RowKey"].endswith(onboarding.id)]
    kinds_of_entries = sorted(entry["PartitionKey"].rpartition(":")[0].partition(":")[2] for entry in entries)
    assert "Failed" in kinds_of_entries
    assert not {"new", "open"} & {entry["PartitionKey"] for entry in entries}
