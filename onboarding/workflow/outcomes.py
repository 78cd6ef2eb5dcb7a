"""What a step answers: done, wait, again, or failed. Retrying is a returned decision, not an exception."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Generic, Self, TypeVar

from onboarding.errors import Finding, OnboardingError

Result = TypeVar("Result")


class RetryReason(StrEnum):
    """Why a step could not do its work this time."""

    TRANSIENT = "transient"  # a service was away, slow or throttling
    REPLICATION = "replication"  # the directory lags behind its own writes
    INTERNAL = "internal"  # a defect of ours; tried a few times, in case it is not


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What went wrong in a step, as it is kept with the step and shown to people."""

    code: str
    title: str
    detail: str
    remedy: str = ""
    documentation: str = ""
    request_id: str = ""
    findings: tuple[Finding, ...] = ()

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
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Done(Generic[Result]):
    """The step's effect is there. ``result`` is kept with the step; later steps read it. Never a secret."""

    result: Result


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """Nothing is wrong; something outside takes its time. Looking again holds no worker meanwhile."""

    reason: str
    after: timedelta
    give_up_after: timedelta
    actions: tuple[str, ...] = ()  # URLs where somebody can do what is waited for


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """Something went wrong that may pass. The engine decides when to try again, or gives up."""

    reason: RetryReason
    error: Failure
    retry_after: float | None = None  # seconds, as the service asked for


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """Trying again cannot help; somebody has to change something."""

    error: Failure


Outcome = Done[Result] | Wait | Retry | Failed
