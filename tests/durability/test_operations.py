"""Hosts are killed during the renewal of a secret, and during the removal of what an onboarding created.

The moments are found as in ``test_kills.py``: a first operation records what hosts do, and each label occurs
twice, before it is passed on and after it took effect, several in one operation.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from onboarding.storage import names
from tests.support.lanes.exchanges import Exchange
from tests.support.lanes.lane import Lane
from tests.support.lanes.points import Point
from tests.support.lanes.proxy import AFTER, BEFORE, Refusal
from tests.support.operations import in_vault, left_of, signs_in

pytestmark = pytest.mark.soak

TOGETHER: Final = 6
REFUSED: Final = Point(
    label="graph POST oauth2PermissionGrants on Graph-principal",
    when=BEFORE,
    interference=Refusal(status=400),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kills:
    """The moments at which hosts are killed in the two parts of an operation."""

    first: tuple[Point, ...]
    then: tuple[Point, ...] = ()

    def __str__(self) -> str:
        return ", ".join(map(str, (*self.first, *self.then)))

    @property
    def missed(self) -> list[str]:
        """The moments that never occurred."""
        return [f"it never came to: {point}" for point in (*self.first, *self.then) if not point.met]


def groups(exchanges: Iterable[Exchange], *, known: Container[str] = ()) -> list[tuple[Point, ...]]:
    """A kill before and after each effect that is not yet covered, several together, far apart in time."""
    labels = dict.fromkeys(each.label for each in exchanges if each.effect and each.label not in known)
    points = [Point(label=label, when=when) for label in labels for when in (BEFORE, AFTER)]
    count = -(-len(points) // TOGETHER)
    return [tuple(points[first::count]) for first in range(count)]


async def connected(lane: Lane) -> dict[str, Any]:
    """A connection that works."""
    onboarding = await lane.run()
    document = await lane.get(f"/api/onboardings/{onboarding.id}")
    assert document["status"] == "Succeeded", document["error"]
    found: dict[str, Any] = await lane.get(f"/api/connections/{document['connectionId']}")
    return found


async def test_a_secret_is_renewed_whenever_a_host_is_killed(lanes):
    """The secret in the vault always works; there are two secrets until the confirmation, then one."""
    lane = lanes.lanes[0]
    making, confirming = await renew(lane, await unrenewed(lane), Kills(first=()))
    assert len(making) > 8
    assert len(confirming) > 5

    async def suffer(lane: Lane, kills: Kills) -> list[str]:
        before = await unrenewed(lane)
        await lane.operate("POST", f"/api/connections/{before['id']}/renewals", kills.first)
        found = await problems(lane, before, waits=True)
        await confirm(lane, before["id"], kills.then)
        return [*found, *await problems(lane, before, waits=False), *kills.missed]

    first, then = groups(making), groups(confirming)
    jobs = [
        Kills(
            first=first[number] if number < len(first) else (),
            then=then[number] if number < len(then) else (),
        )
        for number in range(max(len(first), len(then)))
    ]
    assert await lanes.share(jobs, suffer) == []


async def unrenewed(lane: Lane) -> dict[str, Any]:
    """A new connection, and channels without a state.

    Only a first renewal confirms the handover, and only a first delivery creates the state of a channel. So
    each renewal makes the same calls as the recorded one.
    """
    connection = await connected(lane)
    await lane.forget_channels()
    return connection


async def renew(
    lane: Lane, connection: Mapping[str, Any], kills: Kills
) -> tuple[list[Exchange], list[Exchange]]:
    """Renew a secret without kills; return what hosts did until it waited, and after its confirmation."""
    making = await lane.operate("POST", f"/api/connections/{connection['id']}/renewals", kills.first)
    return making, await confirm(lane, str(connection["id"]), kills.then)


async def confirm(lane: Lane, connection: str, points: Iterable[Point]) -> list[Exchange]:
    """Confirm the renewal that waits; return what hosts did afterwards."""
    renewal = (await lane.get(f"/api/connections/{connection}"))["renewalId"]
    path = f"/api/connections/{connection}/renewals/{renewal}/confirm"
    exchanges = await lane.operate("POST", path, points)
    await lane.forget_dormant()
    return exchanges


async def problems(lane: Lane, before: Mapping[str, Any], *, waits: bool) -> list[str]:
    """What is wrong with the secrets of a connection while a renewal waits, or afterwards."""
    found = []
    now = await lane.get(f"/api/connections/{before['id']}")
    app = now["serverApp"]["clientId"]
    passwords = (await lane.portal.graph(f"/applications(appId='{app}')"))["passwordCredentials"]
    live = sorted(each["keyId"] for each in passwords)
    new = now["pendingSecret"] if waits else now["secret"]
    if new is None or new["keyId"] == before["secret"]["keyId"]:
        return [f"there is no new secret: {now['secret']}, {now['pendingSecret']}"]
    handover = now["handover"]["state"]
    if handover != ("Waiting" if waits else "Confirmed"):
        found.append(f"the handover is {handover}")
    expected = sorted({new["keyId"], now["secret"]["keyId"]})
    if live != expected:
        found.append(f"the live secrets are {live}, not {expected}")
    if waits and now["secret"] != before["secret"]:
        found.append("the connection has another secret before anybody confirmed")
    current = new["vaultSecretId"].rpartition("/")[0]
    kept = {current, new["vaultSecretId"], now["secret"]["vaultSecretId"]}
    refused = [
        each for each in kept if not await signs_in(lane.portal, app, await in_vault(lane.portal, each))
    ]
    found += [f"login refuses {each}" for each in refused]
    found += [f"messages are in {queue}" for queue in names.QUEUES if not waits and await lane.waiting(queue)]
    return found


async def test_what_was_made_is_removed_whenever_a_host_is_killed(lanes):
    """A rollback and an off-boarding leave nothing behind."""
    lane = lanes.lanes[0]
    back = groups(await removed(lane, rolls_back=True))
    known = {point.label for group in back for point in group}
    off = groups(await removed(lane, rolls_back=False), known=known)
    assert len(known) > 15
    assert off
    jobs = [Kills(first=group) for group in back] + [Kills(first=(), then=group) for group in off]

    async def suffer(lane: Lane, kills: Kills) -> list[str]:
        rolls_back = not kills.then
        found: list[str] = []
        await removed(lane, kills.first or kills.then, rolls_back=rolls_back, found=found)
        return [*found, *kills.missed]

    assert await lanes.share(jobs, suffer) == []


async def removed(
    lane: Lane, points: Iterable[Point] = (), *, rolls_back: bool, found: list[str] | None = None
) -> list[Exchange]:
    """Remove what an onboarding created; return what hosts did, and add to ``found`` what is wrong then."""
    found = [] if found is None else found
    if rolls_back:
        refused = Point(label=REFUSED.label, when=REFUSED.when, interference=REFUSED.interference)
        onboarding = (await lane.run([refused], adminConsent="ByService")).id
        exchanges = await lane.operate("POST", f"/api/onboardings/{onboarding}/rollback", points)
    else:
        connection = await connected(lane)
        onboarding = connection["onboardingId"]
        exchanges = await lane.operate("DELETE", f"/api/connections/{connection['id']}", points)
    await lane.sweep()  # removes what a killed request has announced and not written
    status = (await lane.get(f"/api/onboardings/{onboarding}"))["status"]
    if status != ("RolledBack" if rolls_back else "Succeeded"):
        found.append(f"the onboarding is {status}")
    found += await left_of(lane.portal, onboarding)
    entries = await lane.rows(names.OPERATION_INDEX)
    found += [
        f"an operation is {each['PartitionKey']}"
        for each in entries
        if each["PartitionKey"] in {"new", "open"}
    ]
    found += [f"messages are in {queue}" for queue in names.QUEUES if await lane.waiting(queue)]
    return exchanges
