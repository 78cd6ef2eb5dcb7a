"""The notices about differences in the directory: what differs, since when, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from onboarding.cmg import rules
from onboarding.connections import difference_types
from onboarding.connections.cadence import SECRET
from onboarding.connections.records import Connection, Difference
from onboarding.errors import Action, subscription
from onboarding.notices import actions
from onboarding.notices.notice import Notice, NoticeKind

_CONSENT: Final = "consent-"
KINDS: Final[Mapping[str, NoticeKind]] = {
    rules.APPLICATION.name: NoticeKind.APPLICATION_DELETED,
    rules.SERVICE_PRINCIPAL.name: NoticeKind.SIGN_IN_BLOCKED,
    rules.SIGN_IN_ENABLED.name: NoticeKind.SIGN_IN_BLOCKED,
    rules.OWN_CREDENTIALS.name: NoticeKind.CREDENTIAL_ADDED,
    difference_types.SECRET_ADDED.code: NoticeKind.SECRET_ADDED,
    difference_types.SECRET_REPLACED.code: NoticeKind.SECRET_REPLACED,
    difference_types.SECRET_REMOVED.code: NoticeKind.SECRET_REMOVED,
    difference_types.SECRET_END_CHANGED.code: NoticeKind.SECRET_END_CHANGED,
    difference_types.DIRECTORY_UNREADABLE.code: NoticeKind.DIRECTORY_UNREADABLE,
    difference_types.PROVIDERS_PENDING.code: NoticeKind.PROVIDERS_PENDING,
    subscription.SUBSCRIPTION_IN_OTHER_TENANT.code: NoticeKind.SUBSCRIPTION_CHANGED,
    subscription.SUBSCRIPTION_DISABLED.code: NoticeKind.SUBSCRIPTION_CHANGED,
}


def kind_of(difference: Difference) -> NoticeKind:
    """The kind of the notice about a difference."""
    other = NoticeKind.CONSENT_WITHDRAWN if difference.code.startswith(_CONSENT) else NoticeKind.PROFILE_DRIFT
    return KINDS.get(difference.code, other)


def difference_notice(connection: Connection, difference: Difference) -> Notice:
    """The notice about a difference that an inspection has found first.

    If the client secret no longer works because of it, people can acknowledge the notice.
    """
    lost = connection.lost is not None and connection.lost.difference == difference.key
    return Notice(
        kind=kind_of(difference),
        connection=connection.id,
        key=(difference.key, difference.since.isoformat()),
        at=difference.since,
        message=difference.detail,
        impact=difference.impact,
        remedy=difference.remedy,
        expiration=SECRET if lost else "",
        ends_at=connection.expirations[SECRET] if lost else None,
        details={"difference": difference.code, "app": difference.app or None, "daysSince": 0},
        actions=steps(connection, difference),
    )


def steps(connection: Connection, difference: Difference) -> tuple[Action, ...]:
    """What to do about a difference."""
    client, server = connection.client_app, connection.server_app
    app = client if difference.app == "clientApp" and client else server
    match kind_of(difference):
        case NoticeKind.PROVIDERS_PENDING:
            return (actions.register_providers(connection),)
        case NoticeKind.APPLICATION_DELETED if difference.restorable:
            return (actions.restore(connection, app),)
        case NoticeKind.APPLICATION_DELETED:
            return (actions.off_board(connection), actions.onboard())
        case NoticeKind.SECRET_ADDED | NoticeKind.SECRET_REPLACED | NoticeKind.SECRET_REMOVED:
            return actions.renewal(connection)
        case (
            NoticeKind.DIRECTORY_UNREADABLE | NoticeKind.SECRET_END_CHANGED | NoticeKind.SUBSCRIPTION_CHANGED
        ):
            return difference.actions or (actions.read(connection),)
        case kind:
            return (actions.change(connection, app, consent=kind is NoticeKind.CONSENT_WITHDRAWN),)
