"""What the steps of onboardings, renewals and removals share."""

from __future__ import annotations

from dataclasses import dataclass

from onboarding.clock import Clock
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.directory import Directory
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.app_users import AppUsers
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.notices.renewal_reminders import RenewalReminders
from onboarding.words.line import isolated
from onboarding.workflow.plan import Context
from onboarding.workflow.runtime import Runtime


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
    reminders: RenewalReminders

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
