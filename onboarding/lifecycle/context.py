"""What a step gets to work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from onboarding.clock import Clock
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.directory import Directory
from onboarding.cloud.resource_manager import ResourceManager
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.workflow.engine import Engine
from onboarding.workflow.run import Head, StepState


class Reminders(Protocol):
    """Tells people about renewals."""

    async def renewal_waits(
        self, connection: Connection, *, number: int, at: datetime, limit: datetime | None
    ) -> None:
        """A new secret waits for somebody to enter it at the site. Each number is told once.

        Args:
            connection: With its pending secret.
            number: 0 when it begins to wait, then one more for each reminder.
            at: When this reminder is due.
            limit: When the old secret is retired unasked; None: never.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """What all steps share."""

    clouds: Clouds
    connections: ConnectionStore
    warning_schedule: WarningSchedule
    clock: Clock
    onboardings: Engine
    operations: Engine
    reminders: Reminders


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
        return unique_name(self.onboarding, role)


def unique_name(onboarding: str, role: str) -> str:
    """The unique name of an application that an onboarding makes (``role``: server or client)."""
    return f"cmg-{onboarding}-{role}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One attempt of one step of an operation on what an onboarding has made."""

    services: Services
    head: Head
    step: StepState
    results: Mapping[str, Mapping[str, Any]]  # of the steps before

    @property
    def directory(self) -> Directory:
        """The tenant's directory."""
        return self.services.clouds.directory(self.head.tenant)
