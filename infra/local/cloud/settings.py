"""The settings that ``PUT /settings`` and ``PUT /lag`` change; they survive a restart."""

from __future__ import annotations

import time
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from infra.local.cloud.collection import Replication
from infra.local.cloud.database import Database
from infra.local.cloud.environments import HOME
from infra.local.cloud.graph.organization import default_policy
from infra.local.cloud.graph.policies import for_caller
from infra.local.cloud.lags import Lags
from infra.local.cloud.messages import JsonObject
from infra.local.cloud.tenant import Tenant
from infra.local.cloud.tokens import Tokens

REGISTER: Final[JsonObject] = {
    "actions": [
        "*/register/action",
        "Microsoft.Authorization/permissions/read",
        "Microsoft.Resources/subscriptions/read",
        "Microsoft.Resources/subscriptions/providers/read",
    ],
    "notActions": [],
}
"""The custom role of infra/azure/register-providers.bicep, with exactly its actions."""

_REPLICATION: Final = ("owners", "grants", "passwords", "upserts")
"""The delays of the directory that have a setting of their own."""
_ROLES: Final = ("permissions", "vaultActions")
"""The settings that are roles of the service's identity: a change takes effect after the delay of roles."""


class Subscription(BaseModel):
    """The state of Contoso's subscription in Resource Manager."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["Enabled", "Warned", "PastDue", "Disabled", "Deleted"] = "Enabled"
    tenantId: str = HOME.id  # noqa: N815 the name on the wire
    """Another one's where the subscription is delegated to Contoso (Azure Lighthouse)."""


class SettingsChange(BaseModel):
    """The body of ``PUT /settings``: omitted settings do not change."""

    model_config = ConfigDict(extra="forbid")

    providerSeconds: float | None = Field(default=None, ge=0)  # noqa: N815 the name on the wire
    idleProviders: list[str] | None = None  # noqa: N815
    """Resource providers whose registration Azure accepts, but does not start."""
    tokenSeconds: int | None = Field(default=None, ge=1)  # noqa: N815
    policies: dict[str, Any] | None = None
    permissions: list[dict[str, Any]] | None = None
    identityRoles: list[str] | None = None  # noqa: N815
    identityAttributes: dict[str, str] | None = None  # noqa: N815
    """Custom security attributes of the service's identity: values by attribute set and name."""
    subscription: Subscription | None = None
    purgeProtection: bool | None = None  # noqa: N815
    """Of the vault, as infra/azure deploys it."""
    vaultActions: list[str] | None = None  # noqa: N815
    """Data actions of the service's identity in the vault: at first those of Key Vault Secrets Officer."""
    opaqueTokens: bool | None = None  # noqa: N815
    """Whether tokens for Graph are not JWTs."""
    upsertOwns: bool | None = None  # noqa: N815
    """Whether a caller owns what its upsert creates: Microsoft does not promise it."""
    directoryQuota: int | None = Field(default=None, ge=0)  # noqa: N815
    """How many objects an identity with Application.ReadWrite.OwnedBy can own; 0: any number."""
    scatteredLists: bool | None = None  # noqa: N815
    """Whether lists of Graph begin with an empty page, and have one object on each other page."""
    unconsented: Literal[700016, 7000229] | None = None
    """Login's code for an application that a tenant has not consented to: both occur."""


class LagChange(BaseModel):
    """The body of ``PUT /lag``, in seconds: omitted ones do not change."""

    model_config = ConfigDict(extra="forbid")

    seconds: float | None = Field(default=None, ge=0)
    owners: float | None = Field(default=None, ge=0)
    grants: float | None = Field(default=None, ge=0)
    passwords: float | None = Field(default=None, ge=0)
    upserts: float | None = Field(default=None, ge=0)
    federation: float | None = Field(default=None, ge=0)
    secrets: float | None = Field(default=None, ge=0)
    consent: float | None = Field(default=None, ge=0)
    roles: float | None = Field(default=None, ge=0)


