"""What the directory says of a connection, rule by rule; also of two applications that belong to none."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from onboarding.cmg import directory_checks, profiles
from onboarding.cmg.app_checks import Check, client_checks, server_checks
from onboarding.cmg.permissions import USER_READ
from onboarding.cmg.profiles import USER_IMPERSONATION, Profile
from onboarding.connections.records import Connection
from onboarding.drift import directory_snapshot
from onboarding.drift.directory_snapshot import DirectorySnapshot, Grants, Pair

if TYPE_CHECKING:
    from onboarding.cloud.directory import Directory


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is inspected, and against what."""

    pair: Pair
    profile: Profile
    user_discovery: bool
    key_id: str | None = None  # of the secret that has to be there; None: any
    app_id_uri: str | None = None  # that the site was given; None: any

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """A connection, against what it was onboarded with."""
        return cls(
            pair=Pair(server=connection.server_app.app_id, client=connection.client_app.app_id),
            profile=profiles.PROFILES[connection.profile],
            user_discovery=connection.request.user_discovery.enabled,
            key_id=connection.secret.key_id,
            app_id_uri=connection.app_id_uri,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspected:
    """One of the two applications."""

    app_id: str
    name: str  # as the directory shows it; empty where it does not
    exists: bool | None  # None: that can't be read
    rules: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """Both applications, and the secrets of the server app (none where it is not shown)."""

    server: Inspected
    client: Inspected
    passwords: Sequence[Mapping[str, Any]]

    @property
    def conformant(self) -> bool | None:
        """Whether all rules are kept; None when none is broken, but not all could be checked."""
        passed = {rule.passed for rule in (*self.server.rules, *self.client.rules)}
        if False in passed:
            return False
        return None if None in passed else True


async def inspect(directory: Directory, subjects: Sequence[Subject], now: datetime) -> list[Inspection]:
    """Inspects up to ``directory_snapshot.MOST_PAIRS`` subjects of one tenant, with one call or two.

    Raises ``TransientError``, and ``PermanentError`` where the tenant can't be entered.
    """
    found = await directory_snapshot.take(directory.graph, [subject.pair for subject in subjects])
    return [_inspection(subject, found, now) for subject in subjects]


def _inspection(subject: Subject, found: DirectorySnapshot, now: datetime) -> Inspection:
    server = _application(found, subject.pair.server)
    passwords = directory_checks.passwords(server) if server else ()
    return Inspection(
        server=_inspected(found, subject.pair.server, _server(subject, found, now)),
        client=_inspected(found, subject.pair.client, _client(subject, found)),
        passwords=passwords,
    )


def _inspected(found: DirectorySnapshot, app_id: str, rules: Iterator[Check]) -> Inspected:
    app = _application(found, app_id)
    return Inspected(
        app_id=app_id,
        name=str((app or {}).get("displayName") or ""),
        exists=None if found.applications is None else app is not None,
        rules=tuple(rules),
    )


def _server(subject: Subject, found: DirectorySnapshot, now: datetime) -> Iterator[Check]:
    app_id = subject.pair.server
    app = _application(found, app_id)
    yield from _registration(found, app_id)
    if app:
        yield from server_checks(subject.profile, app, user_discovery=subject.user_discovery)
        if subject.app_id_uri:
            yield directory_checks.uri(app, subject.app_id_uri)
        yield directory_checks.verified_domain(app, found.domains)
        yield directory_checks.secret(app, subject.key_id, now)
    principal = _principal(found, app_id)
    if subject.user_discovery and (principal or found.principals is None):
        yield directory_checks.directory_role(principal, readable=found.principals is not None)


def _client(subject: Subject, found: DirectorySnapshot) -> Iterator[Check]:
    app_id = subject.pair.client
    app = _application(found, app_id)
    server = _application(found, subject.pair.server) or {}
    yield from _registration(found, app_id)
    if app:
        yield from client_checks(subject.profile, app, server=server, user_discovery=subject.user_discovery)
    if _principal(found, app_id) or found.principals is None:
        yield from _scopes(subject, found)


def _registration(found: DirectorySnapshot, app_id: str) -> Iterator[Check]:
    """The application and its service principal: without the one the other is not worth a word."""
    app, readable = _application(found, app_id), found.applications is not None
    yield directory_checks.application(
        app, readable=readable, deleted_at=found.deleted.get(app_id.casefold(), "")
    )
    if app or not readable:
        yield from directory_checks.principal(
            _principal(found, app_id), readable=found.principals is not None
        )


def _scopes(subject: Subject, found: DirectorySnapshot) -> Iterator[Check]:
    """Consent to the client app's delegated permissions."""
    grants = found.grants[subject.pair.client.casefold()]
    server = str((_principal(found, subject.pair.server) or {}).get("id") or "")
    wanted = profiles.client_permissions(subject.profile, user_discovery=subject.user_discovery)
    if wanted and (server or found.principals is None):
        known = grants if found.principals is not None else None
        yield _scope(USER_IMPERSONATION, known, known.scopes.get(server, ()) if known else ())
    # Only Microsoft Graph has a scope of this name, so its service principal need not be looked for.
    elsewhere = [scopes for resource, scopes in grants.scopes.items() if resource != server] if grants else []
    yield _scope(USER_READ.value, grants, frozenset().union(*elsewhere))


def _scope(name: str, grants: Grants | None, granted: Collection[str]) -> Check:
    complete = grants is not None and grants.complete
    return directory_checks.scope(name, granted if grants else None, complete=complete)


def _application(found: DirectorySnapshot, app_id: str) -> Mapping[str, Any] | None:
    return (found.applications or {}).get(app_id.casefold())


def _principal(found: DirectorySnapshot, app_id: str) -> Mapping[str, Any] | None:
    return (found.principals or {}).get(app_id.casefold())
