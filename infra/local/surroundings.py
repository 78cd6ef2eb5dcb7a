"""The environment of a trigger host on one machine: the settings that Azure would set for the app."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.local.storage import Account

_PASSED_ON: Final = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
"""A host gets these variables of the caller's environment, and those with the following prefixes, but no
others: a developer's AZURE_CLIENT_SECRET or proxy would change what the app does."""

VERSION: Final = {"LOCAL_VERSION": '{"commit":"local","builtAt":"2026-01-01T00:00:00+00:00"}'}
"""The code of a working copy was not packaged."""

_PASSED_ON_PREFIXES: Final = ("COVERAGE_", "LC_", "PYTHON", "LOCAL_")

PACE: Final = {
    "SWEEP_SCHEDULE": "*/10 * * * * *",
    "EXPIRY_SCHEDULE": "0 */5 * * * *",
    "INSPECTION_SCHEDULE": "0 20 * * * *",
    "STALLED_AFTER_SECONDS": "30",
}
"""Shorter than in Azure, so that a developer does not wait."""


def inherited() -> dict[str, str]:
    """The variables that a child process inherits from this one."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }


def of_host(
    *, cloud: Mapping[str, Any], api: str, storage: Mapping[str, str], clock: Path, root: Path
) -> dict[str, str]:
    """The environment of a trigger host.

    Args:
        cloud: the simulated cloud's ``cloud.json``.
        api: base URL of the API, for links in notices.
        storage: settings of the storage account; see ``connection`` and ``identity_connection``.
        clock: file with the offset of the local clock.
        root: the project's folder.
    """
    settings = {
        **storage,
        "AZURE_ENVIRONMENT": cloud["environment"],
        "AZURE_CLIENT_ID": cloud["identity"]["clientId"],
        "HOME_TENANT_ID": cloud["tenant"],
        "MULTITENANT_CLIENT_ID": cloud["multitenantClientId"],
        "SERVED_TENANTS": ",".join(each["tenant"] for each in cloud["tenants"]),
        "API_AUDIENCE": cloud["audience"],
        "KEY_VAULT_URL": cloud["keyVault"],
        "PUBLIC_URL": api,
        "NOTICE_WEBHOOK_URL": f"{cloud['control']}/inbox/notices",
        "LOCAL_CLOUD_ENDPOINTS": json.dumps(
            {name: cloud[name] for name in ("login", "graph", "resourceManager")}
        ),
        "LOCAL_CLOUD_CA": cloud["certificate"],
        "LOCAL_CLOCK_FILE": str(clock),
        "IDENTITY_ENDPOINT": cloud["managedIdentity"],
        "IDENTITY_HEADER": cloud["identityHeader"],
    }
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    return {**VERSION, **inherited(), **PACE, **settings, "PYTHONPATH": path}


def connection(account: Account) -> dict[str, str]:
    """The settings of a storage account that is opened with its key."""
    return {
        "AzureWebJobsStorage": account.connection_string,
        "ONBOARDING_STORAGE": account.connection_string,
    }


def identity_connection(account: Account) -> dict[str, str]:
    """The same where the app uses its identity, as in Azure. The local host has none, so it uses the key."""
    return {
        "AzureWebJobsStorage": account.connection_string,
        "ConnectionStrings__ONBOARDING_STORAGE": account.connection_string,
        "ONBOARDING_STORAGE__tableServiceUri": account.url(account.table),
        "ONBOARDING_STORAGE__queueServiceUri": account.url(account.queue),
        "ONBOARDING_STORAGE__blobServiceUri": account.url(account.blob),
    }


def endpoints(
    *, cloud: Mapping[str, Any], api: str, storage: str, pids: list[int], log: Path, webhook_secret: str
) -> dict[str, Any]:
    """The content of ``endpoints.json``: the addresses for tools while the local cloud runs."""
    shared = (
        "login",
        "graph",
        "resourceManager",
        "keyVault",
        "control",
        "certificate",
        "tenant",
        "subscription",
        "tenants",
        "multitenantClientId",
    )
    return {
        "api": api,
        **{name: cloud[name] for name in (*shared, "audience", "clients")},
        **({"webhookSecret": webhook_secret} if webhook_secret else {}),
        "storage": storage,
        "hostPids": pids,
        "log": str(log),
    }
