"""What the service shows about itself must agree with what it did: events, calls, the overview, names."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from onboarding.audit.audit_event import AuditEvent
from onboarding.connections.records import key_of
from onboarding.lifecycle.name_reservations import CODEC as RESERVATION
from onboarding.lifecycle.plans import PLANS
from onboarding.lifecycle.requests import TENANT
from onboarding.storage import names
from onboarding.workflow.run import EVENTS, Event, Run, RunStatus
from tests.interleavings.world import World

Runs = dict[str, tuple[Run, RunStatus]]
_TABLES = (names.ONBOARDINGS, names.OPERATIONS, names.INSPECTIONS, names.NOTICES)
_EPOCH = "/secrets/service-epoch"
"""The event that the epoch's timer records every five minutes; it belongs to no run and no person."""

_OVER = {RunStatus.CANCELLED, RunStatus.ROLLED_BACK}


class Sent(NamedTuple):
    """A call that can have changed something, as an event or the cloud shows it."""

    id: str  # the request ID that the client set
    method: str
    path: str


def events(world: World) -> Iterator[Event]:
    """The events of all runs."""
    for table in _TABLES:
        for (_, key), row in world.tables._rows[table].items():
            if EVENTS.first <= key < EVENTS.last:
                yield Event.from_row(row)


def audited(world: World) -> Iterator[AuditEvent]:
    """The audit trails of both hosts."""
    for host in world.hosts:
        tables: Any = host.parts.stores.trail._tables
        for row in tables._rows[names.AUDIT].values():
            if not row.partition.startswith("~"):
                yield AuditEvent.from_row(row)


def calls(world: World) -> Iterator[str]:
    """Each call that can have changed something was sent, and is in exactly one event."""
    changes = [each for each in world.changes() if not each.path.startswith(_EPOCH)]
    got = Counter(Sent(each.id, each.method, each.path) for each in changes)
    shown = Counter(
        Sent(call.client_request_id, call.method, call.path)
        for event in events(world)
        for call in event.calls
        if call.changes
    )
    trail = {
        Sent(call.client_request_id, call.method, call.path)
        for event in audited(world)
        for call in event.calls
        if call.changes
    }
    for sent, count in got.items():
        if shown[sent] != count and not (shown[sent] == 0 and sent in trail):
            yield f"{sent.method} {sent.path} is {shown[sent]} times in events, and was sent {count} times"
    yield from (
        f"{sent.method} {sent.path} is in an event, and was not sent" for sent in shown if not got[sent]
    )
    yield from (f"{sent.method} {sent.path} is not in the audit trail" for sent in shown if sent not in trail)


def quiet(world: World, runs: Runs) -> Iterator[str]:
    """After its final status, a run changes nothing, except that a late worker undoes what it created."""
    at = {Sent(each.id, each.method, each.path): each.at for each in world.changes()}
    ended = {run.head.id: run.head.undone_at for run, status in runs.values() if status in _OVER}
    for event in events(world):
        end = ended.get(event.run)
        if end is None or event.kind == "superseded":
            continue
        for call in event.calls:
            sent = Sent(call.client_request_id, call.method, call.path)
            if call.changes and sent in at and at[sent] > end:
                yield f"{call.method} {call.path} came after the end of {event.run[:8]}"


async def reserved(world: World, runs: Runs, connections: set[str]) -> list[str]:
    """A name is reserved for an onboarding in progress or a connection; otherwise it is free."""
    found = []
    for row in world.tables._rows[names.CONNECTIONS].values():
        if not row.partition.startswith("~name:"):
            continue
        reservation = RESERVATION.load(row.columns["document"])
        run, status = runs.get(reservation.onboarding, (None, RunStatus.CANCELLED))
        if run is None:
            found.append(f"a name is reserved for {reservation.onboarding[:8]}, which does not exist")
            continue
        request = PLANS[run.head.plan].request_of(run.head)
        tenant = run.head.lists[TENANT]
        if f"{tenant}.{key_of(request.name)}" in connections or not status.final:
            continue
        body = {"name": json.loads(run.head.request)["name"], "tenantId": tenant}
        code, document = await world.call("validate_onboarding", body)
        text = json.dumps(document)
        if status is not RunStatus.FAILED and (code >= 500 or "name-reserved" in text):
            found.append(f"the name of {run.head.id[:8]} is not free: {text[:200]}")
    return found


async def overview(world: World, onboardings: Runs, operations: Runs) -> list[str]:
    """The counts of the overview are those of the runs."""
    document = await world.must("get_overview")
    found = []
    for kind, runs in (("onboardings", onboardings), ("operations", operations)):
        truth = Counter(_counted(status) for _, status in runs.values())
        for status, count in document[kind]["byStatus"].items():
            if count["count"] != truth[status]:
                found.append(
                    f"the overview counts {count['count']} {kind} {status}, there are {truth[status]}"
                )
    return found


def _counted(status: RunStatus) -> str:
    return status.value if status.final or status is RunStatus.NOT_STARTED else "Open"
