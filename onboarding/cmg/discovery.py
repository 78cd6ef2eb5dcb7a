"""Discovery of users and groups in Entra ID: a full run on a schedule, and delta runs in between.

Source: https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/configure-discovery-methods,
and for the synchronization of collections
https://learn.microsoft.com/intune/configmgr/core/clients/manage/collections/create-collections.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from onboarding.cmg.faults import fault
from onboarding.cmg.fields import Name, WizardModel

Minutes = Annotated[int, Field(ge=5, le=60)]
"""Between two delta runs, as in the wizard."""


class RecurrenceUnit(StrEnum):
    """The units of ``New-CMSchedule -RecurInterval``."""

    MINUTES = "Minutes"
    HOURS = "Hours"
    DAYS = "Days"


_LARGEST: Final[Mapping[RecurrenceUnit, int]] = {
    RecurrenceUnit.MINUTES: 59,
    RecurrenceUnit.HOURS: 23,
    RecurrenceUnit.DAYS: 31,
}


class Schedule(WizardModel):
    """How often a full discovery runs."""

    unit: RecurrenceUnit = Field(RecurrenceUnit.DAYS, description="Unit of the full discovery schedule.")
    every: Annotated[int, Field(ge=1, le=59)] = Field(
        7, description="Number of units: up to 59 minutes, 23 hours or 31 days."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.every > _LARGEST[self.unit]:
            raise fault("too-many-units", most=_LARGEST[self.unit], unit=str(self.unit)).error()
        return self


class UserDiscovery(WizardModel):
    """Entra user discovery."""

    enabled: bool = Field(
        False,
        description="Whether Entra user discovery will be used. The server app then requests "
        "Directory.Read.All.",
    )
    delta_interval_minutes: Minutes | None = Field(
        5, description="Interval of delta discovery in minutes, 5 to 60. Null: no delta discovery."
    )
    schedule: Schedule = Field(
        default_factory=lambda: Schedule.model_validate({}), json_schema_extra={"default": {}}
    )


class GroupDiscovery(WizardModel):
    """Entra user group discovery, of named security groups."""

    enabled: bool = Field(
        False,
        description="Whether Entra group discovery will be used. The server app then requests "
        "Directory.Read.All.",
    )
    group_names: Annotated[tuple[Name, ...], Field(max_length=200)] = Field(
        (), description="Names of the groups to discover, up to 200."
    )
    delta_interval_minutes: Minutes | None = Field(
        5, description="Interval of delta discovery in minutes, 5 to 60. Null: no delta discovery."
    )
    schedule: Schedule = Field(
        default_factory=lambda: Schedule.model_validate({}), json_schema_extra={"default": {}}
    )


def reads_directory(*, users: bool, groups: bool, group_sync: bool) -> bool:
    """Whether the site reads the directory with the server app, which then needs ``Directory.Read.All``.

    Each kind of discovery reads it. The synchronization of collections has user discovery as a prerequisite.
    """
    return users or groups or group_sync
