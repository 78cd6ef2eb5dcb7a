"""What belongs to the service outside storage: secrets in the vault, and applications in the tenants."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from onboarding.cloud.applications import PasswordCredential
from onboarding.cloud.directory import Directory
from onboarding.cloud.ports import ListedSecret, Vault
from onboarding.cmg.client_secrets import label
from onboarding.connections.records import Connection
from onboarding.lifecycle import provided_secrets, run_copies
from onboarding.lifecycle.credentials import vault_name
from onboarding.lifecycle.ownership import maker
from onboarding.lifecycle.requests import TENANT

log = logging.getLogger(__name__)

_TENANT: Final = "tenantId"
_ONBOARDING: Final = "onboarding"
_OF_ONBOARDINGS: Final = (vault_name(""), run_copies.PREFIX, provided_secrets.PREFIX)
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True, slots=True)
class VaultSecrets:
    """The secrets of onboardings in the vault, by name, as a list shows them: without values."""

    secrets: Mapping[str, ListedSecret]

    @classmethod
    async def of(cls, vault: Vault) -> VaultSecrets:
        """What the vault has now."""
        found = {secret.name: secret for secret in await vault.listed("")}
        ours = {name: secret for name, secret in found.items() if name.startswith(_OF_ONBOARDINGS)}
        known = {name: secret for name, secret in ours.items() if _owner(secret)}
        for name, secret in known.items():
            if name.startswith(run_copies.PREFIX) and not _ID.fullmatch(secret.tags.get(_TENANT, "")):
                known[name] = await _of_copy(vault, secret)
        return cls(secrets=known)

    @property
    def tenants(self) -> set[str]:
        """The tenants in their tags."""
        tagged = {secret.tags.get(_TENANT, "").casefold() for secret in self.secrets.values()}
        return set(filter(_ID.fullmatch, tagged))  # somebody can have changed the tags

    def current(self, onboarding: str) -> ListedSecret | None:
        """The current client secret that an onboarding or its renewals created."""
        return self.secrets.get(vault_name(onboarding))

    def has_copy(self, onboarding: str) -> bool:
        """Whether there is a copy of an onboarding."""
        return run_copies.name_of(onboarding) in self.secrets

    def has_provided(self, onboarding: str) -> bool:
        """Whether there is a secret that came with the request of an onboarding."""
        return any(
            name.startswith(provided_secrets.PREFIX) and _owner(secret) == onboarding
            for name, secret in self.secrets.items()
        )

    def copies(self, tenant: str) -> list[str]:
        """The onboardings in a tenant of which there is a copy."""
        return sorted(
            _owner(secret)
            for name, secret in self.secrets.items()
            if name.startswith(run_copies.PREFIX) and _in(secret, tenant)
        )

    def of_tenant(self, tenant: str) -> Iterable[tuple[str, str]]:
        """The names of the secrets of a tenant, with their onboardings."""
        return [(name, _owner(secret)) for name, secret in self.secrets.items() if _in(secret, tenant)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Applications:
    """The applications of a tenant, by client ID in lower case."""

    by_client_id: Mapping[str, Mapping[str, Any]]

    @classmethod
    async def of(cls, directory: Directory) -> Applications:
        """What the directory has now. Raises this app's errors."""
        found = await directory.applications()
        return cls(by_client_id={str(app["appId"]).casefold(): app for app in found})

    def get(self, client_id: str) -> Mapping[str, Any] | None:
        """An application, if the directory has it."""
        return self.by_client_id.get(client_id.casefold())

    def made(self) -> Iterable[tuple[str, str]]:
        """The applications that onboardings of the service created: client IDs, with their onboardings."""
        return [(app, made_by) for app, found in self.by_client_id.items() if (made_by := maker(found))]


def is_of_service(connection: Connection, password: PasswordCredential) -> bool:
    """Whether the service created a client secret for this connection, as its name shows."""
    return password.is_labeled(label(connection.onboarding))


def _owner(secret: ListedSecret) -> str:
    """The onboarding of a secret, from its name: somebody can have changed the tags."""
    for prefix in (vault_name(""), run_copies.PREFIX):
        if secret.name.startswith(prefix):
            named = secret.name.removeprefix(prefix)
            return named if _ID.fullmatch(named) else ""
    tagged = secret.tags.get(_ONBOARDING, "")
    if _ID.fullmatch(tagged):
        return tagged
    found = _ID.match(secret.name.removeprefix(provided_secrets.PREFIX))
    return found.group() if found else ""


async def _of_copy(vault: Vault, secret: ListedSecret) -> ListedSecret:
    """A copy of an onboarding whose tags are damaged, with the tenant that is in it."""
    copy = await run_copies.read(vault, _owner(secret))
    if copy is None:
        log.warning("the vault secret %s belongs to an unknown tenant", secret.name)
        return secret
    return replace(secret, tags={**secret.tags, _TENANT: copy.head.lists.get(TENANT, "")})


def _in(secret: ListedSecret, tenant: str) -> bool:
    return secret.tags.get(_TENANT, "").casefold() == tenant.casefold()
