"""A notice as the channels deliver it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from onboarding.connections.records import AppRecord, Connection, SecretRecord
from onboarding.notices.message_items import Item, Link
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.words.address import Address
from onboarding.words.word import EMPTY, Word
from tests.support.connections import onboarding_request

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def connection(
    name: str = "Contoso CMG", tenant: str = "1", tenant_name: str = "", **changes: Any
) -> Connection:
    app = AppRecord(name=Word("CMG-ServerApp"), app_id="a", object_id="o", service_principal_id="s")
    made = Connection(
        tenant=tenant,
        tenant_name=Word(tenant_name or f"Tenant {tenant}"),
        name=Word(name),
        description=EMPTY,
        environment="AzurePublicCloud",
        subscription="s",
        profile="2026-08",
        app_id_uri="api://x/y",
        server_app=app,
        client_app=app,
        secret=SecretRecord(key_id="k", vault_id="v", ends_at=NOW),
        request=onboarding_request(),
        onboarding="o",
        requester="r",
        created_at=NOW,
    )
    return replace(made, **changes)


def item(days: int = 30, **changes: Any) -> Item:
    about = connection(**changes)
    notice = Notice(
        kind=NoticeKind.SECRET_NEAR_EXPIRY,
        connection=about.id,
        key=(str(days),),
        at=NOW,
        message="The client secret runs out.",
        impact="Every service stops.",
        remedy="Renew the secret.\n1. Add one.\n2. Enter it.",
        documentation="https://learn.microsoft.com/renew_secret",
        expiration="secret",
        ends_at=NOW + timedelta(days=days),
    )
    link = Link(label="Acknowledge", url=Address("https://x/l?t=a_b"))
    return Item(notice=notice, connection=about, links=(link,))
