"""The service connection: what is remembered once an onboarding has worked. Never the secret itself."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self, TypeVar, cast
from urllib.parse import urlsplit

from onboarding.cmg import versions
from onboarding.connections.cadence import APPLICATION, SECRET, Acknowledgement, Snooze
from onboarding.storage.tables import Row

_Record = TypeVar("_Record")


@dataclass(frozen=True, kw_only=True, slots=True)
class AppRecord:
    """One of the two app registrations."""

    name: str
    app_id: str
    object_id: str
    service_principal_id: str
    created_at: datetime | None = None  # None where it does not matter: the client app


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretRecord:
    """The client secret of the server app: where it is, which one, and until when."""

    key_id: str
    vault_id: str  # URL of the version in Key Vault
    ends_at: datetime

    @property
    def vault_name(self) -> str:
        """Its name in Key Vault, which all its versions have."""
        return urlsplit(self.vault_id).path.split("/")[2]


class ConnectionState(StrEnum):
    """Whether a connection is there to stay."""

    ACTIVE = "Active"
    REMOVING = "Removing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Something that the directory says, and that should not be so."""

    code: str  # the name of the rule that is broken, or what became of the secret
    app: str  # serverApp or clientApp; empty: the whole tenant
    since: datetime  # of the look that found it first
    detail: str
    impact: str
    remedy: str

    @property
    def key(self) -> str:
        """What tells it from the other differences of a connection."""
        return f"{self.app}/{self.code}"


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
    acknowledged: Mapping[str, Acknowledgement] = field(default_factory=dict)  # by expiration
    snoozed: Mapping[str, Snooze] = field(default_factory=dict)  # by expiration
    state: ConnectionState = ConnectionState.ACTIVE
    pending: SecretRecord | None = None  # a new secret that the site does not have yet
    renewal: str = ""  # the operation that made the pending secret, or is about to
    inspected_at: datetime | None = None  # when the directory was looked at last
    differences: Mapping[str, Difference] = field(default_factory=dict)  # that were found then, by key
    etag: str = ""

    @property
    def id(self) -> str:
        """How the API names it."""
        return f"{self.tenant}.{key_of(self.name)}"

    @property
    def owner_addresses(self) -> frozenset[str]:
        """The e-mail addresses of those who answer for it, in lower case."""
        return frozenset(owner["email"].casefold() for owner in self.request.get("owners", ()))

    @property
    def expirations(self) -> Mapping[str, datetime]:
        """When what ends: the secret, and the time in which the server app's secret can be renewed."""
        ends = {SECRET: self.secret.ends_at}
        made, version = self.server_app.created_at, self.request.get("configMgrVersion")
        if made and (limit := versions.renewable_until(made, version)):
            ends[APPLICATION] = limit
        return ends

    @property
    def renew_by(self) -> datetime:
        """The last moment to renew: when the earlier expiration ends."""
        return min(self.expirations.values())

    def acknowledgement(self, kind: str) -> Acknowledgement | None:
        """Who has acknowledged that an expiration ends; what was said of an earlier end does not count."""
        found = self.acknowledged.get(kind)
        return found if found and found.ends_at == self.expirations.get(kind) else None

    def snooze(self, kind: str) -> Snooze | None:
        """Until when an expiration was to be silent; what was said of an earlier end does not count."""
        found = self.snoozed.get(kind)
        return found if found and found.ends_at == self.expirations.get(kind) else None

    @property
    def imports_server_app(self) -> bool:
        """Whether the server app was there already: then it is never changed or deleted."""
        return bool(self.request["serverApp"]["existing"])

    @property
    def shares(self) -> str:
        """The id of the connection whose server app and secret it uses; empty where it has its own."""
        return (self.request["serverApp"]["existing"] or {}).get("connectionId") or ""

    def evolve(self, **changes: Any) -> Self:
        """The same connection, changed."""
        return replace(self, **changes)

    def to_row(self) -> Row:
        """The connection's row."""
        document = _as_json(self)
        columns = {"name": self.name, "requester": self.requester, "document": json.dumps(document)}
        return Row(partition=self.tenant, key=key_of(self.name), columns=columns, etag=self.etag)

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The connection of a row."""
        document = json.loads(row.columns["document"])
        parts = {
            "server_app": _of_json(AppRecord, document["server_app"]),
            "client_app": _of_json(AppRecord, document["client_app"]),
            "secret": _of_json(SecretRecord, document["secret"]),
            "acknowledged": _each(Acknowledgement, document.get("acknowledged", {})),
            "snoozed": _each(Snooze, document.get("snoozed", {})),
            "state": ConnectionState(document.get("state", ConnectionState.ACTIVE)),
            "pending": _of_json(SecretRecord, pending) if (pending := document.get("pending")) else None,
            "differences": _each(Difference, document.get("differences", {})),
        }
        return _of_json(cls, {**document, **parts, "etag": row.etag})


def key_of(name: str) -> str:
    """A connection's name as a key: names that differ only in case or Unicode form are the same one."""
    normalized = unicodedata.normalize("NFC", name).casefold()
    return hashlib.sha256(normalized.encode()).hexdigest()[:20]


def _as_json(record: Any) -> Mapping[str, Any]:
    """A record with its parts as JSON, without what belongs to the row."""
    return {each.name: _value(getattr(record, each.name)) for each in fields(record) if each.name != "etag"}


def _value(value: Any) -> Any:
    """A value of a record as JSON."""
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value):
        return _as_json(value)
    if isinstance(value, Mapping):
        return {name: _value(each) for name, each in value.items()}
    return value


def _of_json(record: type[_Record], document: Mapping[str, Any]) -> _Record:
    """A record of JSON; what is a moment in it, is one again."""
    moments = {each.name for each in fields(cast("Any", record)) if str(each.type).startswith("datetime")}
    return record(
        **{
            name: datetime.fromisoformat(value) if value and name in moments else value
            for name, value in document.items()
        }
    )


def _each(record: type[_Record], documents: Mapping[str, Any]) -> Mapping[str, _Record]:
    return {name: _of_json(record, document) for name, document in documents.items()}
