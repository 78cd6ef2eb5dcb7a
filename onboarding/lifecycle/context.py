"""What a step gets to work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onboarding.clock import Clock
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.directory import Directory
from onboarding.cloud.resource_manager import ResourceManager
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.expirations import ExpirationIndex
from onboarding.connections.store import ConnectionStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """What all steps share."""

    clouds: Clouds
    connections: ConnectionStore
    expirations: ExpirationIndex
    clock: Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """One attempt of one step."""

    services: Services
    onboarding: str
    requester: str
    request: OnboardingRequest
    results: Mapping[str, Mapping[str, Any]]  # of the steps before
    attempt: int  # 1 for the first
    tries: int  # how often in a row it has waited already
    waited: bool  # whether the attempt before ended with waiting, not with trouble
    accepted_at: datetime

    @property
    def tenant(self) -> str:
        """The tenant to onboard."""
        return str(self.request.tenant_id)

    @property
    def directory(self) -> Directory:
        """The tenant's directory."""
        return self.services.clouds.directory(self.tenant)

    @property
    def subscription(self) -> ResourceManager:
        """The subscription that will hold the gateway."""
        return self.services.clouds.subscription(self.tenant, str(self.request.subscription_id))

    @property
    def notes(self) -> str:
        """What an app registration says of itself to whoever finds it."""
        return (
            f"Made for the Configuration Manager connection '{self.request.name}' "
            f"by onboarding {self.onboarding}. Deleting it stops the Cloud Management Gateway."
        )

    def unique_name(self, role: str) -> str:
        """The key by which an application is found again, whatever happened in between."""
        return f"cmg-{self.onboarding}-{role}"
