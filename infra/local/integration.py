"""What a developer of a portal needs from the local cloud: own settings, signed events, links, and feeds."""

from __future__ import annotations

import base64
import secrets
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx

from infra.local.errors import LocalError
from infra.local.stack import Stack
from onboarding.settings import Settings

_WEBHOOK_SECRET: Final = "notice-webhook-signing"  # noqa: S105 - the name of a secret
_LINK_KEY: Final = "link-key"
_GIVEN_BY_LOCAL_CLOUD: Final = {
    "API_AUDIENCE",
    "AZURE_CLIENT_ID",
    "AZURE_ENVIRONMENT",
    "HOME_TENANT_ID",
    "KEY_VAULT_URL",
    "MULTITENANT_CLIENT_ID",
    "ONBOARDING_STORAGE",
    "PUBLIC_URL",
    "SERVED_TENANTS",
    "LOCAL_CLOUD_CA",
    "LOCAL_CLOUD_ENDPOINTS",
    "LOCAL_CLOCK_FILE",
    "ONBOARDING_STORAGE__blobServiceUri",
    "ONBOARDING_STORAGE__queueServiceUri",
    "ONBOARDING_STORAGE__tableServiceUri",
}
"""Settings that have the addresses and identities of the local cloud; others would not work."""


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The app settings of a local cloud for integrators: defaults, and those of the caller's environment."""
    names = {field.alias or name.upper() for name, field in Settings.model_fields.items()}
    chosen = {name: environment[name] for name in names - _GIVEN_BY_LOCAL_CLOUD if environment.get(name)}
    return {"NOTICE_WEBHOOK_SECRET": _WEBHOOK_SECRET, "LINK_KEY": _LINK_KEY, **chosen}


async def prepare(stack: Stack) -> None:
    """Puts the keys that sign events, links and feeds into the simulated vault, and publishes the first one.

    Raises:
        LocalError: the vault does not accept them.
    """
    trust = ssl.create_default_context(cafile=stack.cloud_info["certificate"])
    async with httpx.AsyncClient(verify=trust, trust_env=False, timeout=30) as http:
        token = await _token(http, stack.cloud_info)
        signing = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        stack.webhook_secret = await _kept(http, stack, token, _WEBHOOK_SECRET, signing)
        await _kept(http, stack, token, _LINK_KEY, secrets.token_urlsafe(48))
    stack.publish()


async def _kept(http: httpx.AsyncClient, stack: Stack, token: str, name: str, value: str) -> str:
    """The value of a secret of the vault, which keeps an earlier one."""
    url = f"{stack.cloud_info['keyVault']}/secrets/{name}?api-version=7.5"
    headers = {"Authorization": f"Bearer {token}"}
    answer = await http.get(url, headers=headers)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        answer = await http.put(url, headers=headers, json={"value": value})
    if answer.status_code != HTTPStatus.OK:
        raise LocalError(f"the simulated vault does not keep {name}: {answer.text}")
    return str(answer.json()["value"])


async def _token(http: httpx.AsyncClient, cloud: Mapping[str, Any]) -> str:
    client = cloud["clients"]["administrator"]
    answer = await http.post(
        f"{cloud['login']}/{cloud['tenant']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": client["clientId"],
            "client_secret": client["clientSecret"],
            "scope": "https://vault.azure.net/.default",
        },
    )
    return str(answer.json()["access_token"])
