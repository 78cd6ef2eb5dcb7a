"""Onboardings that import the same applications: the first one keeps them, whatever the others do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest

from onboarding.storage import names
from tests.interleavings.invariants import violations
from tests.interleavings.parties import Member
from tests.interleavings.world import World
from tests.support.portal import unique
from tests.support.precreated import Precreated, consented

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph

SOON: Final = timedelta(minutes=6)
"""Until all that wait for a consent have checked for it, and nobody has given up."""


async def result(world: World, onboarding: str) -> str:
    """The status of an onboarding, or the code of its error."""
    document = await world.must("get_onboarding", id=onboarding)
    return str((document.get("error") or {}).get("code") or document["status"])


async def imports(
    world: World, apps: Precreated, caller: str, *, settle: bool = True, secret: str = "", **more: Any
) -> str:
    """An onboarding that imports the applications, with their secret or the name of one in the vault."""
    wanted = apps.request(vaultSecret=secret) if secret else apps.request()
    onboarding = await world.onboard(unique(caller), caller=caller, **wanted, **more)
    if settle:
        await world.settle(patience=SOON)
    return onboarding


async def consent(world: World, apps: Precreated) -> None:
    """The administrator consents, and the waiting run sees it."""
    member: Any = Member(world, str(world.cloud.info["tenant"]))
    await consented(member, apps.server, apps.client)
    world.note_grants()
    await world.settle(patience=SOON)


async def test_an_operator_does_not_get_ahead(world):
    """If an operator's onboarding succeeds first, the one that waits for consent does not fail."""
    apps = await world.registered(consent=False)
    waiting = await imports(world, apps, "requester")
    joined = await imports(world, apps, "operator", adminConsent="ByService")
    assert await result(world, joined) == "Succeeded"
    await world.settle(patience=SOON)
    assert await result(world, waiting) == "Succeeded"


@pytest.mark.parametrize(
    ("first", "second", "then"),
    [
        ("requester", "operator", "Waiting"),
        ("requester", "other", "app-in-use"),
        ("operator", "requester", "app-in-use"),
        ("requester", "requester", "Waiting"),
    ],
)
async def test_the_first_one_never_fails_because_of_a_later_one(world, first, second, then):
    """While the first one waits for consent, a later requester is refused, and a later operator joins."""
    apps = await world.registered(consent=False)
    waiting = await imports(world, apps, first)
    later = await imports(world, apps, second)
    assert (await result(world, waiting), await result(world, later)) == ("Waiting", then)
    await consent(world, apps)
    after = then if then == "app-in-use" else "Succeeded"
    assert (await result(world, waiting), await result(world, later)) == ("Succeeded", after)


async def test_the_order_is_that_of_the_acceptance(world):
    """An onboarding that was accepted first but starts late keeps its applications."""
    apps = await world.registered()
    first = await imports(world, apps, "requester", settle=False)
    late = await world.take([names.STEPS_QUEUE])
    second = await imports(world, apps, "other")
    assert await result(world, second) == "app-in-use"
    assert late is not None
    await world.handle(0, *late)
    await world.settle(patience=SOON)
    assert await result(world, first) == "Succeeded"


async def test_who_has_stopped_or_failed_has_no_place(world):
    """After the first one was cancelled, the second one is retried; the first one then comes second."""
    apps = await world.registered(consent=False)
    first = await imports(world, apps, "requester")
    name = "import-by-hand"
    second = await imports(world, apps, "other", secret=name)
    assert await result(world, second) == "app-in-use"
    other = (await world.must("get_onboarding", id=second))["requestedBy"]["id"]
    stored = {"value": apps.secret, "tags": {"requestedBy": other}}
    await world.look("keyVault", "PUT", f"/secrets/{name}?api-version=7.6", stored)
    await world.must("cancel_onboarding", id=first)
    await world.settle(patience=SOON)
    await world.must("retry_onboarding", id=second, caller="other")
    await world.settle(patience=SOON)
    assert await result(world, second) == "Waiting"
    third = await imports(world, apps, "requester")
    assert (await result(world, second), await result(world, third)) == ("Waiting", "app-in-use")
    await consent(world, apps)
    assert await result(world, second) == "Succeeded"


@pytest.mark.parametrize("meanwhile", ["other", ""])
async def test_a_failed_one_that_is_retried_displaces_nobody(world, meanwhile):
    """It regains its position unless somebody else started to use the applications in the meantime."""
    apps = await world.registered(consent=False)
    world.refuse("GET", "servicePrincipals", code="Request_BadRequest", status=400)
    first = await imports(world, apps, "requester")
    assert await result(world, first) == "request-bad-request"
    second = await imports(world, apps, meanwhile) if meanwhile else ""
    await world.must("retry_onboarding", id=first, caller="requester")
    await world.settle(patience=SOON)
    await consent(world, apps)
    assert await result(world, first) == ("app-in-use" if meanwhile else "Succeeded")
    assert not second or await result(world, second) == "Succeeded"


async def test_a_worker_that_stops_does_not_lose_the_place(world):
    """The first one's worker is frozen before its last write; an operator joins; another worker continues."""
    apps = await world.registered()
    writes = world.pin("host1", "insert", names.CONNECTIONS)
    first = await imports(world, apps, "requester", settle=False)
    late = world.go("host1", world.drain(1))
    await world.until(writes, late)
    joined = await imports(world, apps, "operator")
    assert await result(world, joined) == "Succeeded"
    await world.sweep()
    await world.settle(patience=SOON)
    writes.gate.set()
    await late
    assert await result(world, first) == "Succeeded"
    assert await violations(world) == []


async def test_an_operator_leaves_an_application_to_its_owner(world):
    """The first owner has removed its connection, and can import the applications again; others cannot."""
    apps = await world.registered()
    first = await imports(world, apps, "requester")
    joined = await imports(world, apps, "operator")
    connection = (await world.must("get_onboarding", id=first))["connectionId"]
    await world.must("remove_connection", id=connection)
    await world.settle(patience=SOON)
    assert await result(world, await imports(world, apps, "other")) == "app-in-use"
    assert await result(world, await imports(world, apps, "requester")) == "Succeeded"
    assert await result(world, joined) == "Succeeded"
    assert await violations(world) == []


async def test_the_applications_of_ones_own_onboarding_can_be_imported(world):
    """The requester that created an application can import it, even after an operator did; others cannot."""
    made = await world.must("get_connection", id=await world.connected("Made", caller="requester"))
    version = made["secret"]["vaultSecretId"].split("/secrets/")[1]
    value = world.cloud.vault("GET", f"/secrets/{version}")["value"]
    again = {
        "serverApp": {"existing": {"clientId": made["serverApp"]["clientId"], "secret": value}},
        "clientApp": {"existing": {"clientId": made["clientApp"]["clientId"]}},
    }
    results = []
    for caller in ("operator", "other", "requester"):
        onboarding = await world.onboard(f"Again {caller}", caller=caller, **again)
        await world.settle(patience=SOON)
        results.append(await result(world, onboarding))
    assert results == ["Succeeded", "app-in-use", "Succeeded"]
