"""What a look at the directory tells of a connection: pure rules over what is recorded and what was found.

Only what means something else counts: the rules compare sets, and what may not be read changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from onboarding.cmg.directory_checks import end_of
from onboarding.connections.records import Connection, Difference
from onboarding.drift.inspection import Inspected, Inspection
from onboarding.errors import OnboardingError

UNREADABLE: Final = "directory-unreadable"
"""The code for a tenant that can't be entered."""

_SECRET_RULE: Final = "secret"  # noqa: S105 - a rule's name; what became of the secret is told in detail
_REMOVED: Final = "secret-removed"
_SECRETS: Final = ("secret-added", "secret-replaced", _REMOVED, "secret-end-changed")
_OURS: Final = "cmg-"
"""What the names of the secrets begin with that this service makes."""

_GONE: Final[Mapping[str, str]] = {
    "application": "is gone from the directory.",
    "service-principal": "has no service principal (enterprise application) in the tenant any more.",
}
"""What is said where there is nothing to compare, by rule."""

_STOPS: Final = "The site gets no token with the secret that it has: the gateway and discovery stop."
_TEXTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "secret-added": (
        "Somebody has added a client secret to '{app}' that ends on {day}, beside the recorded one.",
        "Nobody knows which one the site has. Warnings go on for the recorded one, of {recorded}.",
        "Renew the secret with this service, or remove the other one if nobody needs it.",
    ),
    "secret-replaced": (
        "The recorded client secret of '{app}' is gone; another one, made by hand, ends on {day}.",
        "The vault holds no secret that works. From now on warnings are for the other one.",
        "Make sure that the site has the new one; renew it with this service to have it in the vault.",
    ),
    _REMOVED: (
        "Somebody has removed the recorded client secret of '{app}'.",
        _STOPS,
        "Renew the secret, and enter it with 'Renew Secret Key' in the Configuration Manager console.",
    ),
    "secret-end-changed": (
        "The client secret of '{app}' ends on {day}, not on {recorded} as was recorded.",
        "Warnings follow the new end.",
        "Nothing needs to be done, unless nobody knows why it was changed.",
    ),
}
"""What is said of a secret by code: what was found, what follows from it, what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What follows from a look."""

    differences: Mapping[str, Difference]  # all that there are now, by key
    ends_at: datetime  # the true end of the secret


def compare(connection: Connection, found: Inspection, at: datetime) -> Comparison:
    """What a look says of a connection; ``at`` is when it was begun."""
    now = [
        *_broken(connection, "serverApp", found.server, at),
        *_broken(connection, "clientApp", found.client, at),
    ]
    unknown = [
        f"{app}/{rule.name}"
        for app, inspected in (("serverApp", found.server), ("clientApp", found.client))
        for rule in inspected.rules
        if rule.passed is None
    ]
    ends_at = connection.secret.ends_at
    if found.server.exists is None:
        unknown += [f"serverApp/{code}" for code in _SECRETS]
    elif found.server.exists:
        secret = _secret(connection, found.passwords, at)
        ends_at = secret.ends_at
        now += secret.differences.values()
    else:
        ends_at = min(ends_at, at)
    kept = {key: connection.differences[key] for key in unknown if key in connection.differences}
    return Comparison(
        differences=kept | {each.key: _first(connection, each) for each in now}, ends_at=ends_at
    )


def unreadable(connection: Connection, error: OnboardingError, at: datetime) -> Comparison:
    """What is known of a connection when its tenant can't be entered: what was known before, and that."""
    difference = Difference(
        code=UNREADABLE,
        app="",
        since=at,
        detail=f"The directory of tenant {connection.tenant} can't be read: {error.detail}",
        impact="Nobody would notice if the secret were removed or an application changed.",
        remedy=error.remedy,
    )
    known = {**connection.differences, difference.key: _first(connection, difference)}
    return Comparison(differences=known, ends_at=connection.secret.ends_at)


def _broken(connection: Connection, app: str, inspected: Inspected, at: datetime) -> Iterator[Difference]:
    name = connection.server_app.name if app == "serverApp" else connection.client_app.name
    for rule in inspected.rules:
        if rule.passed is False and rule.name != _SECRET_RULE:
            wrong = _GONE.get(rule.name, f"is not as it should be. Expected: {rule.expected}.")
            yield Difference(
                code=rule.name,
                app=app,
                since=at,
                detail=f"'{name}' ({inspected.app_id}) {wrong}",
                impact=rule.impact,
                remedy=rule.remedy,
            )


def _secret(connection: Connection, passwords: Any, at: datetime) -> Comparison:
    """What became of the recorded secret, and until when there is one that works."""
    recorded = next((each for each in passwords if each["keyId"] == connection.secret.key_id), None)
    end = end_of(recorded) if recorded else None
    others = [] if connection.imports_server_app else _by_hand(connection, passwords)
    newest = max((end_of(each) for each in others), default=at)
    if end and end > at:
        if newest > end:
            return _verdict(connection, "secret-added", at, end, newest)
        if end != connection.secret.ends_at.replace(microsecond=0):
            return _verdict(connection, "secret-end-changed", at, end, end)
        return Comparison(differences={}, ends_at=connection.secret.ends_at)
    if newest > at:
        return _verdict(connection, "secret-replaced", at, newest, newest)
    tidied = connection.secret.ends_at <= at and f"serverApp/{_REMOVED}" not in connection.differences
    if end is None and not tidied:  # what has ended may be removed
        return _verdict(connection, _REMOVED, at, min(connection.secret.ends_at, at), at)
    return Comparison(differences={}, ends_at=end or connection.secret.ends_at)


def _by_hand(connection: Connection, passwords: Any) -> list[Mapping[str, Any]]:
    """The secrets that somebody else has added to an application of ours."""
    return [
        each
        for each in passwords
        if each["keyId"] != connection.secret.key_id
        and not str(each.get("displayName") or "").startswith(_OURS)
    ]


def _verdict(
    connection: Connection, code: str, at: datetime, ends_at: datetime, other: datetime
) -> Comparison:
    """The one thing that is to be said of the secret; ``other`` is the end that it is about."""
    words = {
        "app": connection.server_app.name,
        "day": f"{other:%Y-%m-%d}",
        "recorded": f"{connection.secret.ends_at:%Y-%m-%d}",
    }
    detail, impact, remedy = (text.format(**words) for text in _TEXTS[code])
    found = Difference(code=code, app="serverApp", since=at, detail=detail, impact=impact, remedy=remedy)
    return Comparison(differences={found.key: found}, ends_at=ends_at)


def _first(connection: Connection, difference: Difference) -> Difference:
    """A difference as it was found first, if it was there before."""
    return connection.differences.get(difference.key, difference)
