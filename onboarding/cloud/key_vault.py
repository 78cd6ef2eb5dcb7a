"""Key Vault: the only store of client secrets, and of the addresses and keys of notices."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.keyvault.secrets import KeyVaultSecretIdentifier
from azure.keyvault.secrets.aio import SecretClient
from pydantic import SecretStr

from onboarding.cloud.azure_sdk import CallRecorder, Transport, error_of
from onboarding.cloud.ports import Guard, ListedSecret, StoredSecret, Vault, allowed
from onboarding.cloud.service_names import KEY_VAULT
from onboarding.errors import cloud, steps

CONTENT_TYPE: Final = "Entra ID client secret"
"""The content type of a secret, for people who see it in the vault."""

_OWN: Final = "CMG onboarding"
"""The content type of everything else that the app stores."""

READABLE: Final = ("notice-", "link-", "record-")
"""The prefixes of the secrets that the app reads; no client secret has one of them."""


def content_type(name: str) -> str:
    """The content type of a secret, by its name."""
    return _OWN if name.startswith((*READABLE, "service-")) else CONTENT_TYPE


_NEVER: Final = datetime.min.replace(tzinfo=UTC)


API_VERSION: Final = "7.6"
"""Fixed, because the newest version of the SDK can be missing in another cloud.

Source: https://learn.microsoft.com/rest/api/keyvault/general/versions.
"""


class KeyVault(Vault):
    """The vault of the deployment."""

    def __init__(
        self,
        url: str,
        credential: AsyncTokenCredential,
        transport: Transport,
        *,
        local: bool,
        guard: Guard = allowed,
    ) -> None:
        self._guard = guard
        self._client = SecretClient(
            vault_url=url,
            api_version=API_VERSION,
            credential=credential,
            per_retry_policies=[CallRecorder(KEY_VAULT)],
            retry_total=0,
            transport=transport,
            # The local vault is on 127.0.0.1, which is not a domain of Key Vault. In Azure the check is on.
            verify_challenge_resource=not local,
        )

    async def stored(self, name: str) -> StoredSecret | None:
        """The current version of a secret, or None. Only a hint of its value is kept."""
        try:
            secret = await self._client.get_secret(name)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise error_of(KEY_VAULT, error) from error
        return StoredSecret(
            id=str(secret.id), tags=dict(secret.properties.tags or {}), hint=(secret.value or "")[:3]
        )

    async def listed(self, prefix: str) -> list[ListedSecret]:
        """The secrets whose names begin with a prefix."""
        try:
            found = [secret async for secret in self._client.list_properties_of_secrets()]
        except AzureError as error:
            raise error_of(KEY_VAULT, error) from error
        return [
            ListedSecret(
                name=str(secret.name), tags=dict(secret.tags or {}), created_at=secret.created_on or _NEVER
            )
            for secret in found
            if str(secret.name).startswith(prefix)
        ]

    async def client_secret(self, vault_id: str) -> SecretStr:
        """The value of one version of a client secret, to prove it or to encrypt it for the site.

        Raises ``PermanentError`` if there is no such version.
        """
        known = KeyVaultSecretIdentifier(vault_id)
        try:
            return SecretStr((await self._client.get_secret(known.name, known.version)).value or "")
        except ResourceNotFoundError as error:
            raise steps.SECRET_NOT_IN_VAULT.error(name=known.name) from error
        except AzureError as error:
            raise error_of(KEY_VAULT, error) from error

    async def read(self, name: str, *, versions: int = 1) -> tuple[str, ...]:
        """The newest values of a secret of the app itself, the current one first; empty if there is none.

        Raises ``PermanentError`` for any other secret: this method never returns client secrets.
        """
        if not name.startswith(READABLE):
            raise cloud.SECRET_NOT_READABLE.error(name=name, prefixes=list(READABLE))
        try:
            if versions == 1:
                return ((await self._client.get_secret(name)).value or "",)
            known = [version async for version in self._client.list_properties_of_secret_versions(name)]
            enabled = [version for version in known if version.enabled and version.version]
            newest = sorted(enabled, key=lambda entry: entry.created_on or _NEVER, reverse=True)[:versions]
            numbers = [str(version.version) for version in newest]
            return tuple([(await self._client.get_secret(name, number)).value or "" for number in numbers])
        except ResourceNotFoundError:
            return ()
        except AzureError as error:
            raise error_of(KEY_VAULT, error) from error

    async def store(self, name: str, value: str, *, ends_at: datetime | None, tags: Mapping[str, str]) -> str:
        """Adds a version to a secret; returns its URL. A deleted secret with the name is recovered first."""
        try:
            return await self._set(name, value, ends_at, tags)
        except AzureError as error:
            failure = error_of(KEY_VAULT, error)
            if failure.code != cloud.OBJECT_IS_DELETED.code or not await self.recover(name):
                raise failure from error
        try:
            return await self._set(name, value, ends_at, tags)
        except AzureError as error:
            raise error_of(KEY_VAULT, error) from error

    async def tag(self, name: str, tags: Mapping[str, str]) -> bool:
        """Replaces the tags of the current version of a secret; False if there is no such secret.

        No version is added: https://learn.microsoft.com/rest/api/keyvault/secrets/update-secret.
        """
        try:
            await self._client.update_secret_properties(name, tags=dict(tags))
        except ResourceNotFoundError:
            return False
        except AzureError as error:
            raise error_of(KEY_VAULT, error) from error
        return True

    async def check_write(self) -> None:
        """Raises if the service may not store secrets. Nothing is stored: the request has no value.

        The vault checks permissions before it reads a request, or refuses the request itself (400). Microsoft
        does not document the order. In the second case, this check cannot detect a missing permission.
        """
        request = HttpRequest("PUT", "/secrets/ping", params={"api-version": API_VERSION}, json={})
        try:
            response = await self._client.send_request(request)
            response.raise_for_status()
        except HttpResponseError as error:
            if error.status_code != HTTPStatus.BAD_REQUEST:
                raise error_of(KEY_VAULT, error) from error
        except AzureError as error:
            raise error_of(KEY_VAULT, error) from error

    async def recover(self, name: str) -> bool:
        """Recovers a deleted secret with its versions; False if there is none."""
        try:
            await self._client.recover_deleted_secret(name)
        except ResourceNotFoundError:
            return False
        except AzureError as error:
            raise error_of(KEY_VAULT, error) from error
        return True

    async def _set(self, name: str, value: str, ends_at: datetime | None, tags: Mapping[str, str]) -> str:
        secret = await self._client.set_secret(
            name, value, expires_on=ends_at, tags=dict(tags), content_type=content_type(name)
        )
        return str(secret.id)

    async def remove(self, name: str) -> None:
        """Deletes a secret with all its versions, permanently if the vault allows that.

        A vault with purge protection keeps it as a deleted secret until its retention ends. Safe to repeat.
        """
        await self._guard()
        try:
            with contextlib.suppress(ResourceNotFoundError):
                await self._client.delete_secret(name)
            with contextlib.suppress(ResourceNotFoundError):
                await self._client.purge_deleted_secret(name)
        except HttpResponseError as error:
            if error.status_code != HTTPStatus.FORBIDDEN or "purge" not in str(error).casefold():
                raise error_of(KEY_VAULT, error) from error
        except AzureError as error:
            raise error_of(KEY_VAULT, error) from error
