"""Versions of Configuration Manager, and what each supports and needs for a Cloud Management Gateway.

Source: "What's new" of each version, and
https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/plan-cloud-management-gateway.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

from onboarding.cmg.fields import Form

SiteVersion = Annotated[
    str,
    Form(
        r"2[0-9](0[1-9]|1[0-2])",
        "must be a version of Configuration Manager current branch: two digits for the year and two for the "
        "month, such as 2409",
    ),
]

FIRST_SCALE_SET: Final = "2107"
"""The first version that can deploy any gateway to a virtual machine scale set."""

FIRST_SCALE_SET_US_GOVERNMENT: Final = "2111"
RETIRED: Final = "Microsoft retired cloud services (classic) on August 31, 2024. No gateway can run on them."
"""Why the deployment model ``CloudService`` is refused
(https://learn.microsoft.com/troubleshoot/azure/cloud-services/classic/deploy/troubleshoot-mismatched-config)."""

FIRST_WITHOUT_AUTHENTICATION: Final = "2010"
"""The first version that can disable authentication for a tenant
(https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard)."""

FIRST_WITH_AGE_LIMIT: Final = "2409"
"""The first version that does not renew the secret of an old application."""

OLDEST_RENEWABLE: Final = timedelta(days=800)
"""The age of an application up to which its secret can be renewed
(https://learn.microsoft.com/intune/configmgr/core/plan-design/changes/whats-new-in-version-2409)."""


class DeploymentModel(StrEnum):
    """Where the gateway will run."""

    SCALE_SET = "VirtualMachineScaleSet"
    CLASSIC = "CloudService"  # retired: refused, and still read in what was stored


PROVIDERS: Final[Mapping[DeploymentModel, tuple[str, ...]]] = {
    DeploymentModel.SCALE_SET: (
        "Microsoft.KeyVault",
        "Microsoft.Storage",
        "Microsoft.Network",
        "Microsoft.Compute",
    ),
}
"""The resource providers that a subscription needs before it can contain a gateway
(https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/configure-azure-ad)."""


def fault(model: DeploymentModel, version: str | None, *, us_government: bool) -> str:
    """Why a version (None: the newest) cannot deploy a gateway like this; empty if it can."""
    if model is DeploymentModel.CLASSIC:
        return f"{RETIRED} Use {DeploymentModel.SCALE_SET}, or omit the field."
    first = FIRST_SCALE_SET_US_GOVERNMENT if us_government else FIRST_SCALE_SET
    if version is not None and version < first:
        where = "Azure US Government" if us_government else "Azure"
        return f"In {where}, a virtual machine scale set requires version {first} or later, not {version}."
    return ""


def renewable_until(created_at: datetime, version: str | None) -> datetime | None:
    """Until when a version (None: the newest) renews an application's secret; None: without a limit."""
    if version is not None and version < FIRST_WITH_AGE_LIMIT:
        return None
    return created_at + OLDEST_RENEWABLE
