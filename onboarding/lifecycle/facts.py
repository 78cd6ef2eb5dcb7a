"""What a preflight has read, for its rules to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onboarding.cloud.directory import Survey
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.records import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What was read before anything is written."""

    request: OnboardingRequest
    onboarding: str
    accepted_at: datetime
    same_name: Connection | None  # the tenant's connection with this name
    neighbour: Connection | None  # one of the tenant's other connections
    survey: Survey
    subscription: Mapping[str, Any] | None  # None: hidden from this service
    providers: Mapping[str, str]  # registration states by namespace
    permissions: Sequence[Mapping[str, Any]] | None  # of this service in the subscription
