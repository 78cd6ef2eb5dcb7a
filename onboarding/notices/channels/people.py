"""Channels for people: mail, Teams and what else Apprise (https://github.com/caronc/apprise) can reach.

An address holds credentials, so it is a secret in the vault. Apprise logs addresses and recipients, and is
therefore silenced; what it raises is not repeated. It blocks, so it works in a thread, and it is imported
there when the first message is sent (docs/decisions/0015).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from onboarding.errors import channels
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.message_text import Message
from onboarding.words.chat import quiet

PREFIX = "notice-"
"""What the names begin with of the vault's secrets that hold addresses."""

logging.getLogger("apprise").disabled = True
logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings show URLs


class People:
    """Sends messages to channels by name."""

    def __init__(self, secrets: ChannelSecrets) -> None:
        self._secrets = secrets

    async def send(self, channel: str, recipient: str, message: Message) -> str:
        """Sends a message; returns how it was taken.

        Args:
            channel: Its name; the vault's secret has a prefix before it.
            recipient: An address that takes the place of the channel's own recipients; empty: those.
            message: What to send.

        Raises:
            TransientError: It was not taken, or the channel is not set up: both may be mended.
        """
        secret = f"{PREFIX}{channel}"
        address = await self._secrets.value(secret)
        try:
            taken = await asyncio.to_thread(_send, address, recipient, message)
        except Exception:  # noqa: BLE001 - whatever it is, it may repeat the address
            taken = False
        if taken is None:
            raise channels.CHANNEL_UNUSABLE.error(secret=secret)
        if not taken:
            raise channels.CHANNEL_REFUSED.error(channel=channel)
        return "delivered"


def _send(address: str, recipient: str, message: Message) -> bool | None:
    """Whether a message was taken; None when it cannot be sent to such an address at all."""
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, plugins  # noqa: PLC0415 - 1 s, 30 MB

    asset = AppriseAsset(
        app_id="CMG onboarding", async_mode=False, image_url_mask="", plugin_paths=[], storage_mode="memory"
    )
    parsed: dict[str, Any] | None = plugins.url_to_dict(address)  # type: ignore[no-untyped-call]
    if parsed is None or (recipient and "targets" not in parsed):
        return None
    if recipient:
        parsed["targets"] = [recipient]
    if "headers" in parsed:
        parsed["headers"]["X-Notice-Id"] = message.id
    service = Apprise.instantiate(parsed, asset=asset)
    if service is None:
        return None
    apprise = Apprise(asset=asset)
    apprise.add(service)
    wanted, mail = service.resolve_format(None), _is_mail(service)
    if mail:
        forms = {NotifyFormat.HTML: message.html, NotifyFormat.TEXT: message.text}
    else:  # one that reads HTML gets text, in which Apprise leaves no markup
        forms = {NotifyFormat.MARKDOWN: message.markdown, NotifyFormat.TEXT: message.chat}
    written = wanted if wanted in forms else NotifyFormat.TEXT
    return bool(
        apprise.notify(
            body=forms[written],
            title=message.subject if mail else quiet(message.subject),
            body_format=written,
            notify_type=NotifyType.WARNING,
        )
    )


def _is_mail(service: Any) -> bool:
    """Whether a title is the subject of a mail, which no dialect is read in.

    Services for mail send HTML unless their address says otherwise, and have a title of their own.
    """
    formats = type(service).notify_format
    first = formats[0] if isinstance(formats, tuple) else formats
    return bool(first == "html" and service.title_maxlen)
