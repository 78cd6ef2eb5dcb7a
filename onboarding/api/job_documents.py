"""What the overview shows about the timers, and about the daily verification of the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from onboarding.api.documents import Document
from onboarding.audit.trail_gaps import Round
from onboarding.storage.periodic_jobs import PeriodicJob


class JobOverview(Document):
    """A periodic job of the service."""

    name: str
    last_success_at: datetime | None
    found: Annotated[int, Field(description="What its last successful run found to do.")]
    done: Annotated[int, Field(description="What that run did: started, announced or removed.")]
    due_at: Annotated[datetime | None, Field(description="Missing if it has not succeeded yet.")]
    late: Annotated[bool, Field(description="Whether it has not succeeded for three periods.")]
    watched_since: Annotated[
        datetime | None,
        Field(description="When a job that has not succeeded was first checked."),
    ]
    last_failure_at: datetime | None
    last_error: str

    @classmethod
    def of(cls, job: PeriodicJob, now: datetime) -> Self:
        """A job at a moment."""
        return cls(
            name=job.name,
            last_success_at=job.last_success_at,
            found=job.found,
            done=job.done,
            due_at=job.due_at,
            late=job.is_late(now),
            watched_since=None if job.last_success_at else job.watched_since,
            last_failure_at=job.last_failure_at,
            last_error=job.last_error,
        )


class TrailOverview(Document):
    """The daily verification of the audit trail."""

    verified_at: Annotated[
        datetime | None, Field(description="When the whole trail was verified last. Missing: not yet.")
    ]
    began_at: Annotated[datetime, Field(description="When the current round began, or the last one.")]
    chains: Annotated[int, Field(description="What the round has verified so far.")]
    events: int
    failed: Annotated[int, Field(description="Chains that could not be read.")]

    @classmethod
    def of(cls, round_: Round) -> Self:
        """A round."""
        return cls.model_validate(round_)
