"""What the steps of onboardings, renewals and removals share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from onboarding.clock import Clock
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.directory import Directory
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.app_users import AppUsers
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.notices.renewal_reminders import Reminder
from onboarding.words.line import isolated
from onboarding.workflow.plan import Context
from onboarding.workflow.runtime import Runtime


class Reminders(Protocol):
    """Reminds people of renewals."""

    async def renewal_waits(self, connection: Connection, reminder: Reminder) -> None:
        """Announces once that a new secret must be entered at the site."""
        ...

    async def delivered_at(self, connection: Connection, reminder: Reminder) -> datetime | None:
        """When a channel first accepted a reminder; None if none has."""
        ...

    async def secret_replaced(
        self,
        connection: Connection,
        *,
        sharing: Sequence[Connection],
        renewal: str,
        at: datetime,
        by_time: bool,
    ) -> None:
        """Announces once that the old secret of a renewal was removed, and why."""
        ...

    async def connection_removed(
        self, connection: Connection, *, others: Sequence[Connection], operation: str, at: datetime
    ) -> None:
        """Announces once that a connection is removed, before its record is."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """What all steps share."""

    clouds: Clouds
    connections: ConnectionStore
    app_users: AppUsers
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
    """The unique name of an application that an onboarding creates (``role``: server or client)."""
    return f"cmg-{onboarding}-{role}"


def notes_text(context: OnboardingContext) -> str:
    """The notes of an app registration, for the administrators of the tenant."""
    return (
        f"Created for the Configuration Manager connection '{isolated(context.request.name)}' "
        f"by onboarding {context.id}. Deleting it stops the Cloud Management Gateway."
    )
