"""A client secret: made in Entra ID, kept in Key Vault, never seen anywhere else.

It is the one effect that can't be looked up: Entra ID shows a secret's text once, in the answer that made
it. So each attempt gives its secret a name that tells whose it is. An attempt that finds the vault without
one removes what earlier attempts have left on the app, then makes its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from onboarding.cloud.directory import Directory
from onboarding.cloud.ports import Vault
from onboarding.connections.records import SecretRecord
from onboarding.errors import cloud


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """The client secret that an onboarding or a renewal makes for an application of ours."""

    directory: Directory
    vault: Vault
    tenant: str
    onboarding: str  # that made the application
    label: str = ""  # tells the secrets of a renewal from those of others
    object_id: str
    app_id: str
    ends_at: datetime
    now: datetime

    async def ensure(self, attempt: int, *, keep: frozenset[str] = frozenset()) -> SecretRecord:
        """Leaves one secret of ours on the app, besides those to keep: the vault's current version.

        Args:
            attempt: How often the step was begun. The first one for a new app has nothing to look for.
            keep: Key ids of secrets of ours that are in use and stay.
        """
        if attempt == 1 and not keep:
            return await self._make(attempt)
        stored = await self.vault.stored(self._vault_name)
        works = stored is not None and datetime.fromisoformat(stored.tags["endsAt"]) > self.now
        if stored and works and stored.tags["keyId"] not in keep:
            secret = SecretRecord(
                key_id=stored.tags["keyId"],
                vault_id=stored.id,
                ends_at=datetime.fromisoformat(stored.tags["endsAt"]),
            )
        else:
            # An earlier attempt may have made a secret whose text is lost. What is visible of it goes now;
            # what the directory still hides goes as soon as it shows the new one.
            await self.remove_others(keep)
            secret = await self._make(attempt)
        await self.remove_others(keep | {secret.key_id}, shown=secret.key_id)
        return secret

    async def _make(self, attempt: int) -> SecretRecord:
        """Makes a secret and puts it into the vault at once."""
        name = f"{self._prefix}{self.label}{attempt}"
        password = await self.directory.add_password(self.object_id, name, self.ends_at)
        tags = {
            "onboarding": self.onboarding,
            "tenantId": self.tenant,
            "appId": self.app_id,
            "keyId": password.key_id,
            "endsAt": password.ends_at.isoformat(),
        }
        vault_id = await self.vault.store(
            self._vault_name, password.text, ends_at=password.ends_at, tags=tags
        )
        return SecretRecord(key_id=password.key_id, vault_id=vault_id, ends_at=password.ends_at)

    async def remove_others(self, keep: frozenset[str], *, shown: str = "") -> None:
        """Removes the secrets of ours that are not to be kept.

        Raises ``ReplicationLagError`` while the directory does not show the one that it must: what it shows
        then is older than that one, and may lack others too.
        """
        found = await self.directory.passwords(self.object_id)
        if shown and not any(each["keyId"] == shown for each in found):
            raise cloud.REPLICATION_LAG.error(sign="it does not list the new client secret.")
        for each in found:
            ours = str(each.get("displayName") or "").startswith(self._prefix)
            if ours and each["keyId"] not in keep:
                await self.directory.remove_password(self.object_id, each["keyId"])

    @property
    def _prefix(self) -> str:
        return f"cmg-{self.onboarding}-"

    @property
    def _vault_name(self) -> str:
        return vault_name(self.onboarding)


def vault_name(onboarding: str) -> str:
    """The name, in Key Vault, of the secrets of an application that an onboarding has made."""
    return f"cmg-{onboarding}"
