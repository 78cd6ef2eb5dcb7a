"""The records of a run: its head, its steps, and its audit events.

All rows of one run share a partition, so they change together. ``to_row`` and ``from_row`` are the only
places that know the columns. The request and the results are text here, because their types belong to the
plan and its steps. The status is never stored: it follows from the steps, so it cannot be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator, Field

from onboarding.behalf import Behalf
from onboarding.calls import CloudCall
from onboarding.errors import Action, requests
from onboarding.storage import keys
from onboarding.storage.codec import LONGEST_COLUMN, Codec, fits
from onboarding.storage.tables import Range, Row
from onboarding.storage.unreadable_rows import UnreadableRow, load, placed, text
from onboarding.texts.phrases import Said
from onboarding.workflow.outcomes import Failure

HEAD: Final = "head"
STEPS: Final = keys.prefixed("step:")
EVENTS: Final = keys.prefixed("event:")
STATE: Final = Range(HEAD, STEPS.last)
"""Head and steps, without the events: one query reads a run."""

_Failing = TypeVar("_Failing", "StepState", "Event")

_OwnColumn = Annotated[str, Field(exclude=True)]
"""Text that is not part of the document: it has its own column, or belongs to the row."""


def _actions(stored: Any) -> Any:
    """Actions as they are stored; earlier releases stored only their URLs."""
    return [Action.page(action) if isinstance(action, str) else action for action in stored]


_Actions = Annotated[tuple[Action, ...], BeforeValidator(_actions)]


class StepStatus(StrEnum):
    """The status of a step."""

    PENDING = "Pending"  # not started
    RUNNING = "Running"  # an invocation runs it
    WAITING = "Waiting"  # a delayed message will wake it
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"  # the run was stopped before the step was done


class RunStatus(StrEnum):
    """The status of a run; see ``final``."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    WAITING = "Waiting"  # until a delayed message becomes visible
    CANCELLING = "Cancelling"  # stopped; what it created is being removed, or could not be removed
    ROLLING_BACK = "RollingBack"  # the same for one that had failed
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"  # stopped, and what it created is removed
    ROLLED_BACK = "RolledBack"  # failed, and what it created is removed

    @property
    def final(self) -> bool:
        """Whether the run changes only if a person intervenes."""
        return self in FINAL


STOPPING: Final = {
    RunStatus.CANCELLED: RunStatus.CANCELLING,
    RunStatus.ROLLED_BACK: RunStatus.ROLLING_BACK,
}
"""The status before the final one of a stopped run."""

FINAL: Final = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.ROLLED_BACK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Author:
    """Who did something, as the audit trail shows it: a name can be inherited or shared, an ID cannot."""

    name: str
    id: str = ""  # object ID in the home tenant; empty if nobody signed in
    on_behalf_of: Behalf | None = None  # the person behind it, as the caller names it


