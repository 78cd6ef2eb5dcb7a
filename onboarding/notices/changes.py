"""Events about changes, for programs: people answered, a difference is gone, a run waits or has ended.

Nobody has to do anything about most of them. With them, a program closes what it opened for a notice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from onboarding.connections.cadence import Acknowledgement, Response, Snooze
from onboarding.connections.records import Connection, Difference
from onboarding.errors import Action, Actor
from onboarding.notices import event_keys
from onboarding.notices.about import About, behalf
from onboarding.notices.event_keys import Subject
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.notices.open_matters import ClosingReason, Matter
from onboarding.words.line import isolated
from onboarding.workflow.outcomes import Failure

_NONE: Final = "None."

_SUBJECTS: Final = {
    Subject.RUN: "a run",
    Subject.EXPIRATION: "an expiration",
    Subject.HANDOVER: "the handover",
    Subject.DIFFERENCE: "a difference in the directory",
}
_ENDS: Final = {
    ClosingReason.DISMISSED: "an operator dismissed it.",
    ClosingReason.OVER: "it is no longer necessary.",
    ClosingReason.REMOVED: "its subject no longer exists.",
}


def acknowledged(connection: Connection, kind: str, answer: Acknowledgement) -> Notice:
    """A person has acknowledged an expiration."""
    details = {"by": answer.by}
    text = f"The expiration of '{_app(connection)}' on {answer.ends_at:%Y-%m-%d} is acknowledged."
    return _answered(NoticeKind.EXPIRATION_ACKNOWLEDGED, connection, kind, answer, text, details)


def snoozed(connection: Connection, kind: str, answer: Snooze) -> Notice:
    """A person has postponed the warnings about an expiration."""
    details = {"by": answer.by, "until": answer.until.isoformat()}
    text = (
        f"No warnings about the expiration of '{_app(connection)}' on {answer.ends_at:%Y-%m-%d} are sent "
        f"until {answer.until:%Y-%m-%d %H:%M} UTC."
    )
    return _answered(NoticeKind.EXPIRATION_SNOOZED, connection, kind, answer, text, details)


def _answered(  # noqa: PLR0917 - told apart by their types
    what: NoticeKind,
    connection: Connection,
    kind: str,
    answer: Response,
    text: str,
    details: dict[str, Any],
) -> Notice:
    about = About.of(connection)
    return Notice(
        kind=what,
        connection=connection.id,
        key=(connection.onboarding, kind, answer.at.isoformat()),
        at=answer.at,
        message=text,
        impact=_NONE,
        remedy="",
        details={
            "expiration": kind,
            "endsAt": answer.ends_at.isoformat(),
            "onBehalfOf": behalf(answer.on_behalf_of),
            **details,
        },
        programs_only=True,
        about=about,
        topic=event_keys.of_expiration(connection.onboarding, kind),
    )


def resolved(connection: Connection, difference: Difference, at: datetime) -> Notice:
    """An inspection no longer finds a difference."""
    key = event_keys.of_difference(connection, difference)
    return Notice(
        kind=NoticeKind.DIFFERENCE_RESOLVED,
        connection=connection.id,
        key=(connection.onboarding, difference.key, difference.since.isoformat()),
        at=at,
        message=f"The difference '{difference.code}' of '{isolated(connection.name)}' no longer exists.",
        impact=_NONE,
        remedy="",
        details={
            "difference": difference.code,
            "app": difference.app or None,
            "since": difference.since.isoformat(),
        },
        programs_only=True,
        about=About.of(connection),
        topic=key,
        closes=(key,),
    )


def removed(connection: Connection, others: Iterable[Connection], operation: str, at: datetime) -> Notice:
    """A connection is off-boarded, as it was before. ``others`` are those of its tenant."""
    closes = (event_keys.of_run(operation), *event_keys.ended_by_removal(connection, others))
    return Notice(
        kind=NoticeKind.CONNECTION_REMOVED,
        connection=connection.id,
        key=(operation,),
        at=at,
        message=f"The connection '{isolated(connection.name)}' was removed on {at:%Y-%m-%d}.",
        impact=_NONE,
        remedy="",
        details={"operationId": operation},
        programs_only=True,
        about=About.of(connection),
        topic=event_keys.of_run(operation),
        closes=closes,
        path=f"/operations/{operation}",
    )


def closed(about: About, matter: Matter, end: ClosingReason, at: datetime) -> Notice:
    """A matter has ended without an event of its own."""
    return Notice(
        kind=NoticeKind.MATTER_CLOSED,
        connection=about.connection,
        key=(matter.key, matter.at.isoformat()),
        at=at,
        message=(
            f"No further action is required for {_SUBJECTS[matter.subject]} of '{isolated(about.name)}': "
            f"{_ENDS[end]}"
        ),
        impact=_NONE,
        remedy="",
        details={"reason": str(end), "opened": str(matter.kind)},
        programs_only=True,
        about=about,
        topic=matter.key,
        closes=(matter.key,),
        path=matter.path,
    )


def of_run(
    kind: NoticeKind,
    about: About,
    *,
    run: str,
    path: str,
    at: datetime,
    message: str,
    details: dict[str, Any],
    error: Failure | None = None,
    key: tuple[str, ...] = (),
    actor: Actor = Actor.NOBODY,
    actions: tuple[Action, ...] = (),
    ends: bool = False,
) -> Notice:
    """A run waits for somebody, or has ended; ``ends``: nobody has to do anything about it any longer."""
    topic = event_keys.of_run(run)
    return Notice(
        kind=kind,
        connection=about.connection,
        key=(run, at.isoformat(), *key),
        at=at,
        message=message,
        impact=_NONE if ends else "The run does not continue until somebody acts.",
        remedy=error.remedy if error else "",
        documentation=error.documentation if error else "",
        details=details,
        programs_only=True,
        about=about,
        topic=topic,
        closes=(topic,) if ends else (),
        path=path,
        actions=actions,
        waits_for=actor,
    )


def _app(connection: Connection) -> str:
    return isolated(connection.server_app.name)
