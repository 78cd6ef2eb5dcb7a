"""What a preflight has read, for its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from onboarding.cloud.survey import Survey
from onboarding.cmg.rules import Check
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.records import Connection
from onboarding.errors import OnboardingError
from onboarding.texts.phrases import Said

ASKED_AGAIN: Final = 2
"""How often an optional part is requested again if a service cannot answer at the moment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriptionFacts:
    """The state of the subscription that will contain the gateway."""

    record: Mapping[str, Any] | None  # None: the service cannot see it
    providers: Mapping[str, str]  # registration states by namespace
    permissions: Sequence[Mapping[str, Any]] | None  # of the service in the subscription
    unread: Mapping[str, Said | str] = field(default_factory=dict)  # why it could not read a part
    later: OnboardingError | None = None  # of a part that may soon be readable


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The state of the tenant, the subscription and the connections before any change."""

    request: OnboardingRequest
    onboarding: str
    accepted_at: datetime
    same_name: Connection | None  # the connection of the tenant with this name
    neighbour: Connection | None  # another connection of the tenant
    survey: Survey
    subscription: SubscriptionFacts | None  # None: the tenant has no gateway
    to_update: Sequence[Check] = ()  # what the site must still set on an existing server app
    server_app_is_used: bool = False  # another connection has the existing server app, too
    requester: str = ""  # object ID of the caller
    operates: bool = True  # whether the caller is an operator, who may see resources of others
    makers: Mapping[str, str] = field(default_factory=dict)
    """The requesters whose onboardings created applications, by object id of the application."""

    @property
    def later(self) -> OnboardingError | None:
        """The error of an optional part that may soon be readable, if there is one."""
        return self.survey.later or (self.subscription.later if self.subscription else None)

    def shows(self, connection: Connection) -> bool:
        """Whether the caller may know more of a connection than that it exists."""
        return self.operates or connection.requester == self.requester

    def names(self, application: Mapping[str, Any]) -> bool:
        """Whether the caller may know which application it is."""
        return self.operates or self.makers.get(str(application["id"])) == self.requester

    def made(self, application: Mapping[str, Any]) -> bool:
        """Whether an onboarding of this deployment created an application."""
        return str(application["id"]) in self.makers
