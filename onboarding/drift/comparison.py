"""The differences of a connection: pure rules that compare an inspection with what is recorded.

Only changes with an effect count: the checks compare sets, and unreadable values change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onboarding.cloud.applications import PasswordCredential
from onboarding.cmg import rules
from onboarding.cmg.client_secrets import label
from onboarding.connections import difference_types
from onboarding.connections.difference_types import DifferenceType
from onboarding.connections.records import (
    SECRET_REMOVED,
    SERVER_APP_DELETED,
    Connection,
    Difference,
    Loss,
)
from onboarding.drift.directory_snapshot import TenantNames
from onboarding.drift.inspection import InspectedApp, Inspection
from onboarding.errors import OnboardingError
from onboarding.words.line import isolated
from onboarding.words.word import EMPTY

UNREADABLE: Final = "directory-unreadable"
"""The code for a tenant that the service cannot read."""

_SECRET_CODES: Final = tuple(
    kind.code
    for kind in (
        difference_types.SECRET_ADDED,
        difference_types.SECRET_REPLACED,
        difference_types.SECRET_REMOVED,
        difference_types.SECRET_END_CHANGED,
    )
)
_RECORDED_BY: Final = timedelta(days=1)
"""After this time, the key ID of a secret that a renewal creates is recorded, or the secret is removed."""

_PRECISE: Final = {
    rules.APPLICATION.name: difference_types.APPLICATION_MISSING,
    rules.SERVICE_PRINCIPAL.name: difference_types.PRINCIPAL_MISSING,
    rules.OWN_CREDENTIALS.name: difference_types.CREDENTIAL_ADDED,
}
"""The texts that are more precise than those of other checks, by check."""

_MOST_CREDENTIALS: Final = 10
"""How many credentials a text contains."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What follows from an inspection."""

    differences: Mapping[str, Difference]  # all present ones, by key
    ends_at: datetime  # when the secret expires by its date
    lost: Loss | None = None  # why it no longer works
    pending_providers: tuple[str, ...] = ()  # resource providers that Azure has not registered yet
    updated: tuple[str, ...] = ()  # what the site has set in an imported server app, as names of checks
    tenant: TenantNames | None = None  # as the directory has them now; None if the service cannot read them


def compare(connection: Connection, inspection: Inspection, at: datetime) -> Comparison:
    """The differences of a connection after an inspection that started at ``at``."""
    apps = inspection.apps
    found = [
        difference
        for app, inspected in apps.items()
        for difference in _failed(connection, app, inspected, at)
    ]
    unknown = [
        f"{app}/{check.name}"
        for app, inspected in apps.items()
        for check in inspected.checks
        if check.passed is None
    ]
    ends_at, lost = connection.secret.ends_at, None
    if inspection.server.exists is None:
        unknown += [f"serverApp/{code}" for code in _SECRET_CODES]
        lost = connection.lost
    elif inspection.server.exists:
        secret = _secret(connection, inspection.passwords, at)
        ends_at, lost = secret.ends_at, secret.lost
        found += secret.differences.values()
    else:
        lost = _loss(connection, SERVER_APP_DELETED, at)
    kept = {key: connection.differences[key] for key in unknown if key in connection.differences}
    present = {difference.key: _first(connection, difference) for difference in found}
    updated = _updated(connection, inspection.server)
    return Comparison(
        differences=kept | present, ends_at=ends_at, lost=lost, updated=updated, tenant=inspection.tenant
    )


def outdated(connection: Connection) -> Comparison:
    """The comparison if the record is older than the service's own changes: the known differences."""
    return Comparison(
        differences=connection.differences,
        ends_at=connection.secret.ends_at,
        lost=connection.lost,
        pending_providers=connection.pending_providers,
        updated=connection.updated,
    )


def blames(comparison: Comparison) -> bool:
    """Whether it reports that somebody changed the secret or deleted the application."""
    blamed = {SERVER_APP_DELETED, *(f"serverApp/{code}" for code in _SECRET_CODES)}
    return not blamed.isdisjoint(comparison.differences)


def unreadable(connection: Connection, error: OnboardingError, at: datetime) -> Comparison:
    """The differences of a connection whose tenant cannot be read: the known ones and this one."""
    cause = error.as_finding()
    difference = difference_types.DIRECTORY_UNREADABLE.difference(
        "", at, tenant=connection.tenant, reason=cause.said("detail"), action=cause.said("remedy")
    )
    difference = replace(difference, actor=error.actor, actions=error.actions)
    known = {**connection.differences, difference.key: _first(connection, difference)}
    return Comparison(
        differences=known,
        ends_at=connection.secret.ends_at,
        lost=connection.lost,
        updated=connection.updated,
    )


def _updated(connection: Connection, server: InspectedApp) -> tuple[str, ...]:
    """What the site has set in an imported server app, now or before.

    The manual article does not set it; 'Update Application Settings' in the console does, after the import.
    """
    if not connection.imports_server_app:
        return ()
    now = {check.name for check in server.checks if check.set_by_site and check.passed}
    return tuple(sorted(now.union(connection.updated)))


