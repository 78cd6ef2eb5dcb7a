"""Versions of Configuration Manager, and what each supports and needs for a Cloud Management Gateway.

Source: "What's new" of each version, and
https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/plan-cloud-management-gateway.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

from onboarding.cmg.faults import Fault, fault
from onboarding.cmg.fields import Form

SiteVersion = Annotated[
    str,
    Form(
        r"2[0-9](0[1-9]|1[0-2])",
        "not-a-site-version",
    ),
]

FIRST_SCALE_SET: Final = "2107"
"""The first version that can deploy any gateway to a virtual machine scale set."""

FIRST_SCALE_SET_US_GOVERNMENT: Final = "2111"
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
    CLASSIC = "CloudService"
    """Retired: refused, and still read in what was stored. Source:
    https://learn.microsoft.com/troubleshoot/azure/cloud-services/classic/deploy/troubleshoot-mismatched-config.
    """


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


def conflict(model: DeploymentModel, version: str | None, *, us_government: bool) -> Fault | None:
    """Why a version (None: the newest) cannot deploy a gateway like this; None if it can."""
    if model is DeploymentModel.CLASSIC:
        return fault("model-retired", model=str(DeploymentModel.SCALE_SET))
    first = FIRST_SCALE_SET_US_GOVERNMENT if us_government else FIRST_SCALE_SET
    if version is not None and version < first:
        where = "Azure US Government" if us_government else "Azure"
        return fault("version-without-scale-set", cloud=where, first=first, version=version)
    return None


def renewable_until(created_at: datetime, version: str | None) -> datetime | None:
    """Until when a version (None: the newest) renews an application's secret; None: without a limit."""
    if version is not None and version < FIRST_WITH_AGE_LIMIT:
        return None
    return created_at + OLDEST_RENEWABLE
