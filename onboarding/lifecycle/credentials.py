"""A client secret: created in Entra ID, stored in Key Vault, and nowhere else.

It is the only effect that cannot be read again: Entra ID returns the text of a secret once, when it is
created. So the name of a secret shows which run created it. An attempt that does not find a secret in the
vault removes the secrets that earlier attempts left on the app, then creates its own.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from onboarding.cloud.directory import Directory
from onboarding.cloud.ports import StoredSecret, Vault
from onboarding.cmg.client_secrets import label
from onboarding.connections.records import SecretRecord
from onboarding.errors import OnboardingError, PermanentError, cloud, steps
from onboarding.texts import phrases
from onboarding.words.word import Word

log = logging.getLogger(__name__)


async def _held() -> None:
    """Used if nobody else works on the secrets of the application."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CreatedSecret:
    """The client secret that an onboarding or a renewal creates for an application of the service."""

    directory: Directory
    vault: Vault
    tenant: str
    onboarding: str  # that created the application
    renewal: str = ""  # that creates the secret, if any
    object_id: str
    app_id: str
    ends_at: datetime
    now: datetime
    held: Callable[[], Awaitable[None]] = _held
    """Raises if another worker may have created a secret that this one does not know."""

    async def ensure(self, attempt: int, *, keep: frozenset[str] = frozenset()) -> SecretRecord:
        """Ensures that the app has, besides the secrets to keep, only the one that is current in the vault.

        Args:
            attempt: The number of this attempt. The first one for a new app has no earlier secrets to remove.
            keep: Key IDs of secrets of the service that are in use.
        """
        if attempt == 1 and not keep:
            return await self._make(attempt)
        stored = await self.vault.stored(self._vault_name)
        if stored is None and await self.vault.recover(self._vault_name):  # somebody has deleted it
            stored = await self.vault.stored(self._vault_name)
        known = _record(stored) if stored else None
        works = known is not None and known.ends_at > self.now and known.key_id not in keep
        if stored and known and works and await self._is_usable(stored):
            secret = known
        else:
            # An earlier attempt may have created a secret whose text is lost. If the directory shows it, it
            # is removed now, otherwise when the directory shows the new one.
            await self.remove_others(keep)
            secret = await self._make(attempt)
        await self.remove_others(keep | {secret.key_id}, shown=secret.key_id)
        return secret

    async def _is_usable(self, stored: StoredSecret) -> bool:
        """Whether this run created a secret, or the app still lists it, so that nobody has deleted it."""
        if stored.tags.get("run", "") == self.renewal:
            return True
        found = await self.directory.passwords(self.object_id)
        return any(password.key_id == stored.tags["keyId"] for password in found)

    async def _make(self, attempt: int) -> SecretRecord:
        """Creates a secret and stores it in the vault immediately.

        Any attempt after the first one checks the vault before: as long as the vault refuses, no secret is
        created.
        """
        if attempt > 1:
            await self.vault.check_write()
        name = self._name(attempt)
        password = await self.directory.add_password(self.object_id, name, self.ends_at)
        tags = {
            "onboarding": self.onboarding,
            "tenantId": self.tenant,
            "appId": self.app_id,
            "keyId": password.key_id,
            "endsAt": password.ends_at.isoformat(),
            "run": self.renewal,
        }
        try:
            vault_id = await self.vault.store(
                self._vault_name, password.text, ends_at=password.ends_at, tags=tags
            )
        except OnboardingError as error:
            refused = error.kind.failure is PermanentError or error.actor.is_awaited  # without effect
            if refused and not await self.withdraw(password.key_id):
                left = steps.SECRET_NOT_WITHDRAWN.finding(key=password.key_id, app=self.app_id)
                error.findings = (*error.findings, left)
            raise
        return SecretRecord(key_id=password.key_id, vault_id=vault_id, ends_at=password.ends_at)

    async def withdraw(self, key_id: str) -> bool:
        """Removes a new secret that nobody uses; False if that is not confirmed.

        A replica that does not have the secret yet does not find it, and does not list it either. So only a
        removal that succeeds is a confirmation. The next attempt removes every secret that the directory
        shows by then.
        """
        try:
            return await self.directory.remove_password(self.object_id, key_id)
        except OnboardingError as error:
            # True: its application no longer exists, either
            return error.code == cloud.REQUEST_RESOURCE_NOT_FOUND.code

    async def unused(self, attempt: int, made: SecretRecord | None, used: Sequence[SecretRecord]) -> set[str]:
        """The key IDs of the secrets that an attempt created and that nobody uses.

        Args:
            attempt: The number of the attempt.
            made: Its secret, if it got so far. Otherwise the app may list it.
            used: The secrets in use.
        """
        mine = {made.key_id} if made else set()
        try:
            found = await self.directory.passwords(self.object_id)
        except PermanentError as error:
            if error.code != cloud.REQUEST_RESOURCE_NOT_FOUND.code:
                raise
            found = []
        mine |= {password.key_id for password in found if password.name == Word(self._name(attempt))}
        return mine - {secret.key_id for secret in used}

    async def restore(self, secret: SecretRecord, *, instead_of: StoredSecret) -> None:
        """Makes a secret current in the vault again, after another one replaced it."""
        value = (await self.vault.client_secret(secret.vault_id)).get_secret_value()
        tags: Mapping[str, str] = {
            **instead_of.tags,
            "keyId": secret.key_id,
            "endsAt": secret.ends_at.isoformat(),
        }
        await self.vault.store(self._vault_name, value, ends_at=secret.ends_at, tags=tags)

    async def stored(self) -> StoredSecret | None:
        """The current version in the vault."""
        return await self.vault.stored(self._vault_name)

    async def remove_others(self, keep: frozenset[str], *, shown: str = "") -> None:
        """Removes the secrets of the service that are not to be kept.

        Raises ``ReplicationLagError`` while the directory does not show the new secret: what it shows is then
        older, and other secrets can be missing, too.
        """
        found = await self.directory.passwords(self.object_id)
        if shown and not any(password.key_id == shown for password in found):
            raise cloud.REPLICATION_LAG.error(sign=phrases.SIGN_NEW_SECRET.of())
        ours = [password.key_id for password in found if password.is_labeled(label(self.onboarding))]
        others = [key_id for key_id in ours if key_id not in keep]
        if others:
            # after the list: secrets that another worker creates later are not in it
            await self.held()
        unconfirmed = {
            key_id for key_id in others if not await self.directory.remove_password(self.object_id, key_id)
        }
        if unconfirmed:  # removed by somebody else, or not known to the replica that answered
            again = await self.directory.passwords(self.object_id)
            if any(password.key_id in unconfirmed for password in again):
                raise cloud.REPLICATION_LAG.error(sign=phrases.SIGN_SECRET_NOT_FOUND.of())

    def _name(self, attempt: int) -> str:
        """The name in Entra ID of the secret of an attempt: a note of it before it exists."""
        return secret_name(self.onboarding, self.renewal, attempt)

    @property
    def _vault_name(self) -> str:
        return vault_name(self.onboarding)


def secret_name(onboarding: str, renewal: str, attempt: int) -> str:
    """The name in Entra ID of the client secret of an attempt."""
    return f"{label(onboarding, renewal)}{attempt}"


def _record(stored: StoredSecret) -> SecretRecord | None:
    """A secret as its tags show it; None if somebody has changed them."""
    try:
        ends_at = datetime.fromisoformat(stored.tags["endsAt"])
        key = str(UUID(stored.tags["keyId"]))
        return SecretRecord(key_id=key, vault_id=stored.id, ends_at=ends_at.astimezone(UTC))
    except (KeyError, ValueError):
        log.warning("the tags of the vault secret %s cannot be read", stored.id)
        return None


def vault_name(onboarding: str) -> str:
    """The name in Key Vault of the client secret of an application that an onboarding created."""
    return f"cmg-{onboarding}"
