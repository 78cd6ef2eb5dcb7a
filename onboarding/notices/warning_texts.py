"""The texts of the warnings: what expires when, the impact, and the steps to take.

A warning can be sent days after it was due. So its text is composed again when it is sent, with the type, the
days left and the steps of that moment.

Source of the steps: "Renew secret key" of
https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard, and for the
age https://learn.microsoft.com/intune/configmgr/core/plan-design/changes/whats-new-in-version-2409.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from onboarding.cmg.versions import OLDEST_RENEWABLE
from onboarding.connections.cadence import APPLICATION, SECRET, ExpiryWarning
from onboarding.connections.records import Connection, Difference
from onboarding.connections.warning_schedule import ScheduledWarning
from onboarding.errors import Action
from onboarding.notices import actions
from onboarding.notices.difference_texts import kind_of, steps
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.words.line import isolated

_RENEWAL: Final = "https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard#renew-secret-key"
_KINDS: Final = {
    SECRET: (NoticeKind.SECRET_NEAR_EXPIRY, NoticeKind.SECRET_EXPIRED),
    APPLICATION: (NoticeKind.APPLICATION_NEAR_AGE_LIMIT, NoticeKind.APPLICATION_TOO_OLD),
}
_WHEN: Final = "When the secret expires,"
_LAST: Final = (
    "Nothing stops on that day, but the application cannot get another secret afterwards. When its last "
    "secret expires,"
)
_STOPS: Final = (
    "all services of this connection stop: the cloud management gateway and Microsoft Entra discovery. "
    "Configuration Manager does not warn about imported applications."
)


def warning(scheduled: ScheduledWarning, connection: Connection, now: datetime) -> Notice:
    """The notice of a warning that is due, as it is at this moment."""
    days, kind, ends_at = scheduled.warning.days, scheduled.kind, scheduled.ends_at
    near, over = _KINDS[kind]
    loss = connection.loss if kind == SECRET else None
    written = _of_loss(connection, loss) if loss else _of_date(connection, kind, now)
    left = days_left(ends_at, now)
    if loss:
        details: dict[str, Any] = {
            "difference": loss.code,
            "app": loss.app,
            "daysSince": -left,
            "connections": 1,
            "connectionIds": [connection.id],
        }
    else:
        details = {
            "expiration": kind,
            "daysBeforeEnd": days,
            "daysLeft": left,
            "endsAt": ends_at.isoformat(),
            "renewBy": connection.renew_by.isoformat(),
            "expirations": {name: end.isoformat() for name, end in connection.expirations.items()},
        }
    return Notice(
        kind=kind_of(loss) if loss else near if now < ends_at else over,
        connection=connection.id,
        key=(kind, ends_at.isoformat(), str(days)),
        at=scheduled.warning.due_at,
        message=written.message,
        impact=written.impact,
        remedy=written.remedy,
        documentation="" if loss else _RENEWAL,
        expiration=kind,
        ends_at=ends_at,
        days=days,
        details=details,
        actions=written.actions,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """The texts of a warning."""

    message: str
    impact: str
    remedy: str
    actions: tuple[Action, ...]


def _of_loss(connection: Connection, loss: Difference) -> _Written:
    """The warning about a secret that stopped working before its date: its cause and its remedy."""
    return _Written(
        message=(
            f"{loss.detail} The service found this on {loss.since:%Y-%m-%d}. It has not been corrected yet."
        ),
        impact=loss.impact,
        remedy=loss.remedy,
        actions=steps(connection, loss),
    )


def _of_date(connection: Connection, kind: str, now: datetime) -> _Written:
    secret = kind == SECRET
    return _Written(
        message=_of_secret(connection, now) if secret else _of_application(connection, now),
        impact=f"{_WHEN if secret else _LAST} {_STOPS}",
        remedy=runbook(connection, now),
        actions=_actions(connection, now),
    )


def refreshed(notice: Notice, connection: Connection, now: datetime) -> Notice:
    """A notice as it is sent now. In a warning, the type, the days left and the steps change with time."""
    if notice.days is None or notice.ends_at is None:
        return notice
    scheduled = ScheduledWarning(
        connection=notice.connection,
        tenant=connection.tenant,
        kind=notice.expiration,
        ends_at=notice.ends_at,
        warning=ExpiryWarning(days=notice.days, due_at=notice.at),
    )
    return warning(scheduled, connection, now)


def days_left(moment: datetime, now: datetime) -> int:
    """The days until a moment: 1 on the last day, 0 on the first day after it, negative later."""
    day = timedelta(days=1)
    return -(-(moment - now) // day) if now < moment else -((now - moment) // day)


def _of_secret(connection: Connection, now: datetime) -> str:
    name, ends_at = isolated(connection.server_app.name), connection.secret.ends_at
    limit = connection.expirations.get(APPLICATION)
    message = (
        f"The client secret of '{name}' {_ends(ends_at, now)} on {ends_at:%Y-%m-%d}{_away(ends_at, now)}."
    )
    if connection.pending:
        return f"{message} A new secret is ready and must be entered at the site."
    if limit and limit <= now:
        return f"{message} It can no longer be renewed: the application became too old on {limit:%Y-%m-%d}."
    if limit and limit < ends_at:
        return f"{message} Renew it before {limit:%Y-%m-%d}: after that date the application is too old."
    return message


def _of_application(connection: Connection, now: datetime) -> str:
    name, ends_at = isolated(connection.server_app.name), connection.secret.ends_at
    limit = connection.expirations[APPLICATION]
    message = (
        f"The application '{name}' {'becomes' if now < limit else 'became'} {OLDEST_RENEWABLE.days} days old "
        f"on {limit:%Y-%m-%d}{_away(limit, now)}. From that date, Configuration Manager refuses to renew "
        "its client secret."
    )
    earlier = " before that" if now < ends_at < limit else ""
    return f"{message} The secret {_ends(ends_at, now)}{earlier} on {ends_at:%Y-%m-%d}."


def _ends(moment: datetime, now: datetime) -> str:
    return "expires" if now < moment else "expired"


def _away(moment: datetime, now: datetime) -> str:
    """How far away a date is, in words."""
    left = days_left(moment, now)
    if left == 0:
        return " (today)"
    number = f"{abs(left)} {'day' if abs(left) == 1 else 'days'}"
    return f" (in {number})" if left > 0 else f" ({number} ago)"


def _by(moment: datetime, now: datetime) -> str:
    return f"before {moment:%Y-%m-%d}" if now < moment else "now"


def runbook(connection: Connection, now: datetime) -> str:
    """The steps: to renew the secret while that is possible, otherwise to replace the applications."""
    limit, ends_at = connection.expirations.get(APPLICATION), connection.secret.ends_at
    if loss := connection.loss:
        return loss.remedy
    if limit and limit <= now:
        return f"Replace the applications {_by(ends_at, now)}.\n{_numbered(_replacement(connection))}"
    renewal = f"Renew the secret {_by(connection.renew_by, now)}.\n{_numbered(_renewal(connection))}"
    if limit is None:
        return renewal
    return (
        f"{renewal}\nFrom {limit:%Y-%m-%d}, the secret cannot be renewed. Replace the applications before "
        f"the last secret expires.\n"
        f"{_numbered(_replacement(connection))}"
    )


def _actions(connection: Connection, now: datetime) -> tuple[Action, ...]:
    """The same steps for programs, those that are possible now."""
    limit = connection.expirations.get(APPLICATION)
    if limit and limit <= now:
        return (actions.onboard(), actions.off_board(connection))
    return actions.renewal(connection)


def _renewal(connection: Connection) -> Sequence[str]:
    owner = connection.shares or connection.id
    app = connection.server_app
    if connection.pending:
        make = "A new secret is already in Key Vault, alongside the old one."
    elif connection.shares:
        make = (
            f"The secret of '{isolated(app.name)}' (client ID {app.app_id}) belongs to another connection, "
            f"{owner}. Request a new secret for that connection. This connection then uses it, too."
        )
    elif connection.imports_server_app:
        make = (
            f"In the Microsoft Entra admin center, open App registrations, '{isolated(app.name)}' (client ID "
            f"{app.app_id}), Certificates & secrets, and add a client secret. Keep the old one, and "
            f"provide the new one to this service with a renewal of the connection {owner}."
        )
    else:
        make = (
            f"Request a new secret for the connection {owner}. The service stores the secret in Key Vault, "
            f"alongside the old one, for '{isolated(app.name)}' (client ID {app.app_id})."
        )
    renewal = f"the renewal {connection.renewal}" if connection.renewal else "the renewal"
    enter = (
        "In the Configuration Manager console, open Administration, Cloud Services, Microsoft Entra tenants, "
        f"select '{isolated(connection.tenant_name)}' and this application, choose 'Renew Secret Key', and "
        f"enter the new secret and its expiry date. Use the script of {renewal}."
    )
    confirm = (
        f"When the gateway works with the new secret, confirm {renewal}. The service then removes the old "
        "one."
    )
    return (make, enter, confirm)


def _replacement(connection: Connection) -> Sequence[str]:
    ask = "Onboard the tenant again under another name. The service creates a new pair of applications."
    move = (
        f"At the site, remove the Azure service '{isolated(connection.name)}' (Remove-CMAzureService), and "
        "run the handover script of the new connection."
    )
    end = f"When the gateway works with the new applications, off-board this connection ({connection.id})."
    return (ask, move, end)


def _numbered(steps: Sequence[str]) -> str:
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))
