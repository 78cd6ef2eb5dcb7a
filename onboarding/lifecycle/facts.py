"""What a preflight has read, for its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onboarding.cloud.survey import Survey
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.records import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The state of the tenant, the subscription and the connections before any change."""

    request: OnboardingRequest
    onboarding: str
    accepted_at: datetime
    same_name: Connection | None  # the connection of the tenant with this name
    neighbour: Connection | None  # another connection of the tenant
    survey: Survey
    subscription: Mapping[str, Any] | None  # None: the service cannot see it
    providers: Mapping[str, str]  # registration states by namespace
    permissions: Sequence[Mapping[str, Any]] | None  # of the service in the subscription
