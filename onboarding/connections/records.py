"""The service connection: what is remembered once an onboarding has worked. Never the secret itself."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from onboarding.storage.tables import Row


@dataclass(frozen=True, kw_only=True, slots=True)
class AppRecord:
    """One of the two app registrations."""

    name: str
    app_id: str
    object_id: str
    service_principal_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretRecord:
    """The client secret of the server app: where it is, which one, and until when."""

    key_id: str
    vault_id: str  # URL of the version in Key Vault
    ends_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """A service connection of one tenant."""

    tenant: str
    tenant_name: str  # as the directory shows it; the import at the site asks for it
    name: str
    description: str
    environment: str
    subscription: str
    profile: str
    app_id_uri: str
    server_app: AppRecord
    client_app: AppRecord
    secret: SecretRecord
    request: Mapping[str, Any]  # the wizard's fields, as they were onboarded
    onboarding: str
    requester: str
    created_at: datetime
    etag: str = ""

    @property
    def id(self) -> str:
        """How the API names it."""
        return f"{self.tenant}.{key_of(self.name)}"

    def to_row(self) -> Row:
        """The connection's row."""
        document = _as_json(self)
        columns = {"name": self.name, "requester": self.requester, "document": json.dumps(document)}
        return Row(partition=self.tenant, key=key_of(self.name), columns=columns, etag=self.etag)

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The connection of a row."""
        document = json.loads(row.columns["document"])
        secret = document.pop("secret")
        return cls(
            **{
                **document,
                "server_app": AppRecord(**document["server_app"]),
                "client_app": AppRecord(**document["client_app"]),
                "secret": SecretRecord(**{**secret, "ends_at": datetime.fromisoformat(secret["ends_at"])}),
                "created_at": datetime.fromisoformat(document["created_at"]),
                "etag": row.etag,
            }
        )


def key_of(name: str) -> str:
    """A connection's name as a key: names that differ only in case or Unicode form are the same one."""
    normalized = unicodedata.normalize("NFC", name).casefold()
    return hashlib.sha256(normalized.encode()).hexdigest()[:20]


def _as_json(record: Any) -> Mapping[str, Any]:
    """A record with its parts as JSON, without what belongs to the row."""
    document: dict[str, Any] = {}
    for each in fields(record):
        value = getattr(record, each.name)
        if each.name == "etag":
            continue
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, AppRecord | SecretRecord):
            value = _as_json(value)
        document[each.name] = value
    return document
