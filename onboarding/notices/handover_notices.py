"""Notices about the handover: the site must still be connected; it is connected."""

from __future__ import annotations

from datetime import datetime

from onboarding.connections.records import Connection
from onboarding.notices import actions, event_keys
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.words.line import isolated


def waits(
    connection: Connection, due: datetime, number: int, *, last: bool = False, asked: bool = False
) -> Notice:
    """A reminder that nobody has confirmed the handover.

    There is one notice for each number, and for each time at which an operator ``asked`` for one.
    """
    name = isolated(connection.name)
    since = connection.handover.since if connection.handover else connection.created_at
    final = "This is the last reminder. " if last else ""
    return Notice(
        kind=NoticeKind.HANDOVER_WAITS,
        connection=connection.id,
        key=(connection.onboarding, due.isoformat() if asked else str(number)),
        at=due,
        message=f"{final}The connection '{name}' has been waiting for its site since {since:%Y-%m-%d}.",
        impact="The gateway cannot be created before the site has imported the applications.",
        remedy=(
            f"1. Get the script for the site: the handover script of the connection {connection.id}.\n"
            "2. Run it at the site, as an administrator of the site.\n"
            "3. Confirm that the site is connected."
        ),
        details={
            "onboardingId": connection.onboarding,
            "since": since.isoformat(),
            "reminder": number,
            "lastReminder": last,
        },
        actions=(actions.get_handover(connection), actions.confirm_handover(connection)),
    )


def confirmed(connection: Connection) -> Notice:
    """The handover is confirmed: a notice for programs, one for each connection."""
    name, handover = isolated(connection.name), connection.handover
    confirmation = handover.confirmation if handover else None
    if confirmation is None:
        raise ValueError(f"{connection.id} is not confirmed")
    return Notice(
        kind=NoticeKind.HANDOVER_CONFIRMED,
        connection=connection.id,
        key=(connection.onboarding,),
        at=confirmation.at,
        message=f"The site of the connection '{name}' was connected on {confirmation.at:%Y-%m-%d}.",
        impact="None: the site has imported the applications.",
        remedy="",
        details={
            "onboardingId": connection.onboarding,
            "confirmedAt": confirmation.at.isoformat(),
            "confirmedVia": str(confirmation.way),
        },
        programs_only=True,
        closes=(event_keys.of_handover(connection.onboarding),),
    )
