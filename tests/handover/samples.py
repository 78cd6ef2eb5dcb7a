"""Connections for the tests of scripts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from onboarding.cmg.handover_script import HandoverValues, script
from onboarding.cmg.vault_reading import VaultSecret
from onboarding.cmg.wizard import AzureEnvironment, OnboardingRequest
from onboarding.words.word import Word

TENANT = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
SERVER = "59ecaa28-3240-4d9c-a4e4-d3ff305bc6ed"
CLIENT = "93f99d42-7284-4643-a203-a7b6e804e408"
URI = f"api://{TENANT}/{SERVER}"
END = datetime(2027, 11, 24, 21, 19, 21, tzinfo=UTC)
VAULT_TENANT = "2d0c4b1a-7e8f-4a59-8c3d-6b5e4f3a2c10"
VAULT_SECRET = "https://cmgvault.vault.azure.net/secrets/cmg-9c2e0f38/40c5ce42"

EVERYTHING: dict[str, Any] = {
    "description": "For everybody",
    "userDiscovery": {
        "enabled": True,
        "deltaIntervalMinutes": 15,
        "schedule": {"unit": "Hours", "every": 12},
    },
    "groupDiscovery": {"enabled": True, "deltaIntervalMinutes": None, "groupNames": ["first", "second"]},
    "groupSync": True,
}
"""All fields that the script can set."""


def secret(environment: AzureEnvironment = AzureEnvironment.PUBLIC) -> VaultSecret:
    """The secret in the vault."""
    return VaultSecret(id=VAULT_SECRET, tenant=VAULT_TENANT, environment=environment)


def made(
    *,
    tenant_name: str = "Contoso",
    server_name: str = "CMG-ServerApp",
    client_name: str = "CMG-ClientApp",
    ends_at: datetime = END,
    client: str = CLIENT,
    confirm_url: str = "",
    **fields: Any,
) -> str:
    """The script of a connection with these wizard fields."""
    body = {"name": "Contoso CMG", "tenantId": TENANT, "subscriptionId": TENANT, **fields}
    return script(
        HandoverValues(
            request=OnboardingRequest.model_validate_json(json.dumps(body)),
            tenant_name=Word(tenant_name),
            tenant_domain=Word("contoso.onmicrosoft.com"),
            server_name=Word(server_name),
            server_app_id=SERVER,
            app_id_uri=URI,
            client_name=Word(client_name),
            client_app_id=client,
            secret=secret(AzureEnvironment(fields.get("azureEnvironment", "AzurePublicCloud"))),
            secret_ends_at=ends_at,
            confirm_url=confirm_url,
        )
    )
