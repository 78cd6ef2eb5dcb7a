"""The resource providers that a subscription needs before it can hold a Cloud Management Gateway.

Source: "Configure Azure resource providers" in
https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/configure-azure-ad.
"""

from __future__ import annotations

from typing import Final

SCALE_SET: Final = ("Microsoft.KeyVault", "Microsoft.Storage", "Microsoft.Network", "Microsoft.Compute")
"""For a gateway on a virtual machine scale set."""