def _failed(connection: Connection, app: str, inspected: InspectedApp, at: datetime) -> Iterator[Difference]:
    """The checks that failed. What the site has not set yet in an imported app is not a difference."""
    record = connection.server_app if app == "serverApp" else connection.client_app
    name = record.name if record else EMPTY
    subjects = tuple(sorted(credential.id for credential in inspected.credentials))
    for check in inspected.checks:
        if check.set_by_site and connection.imports_server_app and check.name not in connection.updated:
            continue
        if check.passed is False and check.name != rules.SECRET.name:
            kind = _PRECISE.get(check.name, difference_types.DIFFERS)
            yield difference_types.difference(
                check.name,
                app,
                at,
                kind.said(
                    "detail",
                    app=isolated(name),
                    id=inspected.app_id,
                    expected=check.said("expected"),
                    credentials=[credential.said for credential in inspected.credentials[:_MOST_CREDENTIALS]],
                ),
                check.said("impact"),
                check.said("remedy"),
                restorable=check.remedy != rules.APPLICATION.remedy,
                subjects=subjects if check.name == rules.OWN_CREDENTIALS.name else (),
            )


def _secret(connection: Connection, passwords: Sequence[PasswordCredential], at: datetime) -> Comparison:
    """What happened to the recorded secret, and until when a secret works."""
    ends = {password.key_id: password.ends_at.replace(microsecond=0) for password in passwords}
    end = ends.get(connection.secret.key_id)
    about = () if connection.imports_server_app else tuple(sorted(_by_hand(connection, passwords, at)))
    newest = max(map(ends.__getitem__, about), default=at)
    if end and end > at:
        if newest > at:  # anyone who has it can act as the application
            return _secret_differs(connection, difference_types.SECRET_ADDED, at, end, newest, about)
        if end != connection.secret.ends_at.replace(microsecond=0):
            return _secret_differs(connection, difference_types.SECRET_END_CHANGED, at, end, end)
        return Comparison(differences={}, ends_at=connection.secret.ends_at)
    if newest > at:
        return _secret_differs(connection, difference_types.SECRET_REPLACED, at, newest, newest, about)
    tidied = connection.secret.ends_at <= at and SECRET_REMOVED not in connection.differences
    if end is None and not tidied:  # an expired secret may be removed
        removed = _secret_differs(
            connection, difference_types.SECRET_REMOVED, at, connection.secret.ends_at, at
        )
        return replace(removed, lost=_loss(connection, SECRET_REMOVED, at))
    return Comparison(differences={}, ends_at=end or connection.secret.ends_at)


def _by_hand(connection: Connection, passwords: Sequence[PasswordCredential], at: datetime) -> set[str]:
    """The key IDs of the secrets that others added to an application of this service.

    The service identifies its own secrets by their key IDs, because anybody can choose a name. Only a secret
    that a renewal creates has no recorded key ID for a moment.
    """
    ours = {secret.key_id for secret in (connection.secret, connection.pending) if secret}
    ours.add(connection.replaced_key)
    listed = {password.key_id for password in passwords if not _is_being_made(connection, password, at)}
    return listed - ours


def _is_being_made(connection: Connection, password: PasswordCredential, at: datetime) -> bool:
    if not connection.renewal or connection.pending:
        return False
    made_by = label(connection.onboarding, connection.renewal)
    return password.is_labeled(made_by) and abs(at - password.starts_at) < _RECORDED_BY


def _secret_differs(  # noqa: PLR0917 - in the order of the text
    connection: Connection,
    kind: DifferenceType,
    at: datetime,
    ends_at: datetime,
    day: datetime,
    subjects: tuple[str, ...] = (),
) -> Comparison:
    """One difference of the secret; ``day`` is the date in its text, ``subjects`` are key IDs."""
    found = kind.difference(
        "serverApp",
        at,
        subjects=subjects,
        app=connection.server_app.name,
        day=day,
        recorded=connection.secret.ends_at,
    )
    return Comparison(differences={found.key: found}, ends_at=ends_at)


def _loss(connection: Connection, difference: str, at: datetime) -> Loss:
    """The loss of the secret by a difference: the known one, if that has the same cause."""
    known = connection.lost
    return known if known and known.difference == difference else Loss(difference=difference, at=at)


def _first(connection: Connection, difference: Difference) -> Difference:
    """The known difference, if there is one. A dismissal applies to the difference as it was.

    An additional secret is a separate difference: it begins now, and is announced.
    """
    known = connection.differences.get(difference.key)
    if known is None or (known.subjects and set(difference.subjects) - set(known.subjects)):
        return difference
    if (known.detail, known.subjects) == (difference.detail, difference.subjects):
        return known
    return replace(difference, since=known.since)
