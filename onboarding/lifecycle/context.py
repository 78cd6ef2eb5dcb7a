"""What the steps of onboardings, renewals and removals share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from onboarding.clock import Clock
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.directory import Directory
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.workflow.plan import Context
from onboarding.workflow.runtime import Runtime


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
    onboardings: Runtime
    operations: Runtime
    reminders: Reminders

    def directory(self, tenant: str) -> Directory:
        """A tenant's directory."""
        return self.clouds.directory(tenant)


OnboardingContext = Context[Services, OnboardingRequest]
"""An attempt of a step of an onboarding."""


def unique_name(onboarding: str, role: str) -> str:
    """The key of an application that an onboarding makes (``role``: server or client)."""
    return f"cmg-{onboarding}-{role}"


def notes(context: OnboardingContext) -> str:
    """What an app registration says of itself to whoever finds it."""
    return (
        f"Made for the Configuration Manager connection '{context.request.name}' "
        f"by onboarding {context.id}. Deleting it stops the Cloud Management Gateway."
    )
