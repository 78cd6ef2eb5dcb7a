"""The webhook channel: a CloudEvent (https://cloudevents.io, version 1.0) posted to a URL."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import httpx
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent

from onboarding.connections.records import Connection
from onboarding.errors import TransientError
from onboarding.workflow.runs import Run

NEAR_EXPIRY: Final = "ConfigMgr.CloudManagement.SecretNearExpiry"
EXPIRED: Final = "ConfigMgr.CloudManagement.SecretExpired"
"""Named after Key Vault's own events, Microsoft.KeyVault.SecretNearExpiry and SecretExpired."""

_TIMEOUT: Final = 20.0  # seconds
_RENEWAL: Final = "https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard#renew-secret-key"


class Webhook:
    """Posts warnings to one URL. Any 2xx answer means that they were taken."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.AsyncClient(timeout=_TIMEOUT)

    async def send(self, notice: Run, connection: Connection) -> str:
        """Posts a warning. Raises ``TransientError`` for anything but 2xx: what is wrong may be mended."""
        message = to_structured_event(event(notice, connection))
        try:
            response = await self._http.post(
                self._url, content=message.body, headers=dict(message.headers), follow_redirects=False
            )
        except httpx.TransportError as error:
            raise TransientError(
                f"The webhook could not be reached ({type(error).__name__}).", code="webhook-unreachable"
            ) from error
        if not response.is_success:
            raise TransientError(f"The webhook answered {response.status_code}.", code="webhook-refused")
        return f"delivered ({response.status_code})"


def event(notice: Run, connection: Connection) -> CloudEvent:
    """The warning as a CloudEvent; the same notice is always the same event."""
    warning = notice.head.request
    days = warning["days"]
    attributes: dict[str, Any] = {
        "id": notice.head.id,
        "source": f"/connections/{connection.id}",
        "type": NEAR_EXPIRY if days else EXPIRED,
        "subject": connection.server_app.app_id,
        "time": datetime.fromisoformat(warning["dueAt"]),
        "datacontenttype": "application/json",
    }
    ends_at = connection.secret.ends_at
    # Without "in 30 days": a warning that is delivered late would not be true.
    when = f"{'runs' if days else 'ran'} out on {ends_at:%Y-%m-%d}"
    data = {
        "connection": {"id": connection.id, "name": connection.name, "tenantId": connection.tenant},
        "serverApp": {"name": connection.server_app.name, "clientId": connection.server_app.app_id},
        "clock": warning["clock"],
        "daysBeforeEnd": days,
        "endsAt": warning["endsAt"],
        "message": f"The client secret of '{connection.server_app.name}' {when}.",
        "consequence": (
            "When it has run out, every service of this connection stops: the cloud management gateway "
            "and Microsoft Entra discovery. Configuration Manager does not warn of imported applications."
        ),
        "remedy": (
            "Add a new client secret to the application, then enter it with 'Renew Secret Key' in the "
            "Microsoft Entra tenants node of the Configuration Manager console."
        ),
        "documentation": _RENEWAL,
    }
    return CloudEvent(attributes=attributes, data=data)


class NoWebhook:
    """Stands in where a deployment has no webhook: says so, again and again, until there is one."""

    async def send(self, _notice: Run, _connection: Connection) -> str:
        """Raises ``TransientError``."""
        raise TransientError("NOTICE_WEBHOOK_URL is not set.", code="no-channel")
