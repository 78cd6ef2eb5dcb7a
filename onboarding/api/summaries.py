"""What the overview says of what it has read: what needs somebody first, then the parts, then the tenants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from onboarding.api.moments import iso
from onboarding.connections.records import Connection
from onboarding.drift.drift_index import Drifting
from onboarding.notices.failing_deliveries import FailingDelivery
from onboarding.storage import names
from onboarding.workflow.poison_messages import PoisonMessage
from onboarding.workflow.run import RunStatus
from onboarding.workflow.run_index import Entry

OPEN: Final = "Open"
"""Running and waiting runs: which of the two one is, only its steps tell."""

_SHOWN: Final = 10
_TENANTS: Final = 100
_URGENT: Final = timedelta(days=7)
_RECENT: Final = timedelta(days=7)
_LONG: Final = timedelta(days=1)

_Thing = TypeVar("_Thing")
Expiring = tuple[Connection, str]
"""A connection, and one of its expirations."""


@dataclass(frozen=True, slots=True)
class Some(Generic[_Thing]):
    """What was found of something, and whether there is more that was not read."""

    found: Sequence[_Thing]
    more: bool

    def where(self, keep: Callable[[_Thing], bool]) -> Some[_Thing]:
        """A part of it."""
        return Some([each for each in self.found if keep(each)], self.more)

    def as_json(self) -> dict[str, Any]:
        """How many there are."""
        return {"count": len(self.found), "more": self.more}


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What was read."""

    onboardings: Mapping[str, Some[Entry]]  # by status
    operations: Mapping[str, Some[Entry]]
    queues: Mapping[str, int]
    messages: Some[PoisonMessage]
    expirations: Some[Expiring]  # the soonest first
    drifting: Some[Drifting]
    failing: Some[FailingDelivery]
    now: datetime


def document(facts: Facts, tenant: str | None, url: str) -> dict[str, Any]:
    """The overview; ``url`` is the API's base address."""
    return {
        "checkedAt": iso(facts.now),
        "tenantId": tenant,
        "attention": list(_attention(facts, url)),
        "onboardings": _runs(facts.onboardings, facts.now),
        "operations": _runs(facts.operations, facts.now),
        "expirations": [
            _expiration(connection, name) for connection, name in facts.expirations.found[:_SHOWN]
        ],
        "differences": [_deviating(each) for each in facts.drifting.found[:_SHOWN]],
        "channels": [_trouble(each) for each in facts.failing.found[:_SHOWN]],
        "queues": [{"queue": name, "count": count} for name, count in facts.queues.items()],
        "tenants": _tenants(facts),
    }


def _attention(facts: Facts, url: str) -> Iterator[dict[str, Any]]:
    """What needs somebody, the gravest first."""
    stuck = sum(facts.queues[queue] for queue in names.POISON_QUEUES)
    unseen = facts.expirations.where(lambda each: each[0].acknowledgement(each[1]) is None)
    over = unseen.where(lambda each: _end(each) <= facts.now)
    urgent = unseen.where(lambda each: facts.now < _end(each) <= facts.now + _URGENT)
    failed, stopped = _recent(facts.onboardings, facts.now), _recent(facts.operations, facts.now)
    old = _open(facts.onboardings).where(lambda entry: entry.announced_at < facts.now - _LONG)
    needs: Sequence[tuple[str, str, Some[Any], str]] = (
        ("poison-queue", "Messages lie on a poison queue", Some(range(stuck), more=False), "poison"),
        ("given-up", "Messages were given up", facts.messages, "poison"),
        ("ended", "An expiration has ended, and nobody has seen it", over, "expirations?state=Expired"),
        ("ends-soon", "An expiration ends within a week", urgent, "expirations?withinDays=7"),
        ("drifting", "The directory is not as it should be", facts.drifting, ""),  # see differences
        ("channel-trouble", "Channels do not take notices", facts.failing, ""),  # see channels
        ("onboarding-failed", "Onboardings have failed within a week", failed, "onboardings?status=Failed"),
        ("operation-failed", "Operations have failed within a week", stopped, "operations?status=Failed"),
        ("open-for-long", "Onboardings are open for more than a day", old, "onboardings?status=Waiting"),
    )
    for code, title, some, path in needs:
        if some.found:
            yield {"code": code, "title": title, **some.as_json(), "url": f"{url}{path}" if path else None}


def _runs(statuses: Mapping[str, Some[Entry]], now: datetime) -> dict[str, Any]:
    oldest = min(_open(statuses).found, key=lambda entry: entry.announced_at, default=None)
    return {
        "oldestOpen": _entry(oldest) if oldest else None,
        "failedWithinAWeek": _recent(statuses, now).as_json(),
        "byStatus": {name: some.as_json() for name, some in statuses.items()},
    }


def _open(statuses: Mapping[str, Some[Entry]]) -> Some[Entry]:
    new, running = statuses[RunStatus.NOT_STARTED], statuses[OPEN]
    return Some([*new.found, *running.found], new.more or running.more)


def _recent(statuses: Mapping[str, Some[Entry]], now: datetime) -> Some[Entry]:
    failed = statuses[RunStatus.FAILED]
    recent = failed.where(lambda entry: entry.announced_at > now - _RECENT)
    return Some(recent.found, failed.more and len(recent.found) == len(failed.found))


def _tenants(facts: Facts) -> list[dict[str, Any]]:
    """The tenants of which there is something to say, those with the most first."""
    columns: Mapping[str, Iterable[str]] = {
        "expiring": (connection.tenant for connection, _ in facts.expirations.found),
        "drifting": (each.tenant for each in facts.drifting.found),
        "failingDeliveries": (each.tenant for each in facts.failing.found if each.tenant),  # no digests
        "failedWithinAWeek": (each.tenant for each in _recent(facts.onboardings, facts.now).found),
        "open": (each.tenant for each in _open(facts.onboardings).found),
    }
    counted = {name: Counter(tenants) for name, tenants in columns.items()}
    total = sum(counted.values(), Counter[str]())
    return [
        {"tenantId": tenant, **{name: counts[tenant] for name, counts in counted.items()}}
        for tenant, _ in total.most_common(_TENANTS)
    ]


def _entry(entry: Entry) -> dict[str, Any]:
    return {"id": entry.run, "tenantId": entry.tenant, "since": iso(entry.announced_at)}


def _end(expiring: Expiring) -> datetime:
    connection, name = expiring
    return connection.expirations[name]


def _expiration(connection: Connection, kind: str) -> dict[str, Any]:
    return {
        "connectionId": connection.id,
        "connectionName": connection.name,
        "tenantId": connection.tenant,
        "kind": kind,
        "endsAt": iso(connection.expirations[kind]),
        "acknowledged": connection.acknowledgement(kind) is not None,
    }


def _deviating(each: Drifting) -> dict[str, Any]:
    return {
        "connectionId": each.connection,
        "connectionName": each.name,
        "tenantId": each.tenant,
        "codes": list(each.codes),
        "since": iso(each.since),
    }


def _trouble(each: FailingDelivery) -> dict[str, Any]:
    return {
        "channel": each.channel,
        "state": str(each.state),
        "kind": each.kind,
        "connectionId": each.connection,
        "tenantId": each.tenant,
        "since": iso(each.announced_at),
        "attempts": each.attempts,
        "error": each.error,
    }
