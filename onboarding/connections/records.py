"""The connection: the record of an onboarding that succeeded. It never contains the secret itself."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import Field

from onboarding.behalf import Behalf
from onboarding.cmg import joiners, versions
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.cadence import APPLICATION, SECRET, Acknowledgement, Snooze
from onboarding.connections.handover import Confirmation, ConfirmationWay, Handover, HandoverState
from onboarding.errors import Action, Actor
from onboarding.storage.codec import Codec, renamed
from onboarding.storage.tables import Row
from onboarding.storage.unreadable_rows import Dismissal, load, placed
from onboarding.texts.phrases import Said
from onboarding.words import data
from onboarding.words.word import EMPTY, Word


@dataclass(frozen=True, kw_only=True, slots=True)
class AppRecord:
    """One of the two app registrations."""

    name: Word
    app_id: str
    object_id: str
    service_principal_id: str
    created_at: datetime | None = None  # None for the client app, where it does not matter


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretRecord:
    """The client secret of the server app: where it is, which one it is, and when it expires."""

    key_id: str
    vault_id: str  # URL of the version in Key Vault
    ends_at: datetime

    @property
    def vault_name(self) -> str:
        """The name in Key Vault, which all versions share."""
        return urlsplit(self.vault_id).path.split("/")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class EncryptedCopy:
    """The certificate with which a client secret was encrypted for the site; there is one for each secret."""

    key_id: str  # of the secret
    thumbprint: str  # of the certificate (SHA-256)
    by: str
    at: datetime


class ConnectionState(StrEnum):
    """Whether a connection is in use or being removed."""

    ACTIVE = "Active"
    REMOVING = "Removing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Something in the directory that differs from the expected state."""

    code: str  # the name of the check that failed, or what happened to the secret
    app: str  # serverApp or clientApp; empty for the whole tenant
    since: datetime  # of the inspection that found it first
    detail: str
    impact: str
    remedy: str
    restorable: bool = True  # of a deleted application: whether it can be restored
    subjects: tuple[str, ...] = ()  # the IDs of the affected secrets and credentials
    dismissed: Dismissal | None = None  # an operator decided that no action is needed
    said: Mapping[str, Said] = field(default_factory=dict, compare=False)  # the texts with their codes
    actor: Actor | None = field(default=None, compare=False)  # who must act, where the cause decides
    actions: tuple[Action, ...] = field(default=(), compare=False)  # the same for what they can do

    def wording(self, part: str) -> Said:
        """One of its texts; without a code if an earlier version wrote it."""
        return self.said.get(part) or Said(code="", text=str(getattr(self, part)))

    @property
    def key(self) -> str:
        """Identifies it among the differences of a connection."""
        return f"{self.app}/{self.code}"


SECRET_REMOVED: Final = "serverApp/secret-removed"  # noqa: S105 - the key of a difference
"""Somebody has removed the client secret."""

