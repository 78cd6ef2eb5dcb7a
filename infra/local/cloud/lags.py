"""How long a change takes until services other than the directory itself know it, in seconds.

Microsoft mentions minutes, and promises nothing:

- federated credentials: https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
- client secrets: https://learn.microsoft.com/entra/identity-platform/reference-error-codes (AADSTS7000215)
- role assignments: https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Lags:
    """The delays of login and Resource Manager; ``Replication`` has the one of Graph's own reads."""

    federation: float = 0.0
    """Until login accepts a new federated identity credential."""
    secrets: float = 0.0
    """Until login accepts a new client secret."""
    consent: float = 0.0
    """Until login knows a new service principal, and new tokens contain a new app role."""
    roles: float = 0.0
    """Until Resource Manager and Key Vault know a role assignment."""
