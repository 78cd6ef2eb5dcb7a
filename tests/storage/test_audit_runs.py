"""In the end, what a run did is in the audit trail, whatever happens to a worker or to the trail."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import azure.functions as func
import pytest
from azure.core.exceptions import HttpResponseError

from onboarding.api.callers import OPERATE_ROLE, Caller
from onboarding.api.documents import Document
from onboarding.api.endpoint import OPERATORS, Call, endpoint
from onboarding.api.front import Front
from onboarding.api.noted_calls import NotedCalls
from onboarding.api.reading import Parameters
from onboarding.audit.audit_event import AuditEvent, EventSubject
from onboarding.audit.trail import Trail, TrailView
from onboarding.clock import SystemClock
from onboarding.storage import names
from onboarding.storage.sealing import Seals
from onboarding.workflow.run_trail import RunTrail
from tests.storage.workbench import Workbench, kinds
from tests.support.memory import MemoryTables
from tests.support.memory_ledgers import MemoryLedgers

TENANT: Final = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"


class Ledgers(MemoryLedgers):
    """A copy that can refuse everything."""

    refuses = False

    async def append(self, name: str, data: bytes, *, at: int) -> None:
        if self.refuses:
            raise HttpResponseError(message="503")
        await super().append(name, data, at=at)


@pytest.fixture
def ledgers():
    return Ledgers()


@pytest.fixture
async def trail(bench, ledgers):
    """The audit trail of the runs of the bench."""
    await bench.account.create_table(names.AUDIT)
    await bench.account.create_table(names.SERVICE)
    tables, table = bench.account.tables, bench.runs.store._table
    trail = Trail(tables=tables, ledgers=ledgers)
    bench.runs.store._trail = RunTrail(
        tables=tables, table=table, trail=trail, subject=lambda _: EventSubject(TENANT, "c")
    )
    return trail


async def copied(trail: Trail) -> list[tuple[str, str, int]]:
    now = datetime.now(UTC)
    view = TrailView(since=now - timedelta(days=1), until=now + timedelta(days=9), tenant=TENANT)
    found, continuation = await trail.page(view, size=100)
    while continuation:
        page, continuation = await trail.page(view, size=100, continuation=continuation)
        found += page
    assert len({event.id for event in found}) == len(found)
    return sorted((event.step, event.kind, event.attempt) for event in found)


async def test_all_events_of_a_run_are_in_the_trail(bench: Workbench, trail):
    """Each event of a run is copied once, with the tenant and the connection."""
    head = await bench.start()
    await bench.drain()
    assert await copied(trail) == kinds(await bench.events(head))


async def test_what_a_worker_left_behind_is_copied(bench: Workbench, trail):
    """If a worker ends between the run and the trail, the next delivery copies what is missing."""
    head = await bench.start()
    received = await bench.receive()
    store = bench.runs.store
    working, store._trail = store._trail, None
    await bench.engine.handle(received.body, received.id)
    store._trail = working
    assert await copied(trail) == []
    await bench.handle(received)
    assert await copied(trail) == kinds(await bench.events(head))


async def test_a_run_goes_on_while_the_trail_does_not_answer(bench: Workbench, trail, ledgers, caplog):
    """The run ends; the sweep copies its events when the trail answers again."""
    ledgers.refuses = True
    head = await bench.start()
    with caplog.at_level(logging.CRITICAL):
        await bench.drain()
        await bench.engine.sweep()
    assert (await bench.status(head)).final
    assert await copied(trail) == []
    ledgers.refuses = False
    await bench.engine.sweep()
    assert await copied(trail) == kinds(await bench.events(head))
    await bench.engine.sweep()
    assert await copied(trail) == kinds(await bench.events(head))


class Done(Document):
    """The response of the endpoint."""


class EffectResource:
    """One endpoint that changes something, and one that reads something sensitive."""

    def __init__(self) -> None:
        self.called: list[str] = []

    @endpoint("POST /connections/{id}/effect", name="effect", roles=OPERATORS, answers={200: Done})
    async def effect(self, _: Call[Parameters, None]) -> Done:
        """Change something."""
        self.called.append("effect")
        return Done()

    @endpoint(
        "GET /connections/{id}/secret", name="secret", roles=OPERATORS, answers={200: Done}, sensitive=True
    )
    async def secret(self, _: Call[Parameters, None]) -> Done:
        """Read something."""
        self.called.append("secret")
        return Done()


class Known:
    """Everyone is the same operator."""

    async def identify(self, *_: object) -> Caller:
        return Caller(id="kim-id", name="Kim\nroot", roles=(OPERATE_ROLE,))


Serve = Callable[[str], Awaitable[func.HttpResponse]]


@pytest.fixture
async def doors(ledgers):
    """The resource, its caller, and the trail."""
    tables = MemoryTables()
    for table in (names.AUDIT, names.SERVICE, names.CONNECTIONS):
        tables.create(table)
    trail, resource = Trail(tables=tables, ledgers=ledgers), EffectResource()
    callers: Any = Known()
    front = Front(
        callers=callers,
        seals=Seals(tables),
        clock=SystemClock(),
        public_url="",
        noted=NotedCalls(trail=trail, runs={}, clock=SystemClock()),
    )

    async def serve(name: str) -> func.HttpResponse:
        handler = getattr(resource, name)
        declared = vars(getattr(EffectResource, name))["endpoint"]
        request = func.HttpRequest(
            method=declared.method,
            url=f"https://cmg.contoso.com/api/connections/{TENANT}.c/{name}",
            route_params={"id": f"{TENANT}.c"},
            body=b"",
        )
        return await front.serve(request, declared, handler)

    return resource, serve, trail


async def events(trail: Trail) -> list[AuditEvent]:
    now = datetime.now(UTC)
    found, _ = await trail.page(
        TrailView(since=now - timedelta(hours=1), until=now + timedelta(hours=1), tenant=TENANT), size=100
    )
    return found


@pytest.mark.parametrize(("name", "status"), [("effect", 0), ("secret", 200)])
async def test_a_call_is_noted_with_its_caller(doors, name, status):
    """An effect is recorded before it happens, and a read when it is answered."""
    resource, serve, trail = doors
    answer = await serve(name)
    assert answer.status_code == 200
    (event,) = await events(trail)
    assert (event.kind, event.actor_id, event.connection) == (name, "kim-id", f"{TENANT}.c")
    assert event.request == answer.headers["x-ms-request-id"]
    assert event.status == status
    assert "\n" not in event.line
    assert resource.called == [name]


@pytest.mark.parametrize("name", ["effect", "secret"])
async def test_without_the_trail_nothing_happens(doors, ledgers, name):
    """A call that cannot be recorded has no effect and returns nothing."""
    resource, serve, trail = doors
    ledgers.refuses = True
    answer = await serve(name)
    assert answer.status_code == 503
    assert json.loads(answer.get_body())["code"] == "storage-unavailable"
    assert "effect" not in resource.called
    assert await events(trail) == []
    ledgers.refuses = False
    assert (await serve(name)).status_code == 200
