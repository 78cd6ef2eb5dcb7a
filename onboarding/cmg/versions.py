"""Configuration Manager's versions, and what each allows for a Cloud Management Gateway.

Source: "What's new" of each version, and
https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/plan-cloud-management-gateway.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

FIRST_SCALE_SET: Final = "2107"
"""The first version in which everybody can deploy to a virtual machine scale set."""

FIRST_SCALE_SET_US_GOVERNMENT: Final = "2111"
FIRST_WITHOUT_CLASSIC: Final = "2203"

FIRST_WITH_AGE_LIMIT: Final = "2409"
"""The first version that refuses to renew the secret of an application that has become too old."""

OLDEST_RENEWABLE: Final = timedelta(days=800)
"""The age of an application up to which its secret can be renewed
(https://learn.microsoft.com/intune/configmgr/core/plan-design/changes/whats-new-in-version-2409)."""


class DeploymentModel(StrEnum):
    """Where the gateway will run."""

    SCALE_SET = "VirtualMachineScaleSet"
    CLASSIC = "CloudService"


def fault(model: DeploymentModel, version: str | None, *, us_government: bool) -> str:
    """Why a gateway can't be deployed so with a version (None: the newest); empty when it can."""
    if model is DeploymentModel.CLASSIC:
        if version is None or version >= FIRST_WITHOUT_CLASSIC:
            return (
                f"From version {FIRST_WITHOUT_CLASSIC} on a gateway can't be deployed as a cloud service "
                f"(classic). Use {DeploymentModel.SCALE_SET}, or give the older configMgrVersion of the site."
            )
        return ""
    first = FIRST_SCALE_SET_US_GOVERNMENT if us_government else FIRST_SCALE_SET
    if version is not None and version < first:
        where = "Azure US Government" if us_government else "Azure"
        return f"In {where} a virtual machine scale set needs version {first} or later, not {version}."
    return ""


def renewable_until(created_at: datetime, version: str | None) -> datetime | None:
    """Until when a version (None: the newest) renews an application's secret; None: without a limit."""
    if version is not None and version < FIRST_WITH_AGE_LIMIT:
        return None
    return created_at + OLDEST_RENEWABLE
