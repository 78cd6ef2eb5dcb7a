"""What a step answers: done, wait, again, or failed. Retrying is a returned decision, not an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


class RetryReason(StrEnum):
    """Why a step could not do its work this time."""

    TRANSIENT = "transient"  # a service was away, slow or throttling
    REPLICATION = "replication"  # the directory lags behind its own writes
    INTERNAL = "internal"  # a defect of ours; tried a few times, in case it is not


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What every answer carries: the calls that were made, as evidence for the audit trail."""

    evidence: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Done(Outcome):
    """The step's effect is there. ``result`` is kept with the step; later steps read it. Never a secret."""

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait(Outcome):
    """Nothing is wrong; something outside takes its time. Looking again holds no worker meanwhile."""

    reason: str
    after: timedelta
    give_up_after: timedelta
    actions: tuple[str, ...] = ()  # URLs where somebody can do what is waited for


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry(Outcome):
    """Something went wrong that may pass. The engine decides when to try again, or gives up."""

    reason: RetryReason
    error: Mapping[str, Any]  # code, title, detail, remedy?, requestId?
    retry_after: float | None = None  # seconds, as the service asked for


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed(Outcome):
    """Trying again can't help; somebody has to change something."""

    error: Mapping[str, Any]
