"""The webhook channel: a CloudEvent (https://cloudevents.io, version 1.0) posted to a URL."""

from __future__ import annotations

from typing import Any, Final

import httpx
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent

from onboarding.connections.records import Connection
from onboarding.errors import TransientError
from onboarding.expiry.notices import Notice

_TYPE: Final = "ConfigMgr.CloudManagement"
"""What the types of all events begin with."""

_TIMEOUT: Final = 20.0  # seconds


class Webhook:
    """Posts notices to one URL. Any 2xx answer means that they were taken."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.AsyncClient(timeout=_TIMEOUT)

    async def send(self, notice: Notice, connection: Connection) -> str:
        """Posts a notice. Raises ``TransientError`` for anything but 2xx: what is wrong may be mended."""
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


def event(notice: Notice, connection: Connection) -> CloudEvent:
    """The notice as a CloudEvent; the same notice is always the same event."""
    attributes: dict[str, Any] = {
        "id": notice.id,
        "source": f"/connections/{connection.id}",
        "type": f"{_TYPE}.{notice.kind}",
        "subject": connection.server_app.app_id,
        "time": notice.at,
        "datacontenttype": "application/json",
    }
    data = {
        "connection": {"id": connection.id, "name": connection.name, "tenantId": connection.tenant},
        "serverApp": {"name": connection.server_app.name, "clientId": connection.server_app.app_id},
        **notice.details,
        "message": notice.message,
        "consequence": notice.consequence,
        "remedy": notice.remedy,
        "documentation": notice.documentation,
    }
    return CloudEvent(attributes=attributes, data=data)


class NoWebhook:
    """Stands in where a deployment has no webhook: says so, again and again, until there is one."""

    async def send(self, _notice: Notice, _connection: Connection) -> str:
        """Raises ``TransientError``."""
        raise TransientError("NOTICE_WEBHOOK_URL is not set.", code="no-channel")
