"""Key Vault: the only place where a client secret is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.keyvault.secrets.aio import SecretClient

from onboarding.cloud.azure_sdk import CallRecorder, error_of

SERVICE: Final = "Key Vault"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSecret:
    """What is known of a secret without its value."""

    id: str  # URL of this version
    tags: Mapping[str, str]
    hint: str  # its first three characters, which Entra ID shows, too


class Vault:
    """The vault of the deployment."""

    def __init__(self, url: str, credential: AsyncTokenCredential, certificate: Path | None) -> None:
        # The local vault stands on 127.0.0.1, which no vault's domain matches; in Azure the check stays on.
        local = (
            {"connection_verify": str(certificate), "verify_challenge_resource": False} if certificate else {}
        )
        self._client = SecretClient(
            vault_url=url,
            credential=credential,
            per_retry_policies=[CallRecorder(SERVICE)],
            retry_total=0,
            **local,
        )

    async def stored(self, name: str) -> StoredSecret | None:
        """The current version of a secret, or None. Of the value that comes along only the hint is kept."""
        try:
            secret = await self._client.get_secret(name)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise error_of(SERVICE, error) from error
        return StoredSecret(
            id=str(secret.id), tags=dict(secret.properties.tags or {}), hint=(secret.value or "")[:3]
        )

    async def store(self, name: str, value: str, *, ends_at: datetime | None, tags: Mapping[str, str]) -> str:
        """Adds a version to a secret; returns its URL."""
        try:
            secret = await self._client.set_secret(
                name,
                value,
                expires_on=ends_at,
                tags=dict(tags),
                content_type="Entra ID client secret",
            )
        except AzureError as error:
            raise error_of(SERVICE, error) from error
        return str(secret.id)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()
