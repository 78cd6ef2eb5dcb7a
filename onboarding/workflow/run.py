"""The records of a run: its head, its steps, its events, and the status that follows from them.

All rows of one run share a partition, so they change together. ``to_row`` and ``from_row`` are the only
places that know the columns. The status is never stored: it is derived from the steps, so it can't be wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from onboarding.storage import keys
from onboarding.storage.tables import Range, Row
from onboarding.workflow.plan import Plan

HEAD: Final = "head"
STEPS: Final = keys.prefixed("step:")
EVENTS: Final = keys.prefixed("event:")
STATE: Final = Range(HEAD, STEPS.last)
"""Head and steps, without the events: what one query reads to know a run."""

_LONGEST_COLUMN: Final = 32_000  # characters; Table Storage allows 64 KiB in UTF-16


class StepStatus(StrEnum):
    """Where a step is."""

    PENDING = "Pending"  # not begun
    RUNNING = "Running"  # an invocation works on it
    WAITING = "Waiting"  # a delayed message will wake it
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"  # the run was stopped before it was done


class RunStatus(StrEnum):
    """Where a run is; the last four are final."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    WAITING = "Waiting"  # nothing to do until a delayed message comes
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"  # stopped, and what it had made is removed
    ROLLED_BACK = "RolledBack"  # had failed, and what it had made is removed

    @property
    def final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in FINAL


