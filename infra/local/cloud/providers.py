"""The resource providers of a subscription, and their registration over time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Final

from infra.local.cloud.database import Database
from infra.local.cloud.environments import HOME, TenantNames
from infra.local.cloud.messages import JsonObject

_REGISTRATION_FREE: Final = (
    "Microsoft.Authorization",
    "Microsoft.Billing",
    "Microsoft.Commerce",
    "Microsoft.Consumption",
    "Microsoft.CostManagement",
    "Microsoft.Features",
    "Microsoft.MarketplaceOrdering",
    "Microsoft.Portal",
    "Microsoft.ResourceGraph",
    "Microsoft.Resources",
    "Microsoft.SerialConsole",
    "microsoft.support",
)
"""Providers that every subscription has without registering."""

_TYPES: Final = {
    "Microsoft.Compute": "virtualMachineScaleSets",
    "Microsoft.Insights": "components",
    "Microsoft.KeyVault": "vaults",
    "Microsoft.ManagedIdentity": "userAssignedIdentities",
    "Microsoft.Network": "virtualNetworks",
    "Microsoft.OperationalInsights": "workspaces",
    "Microsoft.Sql": "servers",
    "Microsoft.Storage": "storageAccounts",
    "Microsoft.Web": "sites",
}
"""One resource type of each of the providers that matter here; the others have only ``operations``."""

_OTHERS: Final = (
    "Advisor",
    "AlertsManagement",
    "ApiManagement",
    "App",
    "AppConfiguration",
    "Attestation",
    "Automation",
    "Batch",
    "BotService",
    "Cache",
    "Cdn",
    "CognitiveServices",
    "Communication",
    "ContainerInstance",
    "ContainerRegistry",
    "ContainerService",
    "CustomProviders",
    "DataFactory",
    "DataProtection",
    "Databricks",
    "DBforMySQL",
    "DBforPostgreSQL",
    "DesktopVirtualization",
    "Devices",
    "DevTestLab",
    "DocumentDB",
    "DomainRegistration",
    "EventGrid",
    "EventHub",
    "GuestConfiguration",
    "HDInsight",
    "HealthcareApis",
    "HybridCompute",
    "Kusto",
    "LoadTestService",
    "Logic",
    "MachineLearningServices",
    "Maintenance",
    "ManagedServices",
    "Migrate",
    "Monitor",
    "NetApp",
    "NotificationHubs",
    "PolicyInsights",
    "PowerBIDedicated",
    "Purview",
    "RecoveryServices",
    "Relay",
    "Search",
    "Security",
    "ServiceBus",
    "ServiceFabric",
    "SignalRService",
    "StorageSync",
    "StreamAnalytics",
    "Synapse",
    "VirtualMachineImages",
)

NAMESPACES: Final = {
    name.lower(): name
    for name in sorted(
        {*_REGISTRATION_FREE, *_TYPES, *(f"Microsoft.{name}" for name in _OTHERS)}, key=str.casefold
    )
}
"""Every known namespace by its lower-case name; Resource Manager compares them without case."""


class Providers:
    """The registration of each provider, which takes some time in both directions."""

    def __init__(
        self,
        database: Database,
        tenant: TenantNames,
        seconds: Callable[[], float],
        idle: Callable[[], Collection[str]],
    ) -> None:
        """``tenant`` is the subscription's; ``seconds`` is the duration of a change from now on.

        Azure accepts the registration of the ``idle`` ones, but does not start it.
        """
        self.tenant = tenant
        self._database = database
        self._kind = "providers" if tenant is HOME else f"{tenant.subscription}/providers"
        self._seconds = seconds
        self._idle = idle
        self._changes: dict[str, JsonObject] = dict(database.rows(self._kind))

    def state(self, namespace: str) -> str:
        """The registration state of a namespace in Resource Manager."""
        name = NAMESPACES[namespace.lower()]
        if name in _REGISTRATION_FREE:
            return "Registered"
        change = self._changes.get(name)
        if change is None:
            return "NotRegistered"
        if change["to"] == "Registered" and name in self._idle():
            return "Unregistered"
        under_way, finally_ = (
            ("Registering", "Registered")
            if change["to"] == "Registered"
            else ("Unregistering", "Unregistered")
        )
        return finally_ if time.time() >= change["done"] else under_way

    def change(self, namespace: str, *, register: bool) -> None:
        """Start registering or unregistering; nothing happens if that is already the state."""
        name = NAMESPACES[namespace.lower()]
        target = "Registered" if register else "Unregistered"
        before = self._changes.get(name, {"to": "Unregistered", "done": 0.0})
        if name in _REGISTRATION_FREE or (before["to"] == target and before["done"] <= time.time()):
            return
        done = time.time() + self._seconds()
        if before["to"] == target:  # asked again, it may be done sooner, never later
            done = min(done, before["done"])
        change = {"to": target, "done": done}
        self._changes[name] = change
        self._database.put(self._kind, name, change)

    def body(self, namespace: str) -> JsonObject:
        """A provider as Resource Manager returns it."""
        name = NAMESPACES[namespace.lower()]
        return {
            "id": f"/subscriptions/{self.tenant.subscription}/providers/{name}",
            "namespace": name,
            "resourceTypes": [
                {
                    "resourceType": resource_type,
                    "locations": ["West Europe", "East US"] if resource_type != "operations" else [],
                    "apiVersions": ["2025-04-01", "2024-03-01"],
                    "capabilities": "None",
                }
                for resource_type in filter(None, (_TYPES.get(name), "operations"))
            ],
            "registrationState": self.state(name),
            "registrationPolicy": (
                "RegistrationFree" if name in _REGISTRATION_FREE else "RegistrationRequired"
            ),
        }
