"""The documents of runs of any kind: their steps, their progress, their audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import Field

from onboarding.api.documents import CloudService, Document, Label, StepName, Wording
from onboarding.api.paging import Page
from onboarding.api.told import Action, Actions, StepError
from onboarding.errors import Actor
from onboarding.lifecycle.awaited import WaitingCode
from onboarding.lifecycle.requests import ASKER, REQUESTER
from onboarding.lifecycle.run_offers import offers
from onboarding.texts import phrases
from onboarding.texts.phrases import Said
from onboarding.words.word import EMPTY, Word
from onboarding.workflow.run import Head, Run, RunStatus, StepState, StepStatus

ONBOARDINGS: Final = "onboardings"
OPERATIONS: Final = "operations"

_OVER: Final = {StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.CANCELLED}


class OnBehalfOf(Document):
    """On whose behalf a caller acts, as the caller reports it."""

    name: Word
    reference: Annotated[Word, Field(description="Such as the number of a ticket.")] = EMPTY


class Requester(Document):
    """The caller who requested a run."""

    id: str
    name: str

    @classmethod
    def of(cls, head: Head) -> Self:
        """The requester of a run."""
        return cls(id=head.lists.get(ASKER, head.lists[REQUESTER]), name=head.actor)


class Step(Document):
    """One step of a run."""

    name: StepName
    title: Label
    status: StepStatus
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    next_attempt_at: datetime | None
    waiting_for: Wording | None
    waiting_code: Annotated[WaitingCode | None, Field(description="What waitingFor describes, for programs.")]
    action_urls: Annotated[tuple[str, ...], Field(description="The pages of `actions`.")]
    actions: Actions
    error: StepError | None

    @classmethod
    def of(cls, step: StepState, title: str) -> Self:
        """The current state of a step."""
        waiting = step.status is StepStatus.WAITING
        return cls(
            name=step.name,
            title=title,
            status=step.status,
            attempts=step.attempt,
            started_at=step.started_at,
            finished_at=step.changed_at if step.status in _OVER else None,
            next_attempt_at=step.due_at if waiting else None,
            waiting_for=_waiting_for(step) if waiting else None,
            waiting_code=_code(step),
            action_urls=_pages(step) if waiting else (),
            actions=step.actions if waiting else (),
            error=step.error,
        )


class WaitingFor(Document):
    """What a run waits for, and who must act."""

    step: StepName
    code: WaitingCode | None
    text: Wording
    args: Annotated[dict[str, Any], Field(default_factory=dict, description="The values in the text.")]
    actor: Actor
    action_urls: tuple[str, ...]
    actions: Actions
    since: datetime | None
    next_attempt_at: datetime | None

    @classmethod
    def all_of(cls, run: Run) -> tuple[Self, ...]:
        """What the waiting steps of a run wait for. An error that is awaited is in ``error`` instead."""
        return tuple(
            cls(
                step=step.name,
                code=_code(step),
                text=_waiting_for(step),
                args=step.waiting_said.args if step.waiting_said else {},
                actor=code.actor if (code := _code(step)) else Actor.NOBODY,
                action_urls=_pages(step),
                actions=step.actions,
                since=step.since,
                next_attempt_at=step.due_at,
            )
            for step in run.steps.values()
            if step.status is StepStatus.WAITING and step.waiting_for
        )


class Progress(Document):
    """The progress of a run, what it waits for, and for whom it was requested."""

    on_behalf_of: OnBehalfOf | None
    waiting_for: tuple[WaitingFor, ...]
    started_at: datetime | None
    updated_at: datetime
    finished_at: Annotated[datetime | None, Field(description="Missing until the status is final.")]
    steps_done: int
    steps_total: int

    @staticmethod
    def of_run(run: Run, status: RunStatus) -> dict[str, Any]:
        """The members."""
        steps = run.steps.values()
        started = [step.started_at for step in steps if step.started_at]
        changes = [step.changed_at for step in steps if step.changed_at]
        updated = max([run.head.created_at, *changes, *([run.head.undone_at] if run.head.undone_at else [])])
        return {
            "on_behalf_of": run.head.on_behalf_of,
            "waiting_for": WaitingFor.all_of(run),
            "started_at": min(started, default=None),
            "updated_at": updated,
            "finished_at": updated if status.final else None,
            "steps_done": sum(step.status is StepStatus.SUCCEEDED for step in steps),
            "steps_total": len(run.steps),
        }


class RemovalSummary(Document):
    """The removal of what an onboarding created."""

    operation_id: UUID
    operation_url: str
    status: RunStatus
    error: StepError | None


def _code(step: StepState) -> WaitingCode | None:
    waits = step.status is StepStatus.WAITING and step.waiting_code
    return WaitingCode(step.waiting_code) if waits else None


def _waiting_for(step: StepState) -> Said | None:
    return phrases.stored(step.waiting_said, step.waiting_for) if step.waiting_for else None


def _pages(step: StepState) -> tuple[str, ...]:
    return tuple(action.url for action in step.actions if action.url)


class CloudCall(Document):
    """One call to the cloud. Status 0 means that there was no answer."""

    service: CloudService
    method: str
    path: str
    status: int
    request_id: str
    client_request_id: str


class TrailEvent(Document):
    """An entry of the audit trail."""

    at: datetime
    kind: str
    actor: str
    actor_id: Annotated[
        str,
        Field(description="Object ID of the caller. Empty: nobody signed in."),
    ] = ""
    on_behalf_of: OnBehalfOf | None
    step: StepName = ""
    attempt: int = 0
    detail: str = ""
    error: StepError | None = None
    calls: tuple[CloudCall, ...]


class TrailEventList(Page[TrailEvent]):
    """A page of an audit trail."""


def error_of(run: Run, path: str) -> StepError | None:
    """The error of the step that failed, or at which the run waits for somebody to act.

    ``path`` is that of the list of such runs. A run that has failed can be retried, and an onboarding undone,
    unless it is being undone already.
    """
    steps = sorted(run.steps.values(), key=lambda step: step.status is not StepStatus.FAILED)
    failed = next((step for step in steps if step.status is StepStatus.FAILED or step.is_blocked), None)
    if failed is None or failed.error is None:
        return None
    error = StepError.model_validate(failed.error)
    known = offers(f"/{path}/{run.head.id}", onboarding=path == ONBOARDINGS)
    stuck = failed.status is StepStatus.FAILED and run.head.stop_as is None
    offered = map(Action.model_validate, known if stuck else ())
    return error.model_copy(update={"step": failed.name, "actions": (*error.actions, *offered)})
