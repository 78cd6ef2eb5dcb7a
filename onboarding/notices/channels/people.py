"""Channels for people: mail, Teams and all other services of Apprise (https://github.com/caronc/apprise).

An address contains credentials, so it is a secret in the vault. Apprise logs addresses and recipients, so
this module reads its log for the cause of a failure, and never writes it. Apprise blocks, so it runs in a
thread, where it is imported for the first message (docs/decisions/0015).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from onboarding.errors import OnboardingError, channels
from onboarding.notices.channels import answers, channel_faults
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.message_text import LARGEST_CHAT, LARGEST_MAIL, Message
from onboarding.texts import reasons
from onboarding.texts.phrases import Said
from onboarding.words.chat import quiet

PREFIX = "notice-"
"""The prefix of the vault secrets that contain addresses."""

_MAIL = frozenset({"mailto", "mailtos"})

_STATUS: Final = re.compile(r"\berror=([1-5]\d\d)\b", re.ASCII)
"""How plug-ins of Apprise log the status of an answer."""

logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings show URLs


@dataclass(kw_only=True, slots=True)
class _Causes:
    """What has gone wrong."""

    exceptions: list[BaseException] = field(default_factory=list)
    status: int = 0  # of HTTP


_HERE: Final[ContextVar[_Causes | None]] = ContextVar("causes", default=None)


class _Listener(logging.Filter):
    """Reads the log of Apprise, which handles the exceptions of its plug-ins itself. Nothing is written."""

    @contextlib.contextmanager
    def causes(self) -> Iterator[_Causes]:
        """What this thread, and each thread with its context, sees in the meantime."""
        causes = _Causes()
        token = _HERE.set(causes)
        try:
            yield causes
        finally:
            _HERE.reset(token)

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps the exception that is being handled, and the status in a text."""
        causes = _HERE.get()
        if causes is None:
            return False
        if error := sys.exc_info()[1]:
            causes.exceptions.append(error)
        if found := _STATUS.search(record.getMessage()):
            causes.status = int(found[1])
        return False


_ANYBODY: Final = "owner@contoso.com"
"""Makes Apprise read one placeholder recipient, which the real one replaces."""

_LISTENER: Final = _Listener()
_LOG: Final = logging.getLogger("apprise")
_LOG.addFilter(_LISTENER)
_LOG.setLevel(logging.DEBUG)


class People:
    """Sends messages to channels by name."""

    def __init__(self, secrets: ChannelSecrets) -> None:
        self._secrets = secrets

    async def largest(self, channel: str) -> int:
        """The bytes that a message to a channel may have. Raises ``TransientError`` as ``send`` does."""
        address = await self._secrets.value(f"{PREFIX}{channel}")
        mail = address.partition("://")[0].casefold() in _MAIL
        return LARGEST_MAIL if mail else LARGEST_CHAT

    async def send(self, channel: str, recipient: str, message: Message) -> Said:
        """Sends a message; returns the outcome.

        Args:
            channel: Its name, which is the name of the vault secret without its prefix.
            recipient: An address that replaces the recipients of the channel; empty: no replacement.
            message: The message.

        Raises:
            TransientError: The channel did not accept it, or is not set up. People can correct both.
        """
        secret = f"{PREFIX}{channel}"
        address = await self._secrets.value(secret)
        error = await asyncio.to_thread(_try, channel, address, recipient, message)
        if error:
            raise error
        return reasons.DELIVERED.of()


def _try(channel: str, address: str, recipient: str, message: Message) -> OnboardingError | None:
    """Sends a message; returns why the channel did not accept it."""
    with _LISTENER.causes() as causes, answers.limited():
        try:
            taken = _send(address, recipient, message)
        except Exception as error:  # noqa: BLE001 - whatever it is, it may repeat the address
            causes.exceptions.append(error)
            taken = False
        if taken is None:
            return channels.CHANNEL_UNUSABLE.error(secret=f"{PREFIX}{channel}")
        if taken:
            return None
        return channel_faults.error_of(
            channel, status=causes.status, found=causes.exceptions, recipient=recipient
        ).with_traceback(None)


def _send(address: str, recipient: str, message: Message) -> bool | None:
    """Whether the channel accepted a message; None if the address cannot be used."""
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, plugins  # noqa: PLC0415 - 1 s, 30 MB

    asset = AppriseAsset(
        app_id="CMG onboarding",
        async_mode=False,
        image_url_mask="",
        plugin_paths=[],
        storage_mode="memory",
        http_redirects=False,
    )
    parsed: dict[str, Any] | None = plugins.url_to_dict(address)  # type: ignore[no-untyped-call]
    if parsed is None or (recipient and "targets" not in parsed):
        return None
    parsed.pop("redirect", None)  # a redirect would take the credentials of the address to another server
    if recipient:
        parsed["targets"] = [_ANYBODY]
    if "headers" in parsed:
        parsed["headers"]["X-Notice-Id"] = message.id
    service: Any = Apprise.instantiate(parsed, asset=asset)
    if service is None:
        return None
    if recipient:  # as it is: Apprise reads o'brien@contoso.com as brien@contoso.com, with a name
        service.targets = [
            recipient if isinstance(target, str) else (False, recipient) for target in service.targets
        ]
    apprise = Apprise(asset=asset)
    apprise.add(service)
    wanted, mail = service.resolve_format(None), _is_mail(service)
    if mail:
        forms = {NotifyFormat.HTML: message.html, NotifyFormat.TEXT: message.text}
    else:  # a service that reads HTML gets text, from which Apprise removes all markup
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
    """Whether a title is the subject of a mail, in which no markup is read.

    Services for mail send HTML unless their address says otherwise, and have a title of their own.
    """
    formats = type(service).notify_format
    first = formats[0] if isinstance(formats, tuple) else formats
    return bool(first == "html" and service.title_maxlen)