class Settings:
    """The simulated cloud's settings, which apply as soon as they are changed."""

    def __init__(self, database: Database, replication: Replication, tokens: Tokens, tenant: Tenant) -> None:
        """Load the settings from before the last restart."""
        self._database = database
        self._replication = replication
        self._tokens = tokens
        self.tenant = tenant
        self.lags = Lags()
        self._assigned: dict[str, list[JsonObject]] = dict(database.rows("roleAssignments"))
        self._assigned_at: dict[str, float] = {}  # since the start
        self._earlier: dict[str, Any] = {}  # the identity's roles before their last change
        self._values: JsonObject = {
            "providerSeconds": 1.0,
            "idleProviders": [],
            "tokenSeconds": 3600,
            "policies": default_policy(),
            "permissions": [REGISTER],
            "identityAttributes": {},
            "identityRoles": list(tenant.identity_roles),
            "subscription": Subscription().model_dump(),
            "opaqueTokens": False,
            "purgeProtection": True,
            "vaultActions": ["secrets/*"],
            "unconsented": 700016,
            "upsertOwns": False,
            "directoryQuota": 0,
            "scatteredLists": False,
            "lag": {},
        } | (database.get("settings", "all") or {})
        self._apply()

    def body(self) -> JsonObject:
        """As ``GET /settings`` shows them."""
        return {name: value for name, value in self._values.items() if name != "lag"}

    def policy(self, principal_id: str = "") -> JsonObject:
        """The default app management policy, as it counts for a caller."""
        policy: JsonObject = self._values["policies"]
        if principal_id != self.tenant.identity_principal_id:
            return policy
        return for_caller(policy, self._values["identityAttributes"])

    def unconsented(self) -> int:
        """Login's code for an application that a tenant has not consented to."""
        return int(self._values["unconsented"])

    def provider_seconds(self) -> float:
        """The duration of a provider's registration."""
        return float(self._values["providerSeconds"])

    def idle_providers(self) -> list[str]:
        """The resource providers whose registration does not begin."""
        return [str(name) for name in self._values["idleProviders"]]

    def permissions(self, principal_id: str) -> list[JsonObject]:
        """The permissions of a principal in its tenant's subscription."""
        if principal_id == self.tenant.identity_principal_id:
            found: list[JsonObject] = [_permission(entry) for entry in self._role("permissions")]
            return found
        if principal_id == self.tenant.administrator.principal_id:
            return [_permission({"actions": ["*"]})]
        if time.time() - self._assigned_at.get(principal_id, 0.0) < self.lags.roles:
            return []
        return self._assigned.get(principal_id, [])

    def _role(self, name: str) -> list[Any]:
        """A role of the identity, as the services know it: for some time, what it was before its change."""
        is_new = time.time() - self._assigned_at.get(name, 0.0) < self.lags.roles
        known: list[Any] = self._earlier[name] if is_new and name in self._earlier else self._values[name]
        return known

    def assign(self, principal_id: str, permissions: list[JsonObject]) -> None:
        """Replace the permissions of another principal in its tenant's subscription."""
        self._assigned_at[principal_id] = time.time()
        self._assigned[principal_id] = [_permission(entry) for entry in permissions]
        self._database.put("roleAssignments", principal_id, self._assigned[principal_id])

    def subscription(self) -> Subscription:
        """The state of Contoso's subscription in Resource Manager."""
        return Subscription.model_validate(self._values["subscription"])

    def may_use_vault(self, principal_id: str, action: str) -> bool:
        """Whether a principal has a data action in the vault; the identity's role has patterns of them."""
        if principal_id == self.tenant.identity_principal_id:
            return any(fnmatchcase(action.lower(), each.lower()) for each in self._role("vaultActions"))
        return principal_id == self.tenant.administrator.principal_id

    def is_scattered(self) -> bool:
        """Whether lists of Graph have more pages than they need."""
        return bool(self._values["scatteredLists"])

    def is_purge_protected(self) -> bool:
        """Whether nobody can purge a deleted secret of the vault."""
        return bool(self._values["purgeProtection"])

    def change(self, change: SettingsChange) -> None:
        """Change the settings in the body. Raises ``KeyError`` for an unknown Graph role."""
        given = change.model_dump(exclude_none=True)
        for name in (name for name in _ROLES if name in given):
            if self.lags.roles:
                self._earlier[name] = self._role(name)
            else:
                self._earlier.pop(name, None)
            self._assigned_at[name] = time.time()
        if change.identityRoles is not None:
            self.tenant.set_identity_roles(change.identityRoles)
        if change.policies is not None:
            given["policies"] = _merged(self._values["policies"], change.policies)
        self._keep(given)

    def set_lags(self, change: LagChange) -> JsonObject:
        """Set the given delays from now on; returns all of them."""
        self._keep({"lag": self._values["lag"] | change.model_dump(exclude_none=True)})
        replication = self._replication
        graph = {name: getattr(replication, name) for name in _REPLICATION}
        return {"seconds": replication.lag} | graph | asdict(self.lags)

    def _keep(self, changes: JsonObject) -> None:
        self._values = self._values | changes
        self._database.put("settings", "all", self._values)
        self._apply()

    def _apply(self) -> None:
        self._tokens.opaque = bool(self._values["opaqueTokens"])
        self._tokens.seconds = int(self._values["tokenSeconds"])
        lags = {name: float(value) for name, value in self._values["lag"].items()}
        self._replication.lag = lags.pop("seconds", 0.0)
        for name in _REPLICATION:
            setattr(self._replication, name, lags.pop(name, 0.0))
        self._replication.upsert_owns = bool(self._values["upsertOwns"])
        self._replication.quota = int(self._values["directoryQuota"])
        for name, value in lags.items():
            setattr(self.lags, name, value)


def _permission(entry: JsonObject) -> JsonObject:
    return {"actions": [], "notActions": [], "dataActions": [], "notDataActions": []} | entry


def _merged(before: JsonObject, change: JsonObject) -> JsonObject:
    """Structures are merged, lists and values replaced."""
    merged = dict(before)
    for name, value in change.items():
        known = merged.get(name)
        merged[name] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged
