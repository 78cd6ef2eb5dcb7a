"""The clients of the cloud. Each is created when it is first used."""

from __future__ import annotations

from typing import Protocol

from onboarding.cloud.directory import Directory
from onboarding.cloud.environments import Environment
from onboarding.cloud.ports import Proof, Subscription, Vault


class Clouds(Protocol):
    """The clients of one process."""

    environment: Environment
    vault: Vault
    proof: Proof

    def directory(self, tenant: str) -> Directory:
        """A tenant's directory. Raises ``PermanentError`` when this deployment does not serve the tenant."""
        ...

    def is_home(self, tenant: str) -> bool:
        """Whether a tenant is the one in which this service is deployed."""
        ...

    def subscription(self, tenant: str, subscription: str) -> Subscription:
        """A subscription, with the service's identity in the tenant."""
        ...

    async def ping_resource_manager(self) -> None:
        """Raises unless Resource Manager answers at all."""
        ...
