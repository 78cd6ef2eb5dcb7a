"""The lifecycle as states and verbs: what people, timers and hosts can do in each state, two at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from tests.interleavings.world import World

Verb = Callable[[World, str], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """A deployment in a state in which verbs can meet."""

    prepare: Callable[[World], Coroutine[Any, Any, str]]
    """Brings a new deployment into the state; returns the ID that the verbs are about."""
    verbs: Mapping[str, Verb]


async def _connected(world: World) -> str:
    return await world.connected("Contoso")


async def _waiting(world: World) -> str:
    connection = await world.connected("Contoso")
    await world.must("renew_secret", {}, id=connection)
    await world.settle()
    return connection


async def _failed(world: World) -> str:
    connection = await world.connected("Contoso")
    world.refuse("POST", "addPassword", code="Request_BadRequest", status=400)
    await world.must("renew_secret", {}, id=connection)
    await world.settle()
    return connection


async def _shared(world: World) -> str:
    owner = await world.connected("Contoso")
    await world.connected("Fabrikam", serverApp={"existing": {"connectionId": owner}})
    await world.must("renew_secret", {}, id=owner)
    await world.settle()
    return owner


async def _accepted(world: World) -> str:
    return await world.onboard("Contoso")


async def _imported(world: World) -> str:
    await world.registered(consent=False)
    return await world.connected("Contoso", **world.imported(), adminConsent="ByService")


async def _import_again(world: World, _: str) -> None:
    wanted = {"name": "Tailspin", "tenantId": world.cloud.info["tenant"], "adminConsent": "ByService"}
    await world.call("create_onboarding", {**wanted, **world.imported()})


async def _renew(world: World, connection: str) -> None:
    await world.call("renew_secret", {}, id=connection)


async def _renewal(world: World, connection: str) -> str:
    _, document = await world.call("get_connection", id=connection)
    return document.get("renewalId") or ""


async def _confirm(world: World, connection: str) -> None:
    if renewal := await _renewal(world, connection):
        await world.call("confirm_renewal", id=connection, renewal=renewal)


async def _retry(world: World, connection: str) -> None:
    if renewal := await _renewal(world, connection):
        await world.call("retry_operation", id=renewal)


async def _remove(world: World, connection: str) -> None:
    await world.call("remove_connection", id=connection)


async def _remove_sharer(world: World, owner: str) -> None:
    listed = await world.must("list_connections")
    for connection in listed["value"]:
        if connection["id"] != owner:
            await world.call("remove_connection", id=connection["id"])


async def _share(world: World, connection: str) -> None:
    existing = {"existing": {"connectionId": connection}}
    body = {"name": "Tailspin", "tenantId": world.cloud.info["tenant"], "serverApp": existing}
    await world.call("create_onboarding", body)


async def _inspect(world: World, _: str) -> None:
    await world.hosts[1].timers.inspection_sweep.run()


async def _sweep(world: World, _: str) -> None:
    for engine in world.hosts[1].parts.engines.values():
        await engine.sweep()


async def _time_passes(world: World, _: str) -> None:
    """Enough time that a host that does not continue meanwhile counts as dead."""
    world.clock.at += timedelta(minutes=20)
    await _sweep(world, "")
    world.clock.at += timedelta(minutes=2)


async def _cancel(world: World, onboarding: str) -> None:
    await world.call("cancel_onboarding", id=onboarding)


async def _same_name(world: World, _: str) -> None:
    body = {"name": "Contoso", "tenantId": world.cloud.info["tenant"]}
    await world.call("create_onboarding", body, caller="requester")


async def _work(_: World, __: str) -> None:
    """Only the hosts act."""


STATES: Final[Mapping[str, State]] = {
    "connected": State(
        prepare=_connected,
        verbs={
            "renew": _renew,
            "remove": _remove,
            "share": _share,
            "same-name": _same_name,
            "inspect": _inspect,
        },
    ),
    "renewal-waits": State(
        prepare=_waiting,
        verbs={"confirm": _confirm, "remove": _remove, "share": _share, "renew": _renew, "sweep": _sweep},
    ),
    "renewal-failed": State(
        prepare=_failed, verbs={"renew": _renew, "retry": _retry, "remove": _remove, "share": _share}
    ),
    "shared": State(
        prepare=_shared, verbs={"confirm": _confirm, "remove-sharer": _remove_sharer, "renew": _renew}
    ),
    "imported": State(
        prepare=_imported, verbs={"remove": _remove, "import-again": _import_again, "inspect": _inspect}
    ),
    "accepted": State(
        prepare=_accepted, verbs={"work": _work, "cancel": _cancel, "time-passes": _time_passes}
    ),
}

PAIRS: Final = [
    (name, *pair)
    for name, state in STATES.items()
    for pair in itertools.combinations_with_replacement(state.verbs, 2)
    if pair[0] != pair[1] or pair[0] in {"renew", "retry", "confirm", "remove", "share", "cancel"}
]
"""A state, and two verbs that meet in it."""


TRIPLES: Final = [
    ("connected", "renew", "remove", "share"),
    ("connected", "remove", "same-name", "inspect"),
    ("renewal-waits", "confirm", "remove", "share"),
    ("renewal-waits", "confirm", "renew", "sweep"),
    ("renewal-failed", "renew", "retry", "remove"),
    ("shared", "confirm", "remove-sharer", "renew"),
    ("imported", "remove", "import-again", "inspect"),
    ("accepted", "work", "cancel", "time-passes"),
]
"""A state, and three verbs that meet in it."""


async def acts(world: World, verb: Verb, target: str, host: int) -> None:
    """Somebody acts, and then a host works until there are no messages."""
    await verb(world, target)
    await world.drain(host)
