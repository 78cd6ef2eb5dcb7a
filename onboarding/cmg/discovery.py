"""Discovery of users and groups in Entra ID: a full run on a schedule, and a look for changes in between.

Source: https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/configure-discovery-methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from onboarding.cmg.fields import Name, WizardModel

Minutes = Annotated[int, Field(ge=5, le=60)]
"""Between two looks for changes, as the wizard offers."""


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

    unit: RecurrenceUnit = RecurrenceUnit.DAYS
    every: Annotated[int, Field(ge=1, le=59)] = 7

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.every > _LARGEST[self.unit]:
            raise ValueError(f"every must be at most {_LARGEST[self.unit]} with the unit {self.unit}")
        return self


class UserDiscovery(WizardModel):
    """Entra user discovery. The server app asks for Directory.Read.All only when it is on."""

    enabled: bool = False
    delta_interval_minutes: Minutes | None = Field(5, description="null: no delta discovery.")
    schedule: Schedule = Field(default_factory=lambda: Schedule.model_validate({}))


class GroupDiscovery(WizardModel):
    """Entra user group discovery, of named security groups."""

    enabled: bool = False
    group_names: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    delta_interval_minutes: Minutes | None = Field(5, description="null: no delta discovery.")
    schedule: Schedule = Field(default_factory=lambda: Schedule.model_validate({}))