SERVICE: Final = Author(name="service")
"""The author if there is no caller."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The request, its time and its caller. ``Plan.head`` creates it."""

    id: str
    plan: str
    actor: str  # the name of the author
    actor_id: str = ""
    on_behalf_of: Behalf | None = None  # as the author has it
    created_at: datetime
    retried_at: datetime | None = None  # when somebody last retried it after it had failed
    lists: Mapping[str, str] = field(default_factory=dict)  # the lists of the index that contain it, by kind
    fingerprint: str = ""  # of the request: the same idempotency key must have the same fingerprint
    traceparent: str = ""
    authority: str = ""  # of the caller; the plan knows its meaning
    stop_as: RunStatus | None = None  # the final status of a stopped run
    undone: bool = False  # a stopped run: nothing is running, and what it created is removed
    undone_at: datetime | None = None
    request: _OwnColumn = ""  # as the plan's codec writes it
    etag: _OwnColumn = field(default="", compare=False)
    table: _OwnColumn = field(default="", compare=False)

    @property
    def author(self) -> Author:
        """Who requested the run."""
        return Author(name=self.actor, id=self.actor_id, on_behalf_of=self.on_behalf_of)

    def evolve(self, **changes: Any) -> Head:
        """The same head, changed."""
        return replace(self, **changes)

    def to_row(self) -> Row:
        """The head's row."""
        columns = {"document": _HEADS.dump(self), "request": self.request}
        return Row(partition=self.id, key=HEAD, columns=columns, etag=self.etag, table=self.table)

    @classmethod
    def from_row(cls, row: Row) -> Head:
        """The head of a row."""
        head = load(_HEADS, row)
        placed(row, Row(partition=head.id, key=row.key))
        return replace(head, request=text(row, "request"), etag=row.etag, table=row.table)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepState:
    """The state of one step of one run."""

    run: str
    name: str
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0  # number of attempts
    key: str = ""  # the message of the last attempt ...
    delivery: str = ""  # ... and its delivery: if it is delivered again, its worker has crashed
    beat: int = 0  # how often workers have renewed their claims
    changed_at: datetime | None = None
    started_at: datetime | None = None  # of the first attempt
    due_at: datetime | None = None  # when Waiting: when its message becomes visible
    tries: int = 0  # number of consecutive errors or waits
    since: datetime | None = None  # the start of the wait or of the errors
    waiting_for: str = ""
    waiting_code: str = ""  # the same for programs
    waiting_said: Said | None = None  # the same, for other languages
    actions: _Actions = ()  # with which a person can do what the step waits for
    error: Failure | None = None
    signal: str = ""  # what a person has sent to the waiting step
    memo: str = ""  # what an attempt that failed had done, as the step writes it
    noted: tuple[str, ...] = ()  # what attempts may have made, noted before each began
    result: _OwnColumn = ""  # as the step's codec writes it
    etag: _OwnColumn = ""
    table: _OwnColumn = field(default="", compare=False)

    @property
    def is_blocked(self) -> bool:
        """Whether the step waits until somebody who is not the requester removes the cause of its error."""
        return self.status is StepStatus.WAITING and self.error is not None and self.error.actor.is_awaited

    def evolve(self, **changes: Any) -> StepState:
        """The same step, changed."""
        return replace(self, **changes)

    def to_row(self) -> Row:
        """The step's row."""
        columns = {"document": _fitting(_STEPS, self), "result": self.result or None}
        key = f"{STEPS.first}{self.name}"
        return Row(partition=self.run, key=key, columns=columns, etag=self.etag, table=self.table)

    @classmethod
    def from_row(cls, row: Row) -> StepState:
        """The step of a row."""
        step = load(_STEPS, row)
        placed(row, Row(partition=step.run, key=f"{STEPS.first}{step.name}"))
        result = text(row, "result") if "result" in row.columns else ""
        return replace(step, result=result, etag=row.etag, table=row.table)

    @classmethod
    def damaged(cls, row: UnreadableRow) -> StepState:
        """The step of a row that cannot be read: it counts as failed until it is retried or undone."""
        error = requests.ROW_UNREADABLE.error(table=row.table, key=row.key, reason=row.why)
        return cls(
            run=row.partition,
            name=row.key.removeprefix(STEPS.first),
            status=StepStatus.FAILED,
            error=Failure.of(error),
            etag=row.etag,
            table=row.table,
        )

    @property
    def is_damaged(self) -> bool:
        """Whether the row of the step cannot be read."""
        unreadable = self.error is not None and self.error.code == requests.ROW_UNREADABLE.code
        return unreadable and self.changed_at is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """An entry of the audit trail: what happened, when, by whom, and with which calls."""

    run: str
    at: datetime
    kind: str  # of the outcome of a step, or of what a person did
    step: str = ""
    attempt: int = 0
    actor: str
    actor_id: str = ""
    on_behalf_of: Behalf | None = None
    detail: str = ""
    error: Failure | None = None
    calls: tuple[CloudCall, ...] = ()

    @classmethod
    def by(cls, author: Author, **fields: Any) -> Event:
        """An event of an author."""
        return cls(actor=author.name, actor_id=author.id, on_behalf_of=author.on_behalf_of, **fields)

    def to_row(self) -> Row:
        """The event's row. The same event has the same row. If there are many calls, the newest are kept."""
        key = f"{EVENTS.first}{keys.milliseconds(self.at)}:{self.step}:{self.attempt:04d}:{self.kind}"
        event = self
        while event.calls and not fits(_EVENTS.dump(event)):
            event = replace(event, calls=event.calls[len(event.calls) // 2 + 1 :])
        return Row(partition=self.run, key=key, columns={"document": _fitting(_EVENTS, event)})

    @classmethod
    def from_row(cls, row: Row) -> Event:
        """The event of a row."""
        return load(_EVENTS, row)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A head with all its steps."""

    head: Head
    steps: Mapping[str, StepState]

    @property
    def is_damaged(self) -> bool:
        """Whether the row of one of its steps cannot be read."""
        return any(step.is_damaged for step in self.steps.values())

    def having(self, steps: Iterable[StepState]) -> Run:
        """The run with these steps instead of their old versions."""
        return replace(self, steps={**self.steps, **{step.name: step for step in steps}})


def _fitting(codec: Codec[_Failing], record: _Failing) -> str:
    """A step or an event as JSON that fits into a column: an error with many names is shortened."""
    error, longest = record.error, LONGEST_COLUMN // 8
    while not fits(text := codec.dump(record)) and error and longest:
        error = replace(
            error,
            findings=error.findings[: len(error.findings) // 2],
            detail=_cut(error.detail, longest),
            remedy=_cut(error.remedy, longest),
            args={},
            actions=(),
        )
        record, longest = replace(record, error=error), longest // 2
    return text


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}\u2026"


_HEADS: Final = Codec(Head)
_STEPS: Final = Codec(StepState)
_EVENTS: Final = Codec(Event)