FINAL: Final = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.ROLLED_BACK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """Who asked for what, when."""

    id: str
    plan: str
    tenant: str
    name: str
    requester: str  # object id of the caller in Entra
    requester_name: str  # how the audit trail names the caller
    created_at: datetime
    request: Mapping[str, Any]  # the validated request, defaults filled in
    fingerprint: str  # hash of the request: the same Idempotency-Key must bring the same one
    traceparent: str = ""
    stop_as: RunStatus | None = None  # the status that a stopped run ends with
    undone: bool = False  # a stopped run: nothing runs any more, and what it had made is removed
    etag: str = field(default="", compare=False)

    def evolve(self, **changes: Any) -> Head:
        """The same head, changed."""
        return replace(self, **changes)

    def to_row(self) -> Row:
        """The head's row."""
        columns = {
            "plan": self.plan,
            "tenant": self.tenant,
            "name": self.name,
            "requester": self.requester,
            "requesterName": self.requester_name,
            "createdAt": self.created_at.isoformat(),
            "request": _dump(self.request),
            "fingerprint": self.fingerprint,
            "traceparent": self.traceparent,
            "stopAs": str(self.stop_as) if self.stop_as else None,
            "undone": self.undone or None,
        }
        return Row(partition=self.id, key=HEAD, columns=columns, etag=self.etag)

    @classmethod
    def from_row(cls, row: Row) -> Head:
        """The head of a row."""
        columns = row.columns
        return cls(
            id=row.partition,
            plan=columns["plan"],
            tenant=columns["tenant"],
            name=columns["name"],
            requester=columns["requester"],
            requester_name=columns["requesterName"],
            created_at=datetime.fromisoformat(columns["createdAt"]),
            request=json.loads(columns["request"]),
            fingerprint=columns["fingerprint"],
            traceparent=columns.get("traceparent", ""),
            stop_as=RunStatus(columns["stopAs"]) if "stopAs" in columns else None,
            undone=columns.get("undone", False),
            etag=row.etag,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class StepState:
    """Where one step of one run is."""

    run: str
    name: str
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0  # how often it was begun
    key: str = ""  # the message that began it last ...
    delivery: str = ""  # ... and the delivery of that message: the same one again means its worker is gone
    changed_at: datetime | None = None
    started_at: datetime | None = None  # of the first attempt
    due_at: datetime | None = None  # when Waiting: when its message becomes visible
    tries: int = 0  # how often in a row it could not do its work
    since: datetime | None = None  # when it began to wait, or the trouble began
    waiting_for: str = ""
    actions: tuple[str, ...] = ()  # URLs where somebody can do what it waits for
    error: Mapping[str, Any] | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    signal: str = ""  # what somebody told it while it waited
    etag: str = ""

    def evolve(self, **changes: Any) -> StepState:
        """The same step, changed."""
        return replace(self, **changes)

    def to_row(self) -> Row:
        """The step's row."""
        columns = {
            "status": str(self.status),
            "attempt": self.attempt,
            "key": self.key,
            "delivery": self.delivery,
            "changedAt": _iso(self.changed_at),
            "startedAt": _iso(self.started_at),
            "dueAt": _iso(self.due_at),
            "tries": self.tries,
            "since": _iso(self.since),
            "waitingFor": self.waiting_for or None,
            "actions": json.dumps(self.actions) if self.actions else None,
            "error": _dump(self.error) if self.error else None,
            "result": _dump(self.result) if self.result else None,
            "signal": self.signal or None,
        }
        return Row(partition=self.run, key=f"{STEPS.first}{self.name}", columns=columns, etag=self.etag)

    @classmethod
    def from_row(cls, row: Row) -> StepState:
        """The step of a row."""
        columns = row.columns
        return cls(
            run=row.partition,
            name=row.key.removeprefix(STEPS.first),
            status=StepStatus(columns["status"]),
            attempt=columns["attempt"],
            key=columns.get("key", ""),
            delivery=columns.get("delivery", ""),
            changed_at=_moment(columns.get("changedAt")),
            started_at=_moment(columns.get("startedAt")),
            due_at=_moment(columns.get("dueAt")),
            tries=columns.get("tries", 0),
            since=_moment(columns.get("since")),
            waiting_for=columns.get("waitingFor", ""),
            actions=tuple(json.loads(columns["actions"])) if "actions" in columns else (),
            error=json.loads(columns["error"]) if "error" in columns else None,
            result=json.loads(columns["result"]) if "result" in columns else {},
            signal=columns.get("signal", ""),
            etag=row.etag,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One line of the audit trail: what happened when, by whom, and which calls were made for it."""

    run: str
    at: datetime
    kind: str  # accepted, started, resumed, waiting, retrying, succeeded, failed; what people did
    step: str = ""
    attempt: int = 0
    actor: str
    detail: str = ""
    error: Mapping[str, Any] | None = None
    calls: tuple[Mapping[str, Any], ...] = ()  # service, method, path, status, requestId, clientRequestId

    def to_row(self) -> Row:
        """The event's row; the same event written twice is one row."""
        key = f"{EVENTS.first}{keys.milliseconds(self.at)}:{self.step}:{self.attempt:04d}:{self.kind}"
        columns = {
            "at": self.at.isoformat(),
            "kind": self.kind,
            "step": self.step,
            "attempt": self.attempt,
            "actor": self.actor,
            "detail": self.detail or None,
            "error": _dump(self.error) if self.error else None,
            "calls": _dump_calls(self.calls) if self.calls else None,
        }
        return Row(partition=self.run, key=key, columns=columns)

    @classmethod
    def from_row(cls, row: Row) -> Event:
        """The event of a row."""
        columns = row.columns
        return cls(
            run=row.partition,
            at=datetime.fromisoformat(columns["at"]),
            kind=columns["kind"],
            step=columns.get("step", ""),
            attempt=columns.get("attempt", 0),
            actor=columns["actor"],
            detail=columns.get("detail", ""),
            error=json.loads(columns["error"]) if "error" in columns else None,
            calls=tuple(json.loads(columns["calls"])) if "calls" in columns else (),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A head with all its steps."""

    head: Head
    steps: Mapping[str, StepState]

    @classmethod
    def new(cls, head: Head, plan: Plan) -> Run:
        """A run of which nothing has begun."""
        return cls(head=head, steps={name: StepState(run=head.id, name=name) for name in plan.steps})

    @property
    def results(self) -> dict[str, Mapping[str, Any]]:
        """What the steps that are done have left for those that follow."""
        return {step.name: step.result for step in self.steps.values() if step.status is StepStatus.SUCCEEDED}

    def ready(self, plan: Plan, name: str) -> bool:
        """Whether a step has not begun and everything it waits for is done."""
        return self.steps[name].status is StepStatus.PENDING and all(
            self.steps[other].status is StepStatus.SUCCEEDED for other in plan.steps[name].after
        )

    def status(self, plan: Plan) -> RunStatus:
        """The run's status, as its steps tell it; of one that was stopped, how far that is."""
        if self.head.stop_as:
            return self.head.stop_as if self.head.undone else RunStatus.RUNNING
        statuses = {step.status for step in self.steps.values()}
        if statuses == {StepStatus.SUCCEEDED}:
            return RunStatus.SUCCEEDED
        if StepStatus.RUNNING in statuses:
            return RunStatus.RUNNING
        if StepStatus.FAILED in statuses:
            return RunStatus.FAILED
        if not any(step.attempt for step in self.steps.values()):
            return RunStatus.NOT_STARTED
        begins = any(self.ready(plan, name) for name in self.steps)
        return RunStatus.RUNNING if begins else RunStatus.WAITING


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _dump(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _dump_calls(calls: tuple[Mapping[str, Any], ...]) -> str:
    """The newest calls that fit into a column."""
    while len(text := json.dumps(calls, separators=(",", ":"))) > _LONGEST_COLUMN:
        calls = calls[len(calls) // 2 :]
    return text