SERVER_APP_DELETED: Final = "serverApp/application"
"""Somebody has deleted the server app, with its secret."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """The client secret stopped working before its date."""

    difference: str  # the key of the difference that is the cause
    at: datetime  # of the inspection that found it


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """A connection of one tenant."""

    tenant: str
    tenant_name: Word  # as in the directory; the import at the site asks for it
    name: Word
    description: Word
    environment: str
    subscription: str | None  # with the gateway; None: it is in another tenant
    profile: str
    app_id_uri: str
    server_app: AppRecord
    client_app: AppRecord | None  # None: the tenant has only the gateway
    secret: SecretRecord
    request: OnboardingRequest  # as it was onboarded
    onboarding: str
    requester: str
    created_at: datetime
    requester_name: str = ""  # empty: an earlier version wrote the record
    on_behalf_of: Behalf | None = None  # on whose behalf the requester acted
    tenant_domain: Word = EMPTY  # the initial one, which identifies the tenant
    acknowledged: Mapping[str, Acknowledgement] = field(default_factory=dict)  # by kind of expiration
    snoozed: Mapping[str, Snooze] = field(default_factory=dict)  # by kind of expiration
    state: ConnectionState = ConnectionState.ACTIVE
    handover: Handover | None = None  # to the site; None: an earlier version wrote the record
    pending: SecretRecord | None = None  # a new secret that the site does not have yet
    replaced_key: str = ""  # ID of the previous secret: the directory may still show it for a moment
    renewal: str = ""  # the operation that creates the pending secret
    encrypted_copy: EncryptedCopy | None = None  # of the last secret that was encrypted
    copied: bool = False  # whether its onboarding has a copy in Key Vault
    pending_providers: tuple[str, ...] = ()  # resource providers that Azure had not registered yet
    updated: tuple[str, ...] = ()  # checks of an imported server app that passed after the site updated it
    inspected_at: datetime | None = None  # of the last inspection
    differences: Mapping[str, Difference] = field(default_factory=dict)  # of the last inspection, by key
    lost: Loss | None = None  # why the secret no longer works; None: it works until its date
    links_revoked_at: datetime | None = None  # links in messages sent before are no longer valid
    etag: Annotated[str, Field(exclude=True)] = ""  # belongs to the row, not to the document

    @property
    def id(self) -> str:
        """The id in the API."""
        return connection_id(self.tenant, self.name)

    @property
    def handover_state(self) -> HandoverState:
        """Whether the site is connected. A connection that is being removed no longer waits."""
        if self.handover and self.handover.confirmation:
            return HandoverState.CONFIRMED
        waits = self.handover and self.state is ConnectionState.ACTIVE
        return HandoverState.WAITING if waits else HandoverState.UNKNOWN

    @property
    def owner_addresses(self) -> frozenset[str]:
        """The email addresses of the owners, folded for comparison."""
        return frozenset(owner.email.casefold() for owner in self.request.owners)

    @property
    def expirations(self) -> Mapping[str, datetime]:
        """What expires when, by kind; the application only where the site checks its age.

        A secret that stopped working before its date expired when the service found that.
        """
        ends = {SECRET: min(self.secret.ends_at, self.lost.at) if self.lost else self.secret.ends_at}
        made, version = self.server_app.created_at, self.request.config_mgr_version
        if self.lost and self.lost.difference == SERVER_APP_DELETED:
            return ends
        if made and (limit := versions.renewable_until(made, version)):
            ends[APPLICATION] = limit
        return ends

    @property
    def loss(self) -> Difference | None:
        """The difference because of which the secret no longer works."""
        return self.differences.get(self.lost.difference) if self.lost else None

    @property
    def renew_by(self) -> datetime:
        """The last moment to renew: the earlier expiration."""
        return min(self.expirations.values())

    def acknowledgement(self, kind: str) -> Acknowledgement | None:
        """The acknowledgement of an expiration; an acknowledgement of an earlier date does not count."""
        found = self.acknowledged.get(kind)
        return found if found and found.ends_at == self.expirations.get(kind) else None

    def is_acknowledged(self, kind: str) -> bool:
        """Whether an operator has acknowledged an expiration: only that ends the warnings to operators."""
        found = self.acknowledgement(kind)
        return found is not None and found.operator

    def snooze(self, kind: str) -> Snooze | None:
        """The snooze of an expiration; a snooze of an earlier date does not count."""
        found = self.snoozed.get(kind)
        return found if found and found.ends_at == self.expirations.get(kind) else None

    @property
    def imports_server_app(self) -> bool:
        """Whether the server app existed before. If so, the service never changes or deletes it."""
        return self.request.server_app.existing is not None

    @property
    def imports_client_app(self) -> bool:
        """Whether the client app existed before. If so, the service never changes or deletes it."""
        return bool(self.request.client_app and self.request.client_app.existing)

    def imports_app(self, app_id: str) -> bool:
        """Whether it uses an application that existed before."""
        server = self.server_app.app_id.casefold() == app_id.casefold()
        return self.imports_server_app if server else self.imports_client_app

    @property
    def apps(self) -> tuple[AppRecord, ...]:
        """The applications that it has."""
        return tuple(app for app in (self.server_app, self.client_app) if app)

    @property
    def shares(self) -> str:
        """The id of the connection whose server app and secret it uses; empty where it has its own."""
        existing = self.request.server_app.existing
        return (existing.connection_id if existing else None) or ""

    def connected(self, at: datetime) -> Self:
        """The same connection, whose site has a later secret: so it has imported the applications."""
        known = self.handover or Handover(since=self.created_at)
        if known.confirmation:
            return self
        confirmation = Confirmation(at=at, by="renewal", way=ConfirmationWay.RENEWAL)
        return self.evolve(handover=replace(known, confirmation=confirmation))

    def evolve(self, **changes: Any) -> Self:
        """The same connection, changed."""
        return replace(self, **changes)

    def to_row(self) -> Row:
        """The connection's row."""
        columns = {"name": data.text(self.name), "requester": self.requester, "document": CODEC.dump(self)}
        return Row(partition=self.tenant, key=key_of(self.name), columns=columns, etag=self.etag)

    @classmethod
    def from_row(cls, row: Row) -> Connection:
        """The connection of a row."""
        connection = load(CODEC, row)
        placed(row, Row(partition=connection.tenant, key=key_of(connection.name)))
        return connection.evolve(etag=row.etag)


CODEC: Final = Codec(Connection, upgrades={1: renamed(hand_over="handover")})


def connection_id(tenant: str, name: Word) -> str:
    """The ID of the connection with a name in a tenant, even before it exists."""
    return f"{tenant}.{key_of(name)}"


def key_of(name: Word) -> str:
    """A connection's name as a key. Names that differ only in case, form or joiners have the same one."""
    normalized = unicodedata.normalize("NFC", joiners.without(data.text(name))).casefold()
    return hashlib.sha256(normalized.encode()).hexdigest()[:20]
