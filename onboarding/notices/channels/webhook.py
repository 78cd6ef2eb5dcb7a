"""The webhook, for programs: a CloudEvent (https://cloudevents.io, version 1.0) posted to a URL.

If the deployment has a secret for it, each message is signed as in Standard Webhooks (version 1 of
https://www.standardwebhooks.com): the receiver can recognize forged and replayed messages.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks.webhooks import EmptyWebhookSecretError
from standardwebhooks.webhooks import Webhook as Signer

from onboarding.clock import Clock
from onboarding.connections.records import Connection
from onboarding.errors import channels
from onboarding.notices import event_keys
from onboarding.notices.about import About
from onboarding.notices.channels import channel_faults, public_network
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.notice import Notice
from onboarding.texts import reasons
from onboarding.texts.phrases import Said

_UTC: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", re.ASCII)

_TIMEOUT: Final = 20.0  # seconds

_LONGEST_ANSWER: Final = 16 * 1024
"""Bytes of an answer that are read. Only its status counts; a receiver must not fill the memory."""

_ACTIVE_SECRETS: Final = 2
"""The current and the previous one: a receiver accepts either signature while its secret is replaced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Receiver:
    """Where events go."""

    channel: str  # its name
    url: str = field(repr=False)  # it may contain a token
    secret: str  # name of the vault secret that signs; empty: no signature
    public: bool = False  # whether its address must be on the internet


class Webhooks:
    """Posts events. Any 2xx response means that they were accepted."""

    def __init__(self, secrets: ChannelSecrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock
        self._http = httpx.AsyncClient(timeout=_TIMEOUT)
        # Connections that are checked are not shared with others, and no proxy is used.
        self._public = httpx.AsyncClient(
            timeout=_TIMEOUT, trust_env=False, verify=httpx.create_ssl_context(trust_env=True)
        )

    async def send(self, receiver: Receiver, about: CloudEvent) -> Said:
        """Posts an event; returns the outcome. Raises ``TransientError`` unless the response is 2xx."""
        message = to_structured_event(about)
        headers = {**message.headers, **await self._signed(receiver, about.get_id(), message.body)}
        client = self._public if receiver.public else self._http
        extensions = {"trace": public_network.check} if receiver.public else {}
        try:
            async with client.stream(
                "POST",
                receiver.url,
                content=message.body,
                headers=headers,
                follow_redirects=False,
                extensions=extensions,
            ) as response:
                await _skip(response)
        except public_network.NotPublicError:
            raise channels.RECEIVER_NOT_PUBLIC.error(channel=receiver.channel) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):  # their texts repeat the address
            raise channels.WEBHOOK_ADDRESS_UNUSABLE.error(channel=receiver.channel) from None
        except httpx.TransportError as error:
            if channel_faults.is_tls(error):
                raise channel_faults.error_of(receiver.channel, found=[error]) from None
            raise channels.WEBHOOK_UNREACHABLE.error(kind=type(error).__name__) from None
        if not response.is_success:
            known = channel_faults.error_of(receiver.channel, status=response.status_code)
            refused = channels.WEBHOOK_REFUSED.error(status=response.status_code)
            raise refused if known.kind is channels.CHANNEL_REFUSED else known
        return reasons.DELIVERED_WITH_STATUS.of(status=response.status_code)

    async def _signed(self, receiver: Receiver, identifier: str, body: bytes) -> Mapping[str, str]:
        """The three headers of a signed message, if the receiver has a key. Each attempt has its own time."""
        if not receiver.secret:
            return {}
        now = self._clock.now()
        secrets = await self._secrets.newest(receiver.secret, _ACTIVE_SECRETS)
        try:
            signatures = [Signer(secret).sign(identifier, now, body.decode()) for secret in secrets]
        except (binascii.Error, EmptyWebhookSecretError, ValueError):
            raise channels.WEBHOOK_SECRET_UNUSABLE.error(secret=receiver.secret) from None
        return {
            "webhook-id": identifier,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


async def _skip(response: httpx.Response) -> None:
    """Reads a short answer, so that the connection can be used again. Nothing of it is kept."""
    read = 0
    async for part in response.aiter_raw():
        read += len(part)
        if read > _LONGEST_ANSWER:
            return


def event(notice: Notice, connection: Connection | None, origin: str = "") -> CloudEvent:
    """The notice as a CloudEvent; the same notice always has the same ID. ``origin``: the URL of the API."""
    about = notice.about or (About.of(connection) if connection else None)
    app = about.app if about and not notice.kind.is_of_run else ""  # of a run, the same from the beginning
    path = notice.path or (f"/connections/{about.connection}" if about else f"/channels/{notice.channel}")
    attributes: dict[str, Any] = {
        "id": notice.id,
        "source": path,
        "type": notice.kind.event_type,
        "subject": (app or about.connection) if about else notice.channel,
        "time": notice.at,
        "datacontenttype": "application/json",
    }
    data = {
        "key": event_keys.of_notice(notice, connection),
        "closes": list(notice.closes),
        "url": f"{origin}/api{path}" if origin else None,
        **(about.document(origin) if about else {"channel": notice.channel}),
        **notice.details,
        "message": notice.message,
        "impact": notice.impact,
        "remedy": notice.remedy,
        "documentation": notice.documentation,
        "actor": str(notice.actor),
        "actions": [action.document(origin) for action in notice.actions],
    }
    return CloudEvent(attributes=attributes, data=_as_in_answers(data))


def _as_in_answers(value: Any) -> Any:
    """Data in the form that answers of the API have: no null, and dates that end with Z."""
    match value:
        case Mapping():
            return {name: _as_in_answers(member) for name, member in value.items() if member is not None}
        case list() | tuple():
            return [_as_in_answers(member) for member in value]
        case str() if _UTC.fullmatch(value):
            return value.replace("+00:00", "Z")
    return value
