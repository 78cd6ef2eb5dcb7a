"""What the warnings of a clock say."""

from __future__ import annotations

from typing import Final

from onboarding.connections.expirations import Expiration
from onboarding.connections.records import Connection
from onboarding.expiry.notices import Kind, Notice

_RENEWAL: Final = "https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard#renew-secret-key"


def warning(expiration: Expiration, connection: Connection) -> Notice:
    """The notice of a warning that is due."""
    days, ends_at = expiration.warning.days, expiration.ends_at
    # Without "in 30 days": a warning that is delivered late would not be true.
    when = f"{'runs' if days else 'ran'} out on {ends_at:%Y-%m-%d}"
    return Notice(
        kind=Kind.SECRET_NEAR_EXPIRY if days else Kind.SECRET_EXPIRED,
        connection=connection.id,
        key=(expiration.clock, ends_at.isoformat(), str(days)),
        at=expiration.warning.due_at,
        message=f"The client secret of '{connection.server_app.name}' {when}.",
        consequence=(
            "When it has run out, every service of this connection stops: the cloud management gateway "
            "and Microsoft Entra discovery. Configuration Manager does not warn of imported applications."
        ),
        remedy=(
            "Add a new client secret to the application, then enter it with 'Renew Secret Key' in the "
            "Microsoft Entra tenants node of the Configuration Manager console."
        ),
        documentation=_RENEWAL,
        clock=expiration.clock,
        ends_at=ends_at,
        details={"clock": expiration.clock, "daysBeforeEnd": days, "endsAt": ends_at.isoformat()},
    )
