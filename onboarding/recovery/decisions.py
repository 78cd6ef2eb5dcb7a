"""The decision about a record, from what exists outside storage: pure rules.

Only what is certain changes a record. The service removes the copy and the secrets of a connection when it
off-boards it, and nobody else has a reason to: without an application, a secret and a copy, it was
off-boarded. The tags of a secret in the vault show who made it. A client secret works if the application
lists it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from onboarding.cloud.applications import passwords_of
from onboarding.cloud.ports import ListedSecret
from onboarding.connections.records import Connection
from onboarding.recovery.outside import is_of_service


class Decision(Enum):
    """What to do about a record."""

    REMOVE = auto()  # it was off-boarded
    TAKE_SECRET = auto()  # a renewal was confirmed
    TAKE_PENDING = auto()  # the recorded renewal was confirmed
    RENEW = auto()  # a renewal began
    MISSING_APPLICATION = auto()  # nothing certain
    OUTDATED_VAULT = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What exists of a connection outside storage."""

    application: Mapping[str, Any] | None
    current: ListedSecret | None  # the client secret in the vault that the service created
    has_copy: bool
    has_provided: bool = False  # a secret that came with its request


def decide(connection: Connection, seen: Seen, *, storage_is_older: bool) -> Decision | None:
    """The decision about a recorded connection; None if its record is correct.

    Args:
        connection: As it is recorded.
        seen: What exists.
        storage_is_older: Storage was restored. Only then can what is missing elsewhere have been removed
        since.
    """
    gone = connection.copied and not seen.has_copy and storage_is_older
    if connection.shares or connection.imports_server_app:
        return Decision.REMOVE if gone and not seen.has_provided else None
    if seen.application is None:
        if gone and seen.current is None:
            return Decision.REMOVE
        return Decision.MISSING_APPLICATION
    return _about_secret(connection, seen.application, seen.current, storage_is_older=storage_is_older)


def _about_secret(
    connection: Connection,
    application: Mapping[str, Any],
    current: ListedSecret | None,
    *,
    storage_is_older: bool,
) -> Decision | None:
    listed = {password.key_id: password for password in passwords_of(application)}
    recorded = connection.secret.key_id
    pending = connection.pending.key_id if connection.pending else ""
    key = current.tags.get("keyId", "") if current else ""
    if recorded not in listed:
        if key and key == pending and key in listed:
            return Decision.TAKE_PENDING
        if key in listed:
            return Decision.TAKE_SECRET
        lost = any(is_of_service(connection, password) for password in listed.values())
        return Decision.OUTDATED_VAULT if lost else None  # an inspection reports that it no longer exists
    if key in {recorded, pending} and key:
        return None
    if key in listed:
        began, known = listed[key].starts_at, listed[recorded].starts_at
        if began > known or (began == known and storage_is_older):  # it can omit fractions of a second
            return Decision.RENEW
    return Decision.OUTDATED_VAULT
