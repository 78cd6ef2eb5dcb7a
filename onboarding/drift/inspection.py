"""The checks of two applications: of a connection, or of any others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from onboarding.cloud import shapes
from onboarding.cloud.applications import PasswordCredential, passwords_of
from onboarding.cloud.service_names import GRAPH
from onboarding.cmg import directory_checks, other_credentials, profiles, rules
from onboarding.cmg.app_checks import client_checks, server_checks
from onboarding.cmg.other_credentials import OtherCredential
from onboarding.cmg.permissions import USER_READ
from onboarding.cmg.profiles import USER_IMPERSONATION, Profile
from onboarding.cmg.rules import Check
from onboarding.connections.records import Connection
from onboarding.drift import directory_snapshot
from onboarding.drift.directory_snapshot import DelegatedGrants, DirectorySnapshot, Pair, TenantNames
from onboarding.errors import OnboardingError, responses
from onboarding.words.word import Word

if TYPE_CHECKING:
    from onboarding.cloud.directory import Directory


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectedConnection:
    """What is inspected, and against what."""

    pair: Pair
    profile: Profile
    user_discovery: bool
    reads_directory: bool
    key_id: str | None = None  # of the secret that must exist; None means any
    created: tuple[str, ...] = ()  # client IDs of the apps that the service created
    app_id_uri: str | None = None  # that the site uses; None means any

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """A connection, against its own profile and request."""
        return cls(
            pair=Pair(
                server=connection.server_app.app_id,
                client=connection.client_app.app_id if connection.client_app else None,
            ),
            profile=profiles.PROFILES[connection.profile],
            user_discovery=connection.request.user_discovery.enabled,
            reads_directory=connection.request.reads_directory,
            key_id=connection.secret.key_id,
            created=tuple(app.app_id for app in connection.apps if not connection.imports_app(app.app_id)),
            app_id_uri=connection.app_id_uri,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectedApp:
    """One of the two applications."""

    app_id: str
    name: Word  # in the directory; empty if it is not there
    exists: bool | None  # None if the service may not read it
    checks: tuple[Check, ...]
    credentials: tuple[OtherCredential, ...] = ()  # that others have added


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """The applications, and the secrets of the server app (empty if the service may not read it)."""

    server: InspectedApp
    client: InspectedApp | None  # None: the tenant has no client app
    passwords: Sequence[PasswordCredential]
    tenant: TenantNames | None = None  # None if the service may not read it

    @property
    def apps(self) -> Mapping[str, InspectedApp]:
        """The existing applications, by their field in the API."""
        found = {"serverApp": self.server, "clientApp": self.client}
        return {field: app for field, app in found.items() if app}

    @property
    def conformant(self) -> bool | None:
        """Whether all checks passed; None if none failed, but the service could not run all of them."""
        passed = {check.passed for app in self.apps.values() for check in app.checks}
        if False in passed:
            return False
        return None if None in passed else True


async def inspect(
    directory: Directory, subjects: Sequence[InspectedConnection], now: datetime
) -> list[Inspection | OnboardingError]:
    """Inspects up to ``directory_snapshot.MOST_PAIRS`` subjects of one tenant, with one call or two.

    An unreadable object is an error only for its own subject. Raises
    ``TransientError``, and ``PermanentError`` if it has no access to the tenant.
    """
    snapshot = await directory_snapshot.take(directory.graph, [subject.pair for subject in subjects])
    return [inspection(subject, snapshot, now) for subject in subjects]


def inspection(
    subject: InspectedConnection, snapshot: DirectorySnapshot, now: datetime
) -> Inspection | OnboardingError:
    """The checks of a subject, or why the service cannot read what it is about."""
    ids = [app for app in (subject.pair.server, subject.pair.client) if app]
    for found in (of(snapshot, app) for app in ids for of in (_application, _principal)):
        if fault := shapes.fault_of(found):
            return responses.VALUE_UNREADABLE.error(service=GRAPH, fault=fault)
    return _inspection(subject, snapshot, now)


def _inspection(subject: InspectedConnection, snapshot: DirectorySnapshot, now: datetime) -> Inspection:
    server = _application(snapshot, subject.pair.server)
    client = subject.pair.client
    return Inspection(
        server=_inspected_app(subject, snapshot, subject.pair.server, now),
        client=_inspected_app(subject, snapshot, client, now) if client else None,
        passwords=passwords_of(server or {}),
        tenant=snapshot.tenant,
    )


def _inspected_app(
    subject: InspectedConnection, snapshot: DirectorySnapshot, app_id: str, now: datetime
) -> InspectedApp:
    app, principal = _application(snapshot, app_id), _principal(snapshot, app_id)
    is_server = app_id == subject.pair.server
    checks = [*(_server(subject, snapshot, now) if is_server else _client(subject, app_id, snapshot))]
    others: list[OtherCredential] = []
    if app and app_id in subject.created:
        others += other_credentials.of_app(app, now, secrets=not is_server)
        others += other_credentials.of_principal(principal or {}, now)
        unknown = not others and snapshot.principals is None
        checks.append(rules.OWN_CREDENTIALS.check(None if unknown else not others))
    return InspectedApp(
        app_id=app_id,
        name=Word(str((app or {}).get("displayName") or "")),
        exists=None if snapshot.applications is None else app is not None,
        checks=tuple(checks),
        credentials=tuple(others),
    )


def _server(subject: InspectedConnection, snapshot: DirectorySnapshot, now: datetime) -> Iterator[Check]:
    app_id = subject.pair.server
    app = _application(snapshot, app_id)
    yield from _registration(snapshot, app_id)
    if app:
        yield from server_checks(subject.profile, app, reads_directory=subject.reads_directory)
        if subject.app_id_uri:
            yield directory_checks.uri(app, subject.app_id_uri)
        yield directory_checks.verified_domain(app, snapshot.domains)
        yield directory_checks.secret(app, subject.key_id, now)
    principal = _principal(snapshot, app_id)
    if subject.reads_directory and (principal or snapshot.principals is None):
        yield directory_checks.directory_role(principal, readable=snapshot.principals is not None)


def _client(subject: InspectedConnection, app_id: str, snapshot: DirectorySnapshot) -> Iterator[Check]:
    app = _application(snapshot, app_id)
    server = _application(snapshot, subject.pair.server) or {}
    yield from _registration(snapshot, app_id)
    if app:
        yield from client_checks(subject.profile, app, server=server, user_discovery=subject.user_discovery)
    if _principal(snapshot, app_id) or snapshot.principals is None:
        yield from _scopes(subject, app_id, snapshot)


def _registration(snapshot: DirectorySnapshot, app_id: str) -> Iterator[Check]:
    """The application and its service principal; without the application, its principal is not checked."""
    app, readable = _application(snapshot, app_id), snapshot.applications is not None
    yield directory_checks.application(
        app,
        readable=readable,
        deleted_at=None if snapshot.deleted is None else snapshot.deleted.get(app_id.casefold(), ""),
    )
    if app or not readable:
        yield from directory_checks.principal(
            _principal(snapshot, app_id), readable=snapshot.principals is not None
        )


def _scopes(subject: InspectedConnection, app_id: str, snapshot: DirectorySnapshot) -> Iterator[Check]:
    """Consent to the client app's delegated permissions."""
    grants = snapshot.grants[app_id.casefold()]
    server = str((_principal(snapshot, subject.pair.server) or {}).get("id") or "")
    wanted = profiles.client_permissions(subject.profile, user_discovery=subject.user_discovery)
    if wanted and (server or snapshot.principals is None):
        known = grants if snapshot.principals is not None else None
        yield _scope(USER_IMPERSONATION, known, known.scopes.get(server, ()) if known else ())
    # Only Microsoft Graph has a scope of this name, so there is no need to find its service principal.
    elsewhere = [scopes for resource, scopes in grants.scopes.items() if resource != server] if grants else []
    yield _scope(USER_READ.value, grants, frozenset().union(*elsewhere))


def _scope(name: str, grants: DelegatedGrants | None, granted: Collection[str]) -> Check:
    complete = grants is not None and grants.complete
    return directory_checks.scope(name, granted if grants else None, complete=complete)


def _application(snapshot: DirectorySnapshot, app_id: str) -> Mapping[str, Any] | None:
    return (snapshot.applications or {}).get(app_id.casefold())


def _principal(snapshot: DirectorySnapshot, app_id: str) -> Mapping[str, Any] | None:
    return (snapshot.principals or {}).get(app_id.casefold())
