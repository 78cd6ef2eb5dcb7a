"""Connections as an onboarding would leave them, for tests that need many of them or odd dates."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from azure.data.tables.aio import TableServiceClient

from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.cadence import Cadence
from onboarding.connections.calendar import Calendar
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import AppRecord, Connection, SecretRecord
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.settings import DEFAULT_THRESHOLDS
from onboarding.storage.tables import Tables
from onboarding.words.word import EMPTY, Word, read
from tests.support.portal import unique

TENANT: Final = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
_APP_ID: Final = "59ecaa28-3240-4d9c-a4e4-d3ff305bc6ed"
_SUBSCRIPTION: Final = "9a6c2b14-58d3-4f0e-8e21-7b5d3c9f0a46"
CADENCE: Final = Cadence(thresholds=DEFAULT_THRESHOLDS, repeat=7)


def connection(
    ends_at: datetime,
    *,
    app_made_at: datetime | None = None,
    version: str | None = None,
    owners: Sequence[str] = (),
    imported: bool = False,
    **changes: Any,
) -> Connection:
    """A connection whose secret expires at a moment."""
    name = read(changes.pop("name", None) or unique("Contoso"))
    facts: dict[str, Any] = {
        "tenant": TENANT,
        "tenant_name": Word("Contoso"),
        "name": Word(name),
        "description": EMPTY,
        "environment": "AzurePublicCloud",
        "subscription": _SUBSCRIPTION,
        "profile": "2026-08",
        "app_id_uri": f"api://{TENANT}/x",
        "server_app": _app("CMG-ServerApp", app_made_at),
        "client_app": _app("CMG-ClientApp", None),
        "secret": secret(ends_at),
        "request": onboarding_request(name=name, version=version, owners=owners, imported=imported),
        "onboarding": unique("onboarding"),
        "requester": "somebody",
        "created_at": datetime(2020, 1, 1, tzinfo=UTC),
    }
    return Connection(**{**facts, **changes})


def onboarding_request(
    *, name: str = "Contoso", version: str | None = None, owners: Sequence[str] = (), imported: bool = False
) -> OnboardingRequest:
    """The request with which a connection was onboarded."""
    document = {
        "name": name,
        "tenantId": TENANT,
        "subscriptionId": _SUBSCRIPTION,
        "configMgrVersion": version,
        "owners": [{"email": email} for email in owners],
        "serverApp": {"existing": {"clientId": _APP_ID} if imported else None},
    }
    return OnboardingRequest.model_validate_json(json.dumps(document))


def secret(ends_at: datetime) -> SecretRecord:
    """A client secret that expires at a moment."""
    return SecretRecord(key_id="k", vault_id="https://vault/secrets/x/1", ends_at=ends_at)


def _app(name: str, created_at: datetime | None) -> AppRecord:
    return AppRecord(
        name=Word(name), app_id=_APP_ID, object_id="o", service_principal_id="p", created_at=created_at
    )


class Fleet:
    """Connections in the storage of a deployment, written as its steps write them."""

    def __init__(self, service: TableServiceClient) -> None:
        tables = Tables(service)
        self.store = ConnectionStore(tables)
        self.calendar = Calendar(tables)
        self.warning_schedule = WarningSchedule(tables, CADENCE, self.calendar)
        self._added: list[Connection] = []

    async def add(self, record: Connection, now: datetime) -> Connection:
        """A new connection."""
        self._added.append(record)
        kept = await self.store.add(record)
        await self.warning_schedule.schedule(kept, now)
        return kept

    async def renew(self, record: Connection, ends_at: datetime, now: datetime) -> Connection:
        """Replace the secret of a connection with one that has another expiration."""
        renewed = await self.store.change(record.id, lambda found: _with_secret(found, ends_at))
        assert renewed
        await self.warning_schedule.schedule(renewed, now)
        return renewed

    async def clear(self) -> None:
        """Remove all added connections, with their calendar entries."""
        await asyncio.gather(*(self.calendar.leave(each.id) for each in self._added))
        await asyncio.gather(*(self.store.remove(each) for each in self._added))


def _with_secret(found: Connection, ends_at: datetime) -> Connection:
    return replace(found, secret=secret(ends_at))
