"""Reminders that a new client secret must be entered at the site."""

from __future__ import annotations

from datetime import datetime

from onboarding.connections.cadence import SECRET
from onboarding.connections.records import Connection
from onboarding.notices import actions
from onboarding.notices.announcing import Notices
from onboarding.notices.notice import Kind, Notice
from onboarding.words.line import isolated


class RenewalReminders:
    """Announces that a new secret is ready, and repeats that."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    async def renewal_waits(
        self, connection: Connection, *, number: int, at: datetime, limit: datetime | None
    ) -> None:
        """Announces a new secret that must be entered at the site. Each number makes one notice."""
        pending = connection.pending
        if pending is None:
            return
        name, renewal, end = connection.server_app.name, connection.renewal, connection.expirations[SECRET]
        sooner = limit is not None and limit < end
        removal = f" It is removed on {limit:%Y-%m-%d} regardless." if sooner else ""
        notice = Notice(
            kind=Kind.RENEWAL_WAITS,
            connection=connection.id,
            key=(connection.renewal, str(number)),
            at=at,
            message=f"A new client secret of '{isolated(name)}' must be entered at the site.",
            impact=f"The old secret works until it expires on {end:%Y-%m-%d} or is removed.{removal}",
            remedy=(
                f"1. Get the script that fetches the secret: GET /api/operations/{renewal}/handover.\n"
                "2. In the console, open Administration, Cloud Services, Microsoft Entra tenants, select "
                f"'{isolated(name)}', and enter the secret with 'Renew Secret Key'.\n"
                f"3. Confirm: POST /api/connections/{connection.id}/renewals/{renewal}/confirm."
            ),
            expiration=SECRET,  # outdated once the old secret is replaced
            ends_at=end,
            details={
                "renewalId": connection.renewal,
                "reminder": number,
                "endsAt": pending.ends_at.isoformat(),
                "retiresAt": limit.isoformat() if limit else None,
            },
            actions=(actions.get_script(connection), actions.confirm(connection)),
        )
        await self._notices.announce(notice, connection)
