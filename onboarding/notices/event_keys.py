"""The keys of events: the same in all events about one thing, from the first one to the one that closes it.

With it a receiver knows which ticket an event belongs to. An event names the keys that it closes, so that a
receiver has to know nothing about the types.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from onboarding.connections import difference_types
from onboarding.connections.cadence import APPLICATION, SECRET
from onboarding.connections.records import SECRET_REMOVED, Connection, Difference
from onboarding.notices.difference_texts import kind_of
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.storage import keys

_OF_ONE_SECRET: Final = (
    SECRET_REMOVED,
    f"serverApp/{difference_types.SECRET_REPLACED.code}",
    f"serverApp/{difference_types.SECRET_END_CHANGED.code}",
)
"""Keys of the differences that are about the secret of a connection, not about the whole application."""

_ENDED_BY_RENEWAL: Final = (*_OF_ONE_SECRET, f"serverApp/{difference_types.SECRET_ADDED.code}")


class Subject(StrEnum):
    """What a matter is about."""

    RUN = "Run"  # an onboarding, a renewal or a removal
    EXPIRATION = "Expiration"
    HANDOVER = "Handover"
    DIFFERENCE = "Difference"
    CHANNEL = "Channel"


def of_expiration(onboarding: str, kind: str) -> str:
    """Of an expiration of a connection."""
    return keys.derived_id("key", "expiration", onboarding, kind)


def of_handover(onboarding: str) -> str:
    """Of the handover of a connection."""
    return keys.derived_id("key", "hand-over", onboarding)  # never changes: receivers have the keys


def of_run(run: str) -> str:
    """Of an onboarding, a renewal or a removal."""
    return keys.derived_id("key", "run", run)


def of_fact(fact: str) -> str:
    """Of a difference in the directory, or of a channel that does not work."""
    return keys.derived_id("key", "fact", fact)


def fact(connection: Connection, app: str, key: str, kind: NoticeKind) -> str:
    """Identifies what a difference is about, for all connections that it concerns.

    ``app`` is serverApp or clientApp, or empty, and ``key`` that of the difference.
    """
    tenant = connection.tenant
    if kind is NoticeKind.DIRECTORY_UNREADABLE:
        return keys.derived_id("fact", tenant, key)
    secret = (connection.secret.vault_name,) if key in _OF_ONE_SECRET else ()
    return keys.derived_id("fact", tenant, app_id(connection, app) or connection.id, key, *secret)


def is_same_secret(connection: Connection, other: Connection, key: str) -> bool:
    """Whether a difference about the secret of a connection is also one about that of another connection.

    Connections that import one application can have secrets of their own. Other differences have no secret.
    """
    return key not in _OF_ONE_SECRET or connection.secret.vault_name == other.secret.vault_name


def app_id(connection: Connection, app: str) -> str:
    """The application that a difference is about; empty if it is about none."""
    client = connection.client_app
    if app == "clientApp":
        return client.app_id if client else ""
    return connection.server_app.app_id if app else ""


def of_difference(connection: Connection, difference: Difference) -> str:
    """Of a difference of a connection."""
    return of_fact(fact(connection, difference.app, difference.key, kind_of(difference)))


def ended_by_renewal(connection: Connection, sharing: Iterable[Connection], renewal: str) -> tuple[str, ...]:
    """What a new client secret ends: the expirations, and what is wrong with the old one.

    ``sharing`` are all connections that use the secret.
    """
    facts = (fact(connection, "serverApp", key, NoticeKind.SECRET_REMOVED) for key in _ENDED_BY_RENEWAL)
    ends = dict.fromkeys((connection.onboarding, *(other.onboarding for other in sharing)))
    return (of_run(renewal), *(of_expiration(end, SECRET) for end in ends), *map(of_fact, facts))


def ended_by_removal(connection: Connection, others: Iterable[Connection]) -> tuple[str, ...]:
    """What ends with a connection, but not with the ``others`` of its tenant: a fact can affect several."""
    kept = {of_difference(other, known) for other in others for known in other.differences.values()}
    facts = (of_difference(connection, difference) for difference in connection.differences.values())
    return (
        *(of_expiration(connection.onboarding, kind) for kind in (SECRET, APPLICATION)),
        of_handover(connection.onboarding),
        *(fact for fact in facts if fact not in kept),
    )


def subject(notice: Notice) -> Subject:
    """What a notice that asks somebody to act is about."""
    if notice.channel:
        return Subject.CHANNEL
    if notice.path:
        return Subject.RUN
    if difference_key(notice):
        return Subject.DIFFERENCE
    return Subject.EXPIRATION if notice.expiration else Subject.HANDOVER


def difference_key(notice: Notice) -> str:
    """The key of the difference that a notice is about; empty if it is about none."""
    code = notice.details.get("difference")
    return f"{notice.details.get('app') or ''}/{code}" if code else ""


def of_notice(notice: Notice, connection: Connection | None) -> str:
    """Of a notice."""
    if notice.topic:
        return notice.topic
    if connection is None:
        return of_fact(notice.fact)
    if key := difference_key(notice):
        return of_fact(fact(connection, str(notice.details.get("app") or ""), key, notice.kind))
    if notice.expiration:
        return of_expiration(connection.onboarding, notice.expiration)
    return of_handover(connection.onboarding)
