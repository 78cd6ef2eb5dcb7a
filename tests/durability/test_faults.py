"""Responses are lost, and services refuse calls: the host survives, and must find out what really happened.

The moments are those of ``test_kills.py``: each label that a first onboarding recorded. Independent faults
share one onboarding, up to fifteen in each. The two effects of the secret are delicate, so each also has an
onboarding alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pytest

from tests.durability.labels import ADD_PASSWORD, DISCOVERY, PROVIDER
from tests.durability.outcome import problems
from tests.support.lanes.exchanges import CLOUD, Exchange
from tests.support.lanes.lane import Lane
from tests.support.lanes.points import Onboarding, Point
from tests.support.lanes.proxy import AFTER, BEFORE, Drop, Interference, Refusal

pytestmark = pytest.mark.soak

STORE: Final = "keyVault PUT secrets/cmg"
UNAVAILABLE: Final = Refusal(status=503)
FAULTS: Final[tuple[tuple[str, Interference], ...]] = (
    (BEFORE, Drop()),
    (AFTER, Drop()),
    (BEFORE, UNAVAILABLE),
    (AFTER, UNAVAILABLE),
    (BEFORE, Refusal(status=429)),
    (BEFORE, Refusal(status=429, headers={"Retry-After": "1"})),
)
TOGETHER: Final = 15


async def suffer(lane: Lane, points: list[Point]) -> list[str]:
    """Run an onboarding with a fault at each of these points; return what is wrong at its end."""
    if any(PROVIDER.search(point.label) for point in points):
        await lane.unregister_providers()
    onboarding = await lane.run(points, **DISCOVERY)
    return await problems(lane, onboarding)


def grouped(labels: list[str], when: str, interference: Interference) -> Iterable[list[Point]]:
    """The points of each onboarding; labels that follow each other are far apart."""
    groups = -(-len(labels) // TOGETHER)
    for first in range(groups):
        yield [Point(label=label, when=when, interference=interference) for label in labels[first::groups]]


async def recorded(lane: Lane) -> Onboarding:
    """An onboarding without faults."""
    await lane.restart_host()
    await lane.unregister_providers()
    return await lane.run(**DISCOVERY)


def of_cloud(exchanges: Iterable[Exchange]) -> list[str]:
    """The labels of calls to the cloud, including those that only read."""
    return list(dict.fromkeys(each.label for each in exchanges if each.service in CLOUD))


async def test_calls_of_the_cloud_fail_or_seem_to(lanes):
    """The onboarding succeeds when a call is dropped, is refused, or is refused after it took effect."""
    labels = of_cloud((await recorded(lanes.lanes[0])).exchanges)
    assert len(labels) >= 20, labels
    jobs = [group for when, interference in FAULTS for group in grouped(labels, when, interference)]
    jobs += [
        [Point(label=label, when=AFTER, interference=interference)]
        for label in (ADD_PASSWORD, STORE)
        for interference in (Drop(), UNAVAILABLE)
    ]
    assert await lanes.share(jobs, suffer) == []
    # A step that starts again can make other calls than the first time, so a few points never occur.
    points = [point for job in jobs for point in job]
    assert sum(point.met for point in points) > 0.8 * len(points), [
        str(each) for each in points if not each.met
    ]


async def test_storage_loses_answers(lanes):
    """A write to a table or a queue that only seems to have failed is not done twice."""
    labels = [each.label for each in (await recorded(lanes.lanes[0])).effects if each.service not in CLOUD]
    assert len(labels) >= 30, labels
    jobs = [
        group
        for when in (BEFORE, AFTER)
        for group in grouped(labels, when, Drop() if when == AFTER else UNAVAILABLE)
    ]
    assert await lanes.share(jobs, suffer) == []
    points = [point for job in jobs for point in job]
    assert sum(point.met for point in points) > 0.8 * len(points), [
        str(each) for each in points if not each.met
    ]


async def test_a_service_says_how_long_to_wait(lane):
    """The message of a retry is not visible before the time in Retry-After."""
    throttled = Refusal(status=429, headers={"Retry-After": "7"})
    onboarding = await lane.run(
        [Point(label="graph POST applications(client)", when=BEFORE, interference=throttled)]
    )
    (again,) = [each for each in onboarding.exchanges if each.label == "put steps client-app"]
    assert again.query["visibilitytimeout"] == ["7"]
    assert await problems(lane, onboarding) == []


async def test_the_directory_lags_behind_its_writes(lanes):
    """With lag, also of owners and grants, an onboarding ends the same but later, also after a kill."""

    async def lag(lane: Lane, points: list[Point]) -> list[str]:
        await lane.portal.control("PUT", "/lag", {"seconds": 2, "owners": 3, "grants": 3})
        try:
            onboarding = await lane.run(points, **DISCOVERY)
        finally:
            await lane.portal.control("PUT", "/lag", {"seconds": 0, "owners": 0, "grants": 0})
        return await problems(lane, onboarding)

    lost: list[Interference] = [None, Drop()]
    jobs = [[Point(label=ADD_PASSWORD, when=AFTER, interference=interference)] for interference in lost]
    assert await lanes.share([[], *jobs], lag) == []
