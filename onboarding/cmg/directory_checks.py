"""Is the rest of the directory as the two apps need it: service principals, consent, the secret, the domain?

The checks of ``app_checks`` read only the registration.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from onboarding.cmg import identifiers, rules
from onboarding.cmg.permissions import DIRECTORY_READ_ALL, USER_READ
from onboarding.cmg.rules import Check
from onboarding.texts import phrases

_EXPANDED: Final = 20
"""Graph returns at most this number of related objects with an object."""


def application(app: Mapping[str, Any] | None, *, readable: bool, deleted_at: str | None) -> Check:
    """Whether an app registration exists, and whether a deleted one can be restored (None: unknown)."""
    passed = (app is not None) if readable else None
    if deleted_at is None:
        return rules.APPLICATION_GONE.check(passed)
    if deleted_at:
        return rules.APPLICATION_DELETED.check(passed, deleted=deleted_at[:10])
    return rules.APPLICATION.check(passed)


def principal(found: Mapping[str, Any] | None, *, readable: bool) -> Iterator[Check]:
    """Whether an application's service principal exists and may sign in."""
    yield rules.SERVICE_PRINCIPAL.check((found is not None) if readable else None)
    if found is not None:
        yield rules.SIGN_IN_ENABLED.check(found.get("accountEnabled") is not False)
    elif not readable:
        yield rules.SIGN_IN_ENABLED.check(None)


def secret(app: Mapping[str, Any], key_id: str | None, now: datetime) -> Check:
    """Whether a client secret exists and has not expired: a specific one, or any if there is no key ID."""
    passwords = app.get("passwordCredentials") or ()
    valid = {password["keyId"] for password in passwords if end_of(password) > now}
    passed = key_id in valid if key_id else bool(valid)
    return rules.SECRET.check(
        passed, secret=phrases.THE_SECRET.of(key=key_id) if key_id else phrases.A_SECRET.of()
    )


def uri(app: Mapping[str, Any], expected: str) -> Check:
    """Whether the App ID URI that the site uses is still the application's."""
    found = {identifiers.folded(str(uri)) for uri in app.get("identifierUris") or ()}
    return rules.RECORDED_URI.check(identifiers.folded(expected) in found, uri=expected)


def verified_domain(app: Mapping[str, Any], domains: Sequence[str] | None) -> Check:
    """Whether the hosts of an application's URIs are still verified domains of the tenant."""
    uris = [str(uri) for uri in app.get("identifierUris") or ()]
    foreign = any(not identifiers.on_verified_domain(uri, domains or ()) for uri in uris)
    return rules.VERIFIED_DOMAIN.check(None if foreign and domains is None else not foreign)


def directory_role(found: Mapping[str, Any] | None, *, readable: bool) -> Check:
    """Whether the server app has the permission that discovery needs."""
    assigned = [assignment["appRoleId"] for assignment in (found or {}).get("appRoleAssignments") or ()]
    granted = DIRECTORY_READ_ALL.id in assigned
    known = readable and (granted or len(assigned) < _EXPANDED)
    return rules.CONSENT.check(
        granted if known else None,
        permission=DIRECTORY_READ_ALL.value,
        described=DIRECTORY_READ_ALL.said,
        impact=phrases.CANNOT_READ_DIRECTORY.of(),
    )


def scope(name: str, granted: Collection[str] | None, *, complete: bool) -> Check:
    """Whether a client app may use a delegated permission for all users (None: not readable)."""
    passed = None if granted is None else name in granted
    return rules.CONSENT.check(
        None if passed is False and not complete else passed,
        permission=name,
        described=USER_READ.said
        if name == USER_READ.value
        else phrases.OF_THE_SERVER_APP.of(permission=name),
        impact=phrases.USERS_WITHOUT_CONSENT.of(),
    )


def end_of(credential: Mapping[str, Any]) -> datetime:
    """When a client secret or a certificate expires, to the second."""
    return datetime.fromisoformat(str(credential["endDateTime"])).astimezone(UTC).replace(microsecond=0)
