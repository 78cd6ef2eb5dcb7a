"""Notices about renewals: a new client secret must be entered at the site; the old one was removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from onboarding.connections.cadence import SECRET
from onboarding.connections.handover import ConfirmationWay
from onboarding.connections.records import Connection
from onboarding.notices import actions, changes, event_keys, handover_notices
from onboarding.notices.announcing import Notices
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.notices.receipts import Receipts
from onboarding.words.line import isolated


@dataclass(frozen=True, kw_only=True, slots=True)
class Reminder:
    """One of the reminders of a renewal."""

    at: datetime  # when it is due
    number: int = 0  # 0 for the first notice, then increasing by 1 each week
    limit: datetime | None  # when the old secret is removed without a confirmation; None: never
    last: bool = False  # the last one before the removal; there is one for each time limit

    @property
    def key(self) -> str:
        """Identifies it among the reminders of its renewal."""
        return f"last:{self.limit.isoformat()}" if self.last and self.limit else str(self.number)


class RenewalReminders:
    """Announces that a new secret is ready, repeats the announcement, and announces what ended the wait."""

    def __init__(self, notices: Notices, receipts: Receipts) -> None:
        self._notices = notices
        self._receipts = receipts

    async def renewal_waits(self, connection: Connection, reminder: Reminder) -> None:
        """Announces a new secret that must be entered at the site. Each reminder is one notice."""
        if notice := _waits(connection, reminder):
            await self._notices.announce(notice, connection)

    async def delivered_at(self, connection: Connection, reminder: Reminder) -> datetime | None:
        """When a channel first accepted a reminder; None if none has."""
        notice = _waits(connection, reminder)
        return await self._receipts.first(notice.id) if notice else None

    async def secret_replaced(
        self,
        connection: Connection,
        *,
        sharing: Sequence[Connection],
        renewal: str,
        at: datetime,
        by_time: bool,
    ) -> None:
        """Announces that the old secret was removed: to programs, and after a time limit to everybody.

        ``sharing`` are all connections that use the secret.
        """
        notice = _replaced(connection, sharing, renewal, at, by_time=by_time)
        await self._notices.announce(notice, connection)
        handover = connection.handover
        if handover and handover.confirmation and handover.confirmation.way is ConfirmationWay.RENEWAL:
            await self._notices.announce(handover_notices.confirmed(connection), connection)

    async def connection_removed(
        self, connection: Connection, *, others: Sequence[Connection], operation: str, at: datetime
    ) -> None:
        """Announces to programs that a connection is removed. ``others`` are those of its tenant."""
        await self._notices.tell(changes.removed(connection, others, operation, at))


def _waits(connection: Connection, reminder: Reminder) -> Notice | None:
    pending, limit = connection.pending, reminder.limit
    if pending is None:
        return None
    name, renewal, end = connection.server_app.name, connection.renewal, connection.expirations[SECRET]
    sooner = limit is not None and limit < end
    removal = f" From {limit:%Y-%m-%d}, the service removes it even without a confirmation." if sooner else ""
    last = "This is the last reminder. " if reminder.last else ""
    return Notice(
        kind=NoticeKind.RENEWAL_WAITS,
        connection=connection.id,
        key=(connection.renewal, reminder.key),
        at=reminder.at,
        message=f"{last}A new client secret of '{isolated(name)}' must be entered at the site.",
        impact=f"The old secret works until it expires on {end:%Y-%m-%d} or is removed.{removal}",
        remedy=(
            f"1. Get the script that fetches the secret: the script of the renewal {renewal}.\n"
            "2. In the console, open Administration, Cloud Services, Microsoft Entra tenants, select "
            f"'{isolated(name)}', and enter the secret with 'Renew Secret Key'.\n"
            "3. When the gateway works with the new secret, confirm the renewal."
        ),
        expiration=SECRET,  # outdated once the old secret is replaced
        ends_at=end,
        details={
            "renewalId": connection.renewal,
            "reminder": reminder.number,
            "lastReminder": reminder.last,
            "endsAt": pending.ends_at.isoformat(),
            "retiresAt": limit.isoformat() if limit else None,
        },
        actions=(actions.get_script(connection), actions.confirm(connection)),
    )


def _replaced(
    connection: Connection, sharing: Sequence[Connection], renewal: str, at: datetime, *, by_time: bool
) -> Notice:
    name, end = connection.server_app.name, connection.secret.ends_at
    reason = "the time limit of the renewal ended without a confirmation" if by_time else "it was confirmed"
    return Notice(
        kind=NoticeKind.SECRET_REPLACED_BY_RENEWAL,
        connection=connection.id,
        key=(renewal,),
        at=at,
        message=(
            f"The old client secret of '{isolated(name)}' was removed on {at:%Y-%m-%d}, because "
            f"{reason}. The new one expires on {end:%Y-%m-%d}."
        ),
        impact=(
            "If the site does not have the new secret, the cloud management gateway and discovery stop."
            if by_time
            else "None: the site has the new secret."
        ),
        remedy=(
            "If the site does not have the new secret, get the script that fetches it: the script of the "
            f"renewal {renewal}."
            if by_time
            else ""
        ),
        details={
            "renewalId": renewal,
            "endsAt": end.isoformat(),
            "reason": "TimeLimit" if by_time else "Confirmation",
        },
        actions=(actions.get_script(connection, renewal),) if by_time else (),
        programs_only=not by_time,
        topic=event_keys.of_expiration(connection.onboarding, SECRET),
        closes=event_keys.ended_by_renewal(connection, sharing, renewal),
    )
