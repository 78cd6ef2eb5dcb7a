"""Responses of people to a warning: people are identified by object ID, not by name."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from onboarding.api.callers import OPERATE_ROLE, REQUEST_ROLE, Caller
from onboarding.api.handover_links import AUTHOR
from onboarding.connections.cadence import SECRET
from onboarding.connections.records import Connection
from onboarding.expiry.user_responses import Responder
from onboarding.storage import names
from tests.support.connections import onboarding_request
from tests.support.memory import Call, nothing
from tests.support.world import World

DAY: Final = timedelta(days=1)
KIM: Final = Caller(id="kim-1", name="Kim", roles=(OPERATE_ROLE,))
NAMESAKE: Final = replace(KIM, id="kim-2")
RESPONSES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "acknowledged": ("acknowledge_connection", {}),
    "snoozed": ("snooze_connection", {"days": 3}),
}
"""The calls, and what they are in the record and in the trail."""


@pytest.fixture
async def world(tmp_path):
    """A deployment with a connection whose first warning is due."""
    world = World(tmp_path / "clock")
    await world.onboard(onboarding_request(name="Due"), world.clock.now())
    await world.connect("Due", world.clock.now() + 20 * DAY, drifts=False)
    return world


async def due(world: World) -> Connection:
    """The connection."""
    (found,), _ = await world.parts.stores.connection_store.page(requester=None, size=2, continuation="")
    connection: Connection = found
    return connection


async def respond(world: World, kind: str, caller: Caller) -> None:
    """A response by API, after a while."""
    world.advance(timedelta(minutes=1))
    name, body = RESPONSES[kind]
    await world.call(name, caller=caller, path={"id": (await due(world)).id}, body=body)


async def trail(world: World, kind: str) -> list[tuple[str, str]]:
    """Who gave a response, by the audit trail: IDs and names."""
    events = await world.parts.onboarding_runs.store.events((await due(world)).onboarding, size=100)
    return [(event.actor_id, event.actor) for event in events[0] if event.kind == kind]


@pytest.mark.parametrize("kind", RESPONSES)
async def test_two_people_of_one_name_are_two(world, kind):
    """The trail keeps who responded first, even if another person with the same name responds later."""
    await respond(world, kind, KIM)
    first = await due(world)
    await respond(world, kind, NAMESAKE)
    later = {"acknowledged": [], "snoozed": [("kim-2", "Kim")]}[kind]  # the later snooze ends later
    assert await trail(world, kind) == [("kim-1", "Kim"), *later]
    changed = await due(world)
    assert (getattr(changed, kind)[SECRET] == getattr(first, kind)[SECRET]) is (kind == "acknowledged")
    await respond(world, kind, NAMESAKE)
    assert await trail(world, kind) == [("kim-1", "Kim"), *later]


@pytest.mark.parametrize("kind", RESPONSES)
async def test_the_response_of_a_person_who_has_a_new_name_is_the_same(world, kind):
    """The event still has the name that the person had then."""
    await respond(world, kind, KIM)
    first = await due(world)
    await respond(world, kind, replace(KIM, name="Lee"))
    assert await due(world) == first
    assert await trail(world, kind) == [("kim-1", "Kim")]


async def test_a_caller_with_the_name_of_a_link_is_no_link(world):
    """Nobody signs in to follow a link, so its response has no ID; a caller's response has one."""
    connection = await due(world)
    end = connection.expirations[SECRET]
    link, caller = Responder(AUTHOR, operates=False), replace(KIM, name=AUTHOR.name, roles=(REQUEST_ROLE,))
    await world.parts.responses.acknowledge(connection.id, SECRET, end, link)
    first = await due(world)
    await world.parts.responses.acknowledge(
        connection.id, SECRET, end, Responder(caller.author, operates=False)
    )
    assert await due(world) == first
    assert await trail(world, "acknowledged") == [("", AUTHOR.name)]


async def test_a_requester_who_is_a_moment_late_does_not_replace_an_operator(world):
    """When a response is written, its authority is compared with that of the existing response."""
    connection = await due(world)
    end, responses = connection.expirations[SECRET], world.parts.responses

    @contextlib.asynccontextmanager
    async def overtaken(call: Call) -> AsyncIterator[None]:
        if call.writes and call.place == names.CONNECTIONS:
            world.tables._around = nothing
            operator = Responder(KIM.author, operates=True)
            await responses.acknowledge(connection.id, SECRET, end, operator)
        yield

    world.tables._around = overtaken
    requester = Responder(replace(KIM, id="portal").author, operates=False)
    await responses.acknowledge(connection.id, SECRET, end, requester)
    assert (await due(world)).is_acknowledged(SECRET)
    assert await trail(world, "acknowledged") == [("kim-1", "Kim")]
