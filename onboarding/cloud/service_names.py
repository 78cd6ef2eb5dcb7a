"""The names of Microsoft's services, as people read them."""

from __future__ import annotations

from typing import Final

GRAPH: Final = "Microsoft Graph"
RESOURCE_MANAGER: Final = "Azure Resource Manager"
KEY_VAULT: Final = "Key Vault"
LOGIN: Final = "Microsoft Entra ID"
