"""The resource providers that a subscription needs before it can hold a Cloud Management Gateway.

Source: "Configure Azure resource providers" in
https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/configure-azure-ad.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from onboarding.cmg.versions import DeploymentModel

SCALE_SET: Final = ("Microsoft.KeyVault", "Microsoft.Storage", "Microsoft.Network", "Microsoft.Compute")
"""For a gateway on a virtual machine scale set."""

CLASSIC: Final = ("Microsoft.ClassicCompute", "Microsoft.Storage")
"""For a gateway that was deployed as a cloud service (classic)."""

BY_MODEL: Final[Mapping[DeploymentModel, tuple[str, ...]]] = {
    DeploymentModel.SCALE_SET: SCALE_SET,
    DeploymentModel.CLASSIC: CLASSIC,
}
