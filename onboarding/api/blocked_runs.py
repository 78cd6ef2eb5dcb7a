"""What runs wait for, by cause: one entry for many runs that wait for one thing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import Field

from onboarding.api.counting import Counted, Some
from onboarding.api.documents import FindingCode
from onboarding.api.told import Explained
from onboarding.errors import Actor
from onboarding.lifecycle.requests import TENANT
from onboarding.workflow.blocked_steps import BlockedStep

_TENANTS: Final = 100


class BlockedRuns(Explained, Counted):
    """The runs that wait for one cause."""

    code: FindingCode
    title: str
    detail: Annotated[str, Field(description="Of the first of them.")]
    remedy: str
    actor: Annotated[Actor, Field(description="Who must act.")]
    since: Annotated[datetime, Field(description="When the first of them began to wait.")]
    tenants: Annotated[tuple[str, ...], Field(description="Their tenants, at most 100.")]

    @classmethod
    def all_of(cls, blocked: Some[BlockedStep]) -> Sequence[Self]:
        """The causes, those of the operator first, then those for which the most runs wait."""
        causes: dict[tuple[Actor, str, str], list[BlockedStep]] = {}
        for step in blocked.found:
            causes.setdefault((step.actor, step.code, step.remedy), []).append(step)
        found = [
            cls(
                actor=actor,
                code=code,
                title=steps[0].title,
                detail=steps[0].detail,
                remedy=remedy,
                args=steps[0].args,
                since=min(step.since for step in steps),
                count=len({step.run for step in steps}),
                more=blocked.more,
                tenants=sorted({step.lists.get(TENANT, "") for step in steps})[:_TENANTS],
            )
            for (actor, code, remedy), steps in causes.items()
        ]
        return sorted(found, key=lambda cause: (cause.actor is not Actor.OPERATOR, -cause.count))
