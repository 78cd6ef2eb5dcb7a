"""The outcomes of a step: done, wait, retry, or failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

from onboarding.errors import Action, Actor, Finding, OnboardingError
from onboarding.former_values import ErrorCodeText
from onboarding.texts.phrases import Said

Result = TypeVar("Result")


class RetryReason(StrEnum):
    """Why an attempt of a step failed."""

    TRANSIENT = "transient"  # a service was unavailable, slow or throttling
    REPLICATION = "replication"  # the directory does not show a recent write yet
    BLOCKED = "blocked"  # somebody other than the requester must act: see ``Actor.is_awaited``
    INTERNAL = "internal"  # a defect of this app; retried a few times, in case it is something else


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The error of a step, as it is stored with the step and shown to people."""

    code: ErrorCodeText
    title: str
    detail: str
    remedy: str = ""
    documentation: str = ""
    request_id: str = ""
    findings: tuple[Finding, ...] = ()
    actor: Actor = Actor.REQUESTER
    args: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The values in the texts, as JSON."""
    actions: tuple[Action, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, error: OnboardingError) -> Self:
        """The failure for an error of this app."""
        return cls(
            code=error.code,
            title=error.title,
            detail=error.detail,
            remedy=error.remedy,
            documentation=error.documentation,
            request_id=error.request_id,
            findings=error.findings,
            actor=error.actor,
            args=error.json_args,
            actions=error.actions,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Done(Generic[Result]):
    """The step has succeeded. ``result`` is stored for later steps; it never contains a secret."""

    result: Result
    note: str = ""  # what people should know, for the audit trail


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """The step waits for something outside the service. No worker is blocked in the meantime."""

    reason: Said
    code: str = ""  # of the reason, for programs
    after: timedelta
    give_up_after: timedelta
    actions: tuple[Action, ...] = ()  # with which a person can do what the step waits for
    memo: str = ""  # what the attempt has done, so that the next one does not repeat it


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """An error that can be temporary. The engine decides when to retry, and when the step fails."""

    reason: RetryReason
    error: Failure
    retry_after: float | None = None  # seconds, from the service
    actions: tuple[Action, ...] = ()  # with which a person can help
    memo: str = ""  # what the attempt has done, so that the next one does not repeat it


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """A retry cannot help: a person must change something."""

    error: Failure


Outcome = Done[Result] | Wait | Retry | Failed
