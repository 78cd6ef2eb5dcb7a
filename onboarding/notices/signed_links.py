"""Signed links in a message, with which its reader can acknowledge or snooze without signing in."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from onboarding import signing
from onboarding.clock import Clock
from onboarding.connections.records import Connection
from onboarding.errors import OnboardingError
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.message_items import Link
from onboarding.notices.notice import Notice
from onboarding.settings import Settings
from onboarding.words.address import Address

log = logging.getLogger(__name__)

OPERATORS: Final = "operators"
ACKNOWLEDGE: Final = "acknowledge"
SNOOZE: Final = "snooze"
SNOOZE_DAYS: Final = 7

ACTIVE_KEYS: Final = 2
"""Versions of a key that are valid: the newest and the previous one."""

_PURPOSE: Final = "notice-link"
_VALID_AFTER_END: Final = timedelta(days=30)
"""How long a link remains valid after the expiration, while warnings are repeated."""

_LABELS: Final = {ACKNOWLEDGE: "Acknowledge", SNOOZE: f"Remind me in {SNOOZE_DAYS} days"}


class NoticeLinks:
    """Makes links, and reads them."""

    def __init__(self, settings: Settings, *, secrets: ChannelSecrets, clock: Clock) -> None:
        self._secrets = secrets
        self._key = settings.link_key  # names the secret in the vault that signs; empty: no links
        self._origin = settings.public_url.rstrip("/")
        self._clock = clock

    async def of(self, notice: Notice, connection: Connection, *, operators: bool) -> tuple[Link, ...]:
        """The links of a notice about an expiration. If they cannot be signed, the message has none.

        They name the onboarding of the connection: another connection can have its ID later.

        ``operators`` is whether the message goes to a channel of the deployment, and not to an owner.
        """
        if not (self._key and self._origin and notice.expiration and notice.ends_at):
            return ()
        now = self._clock.now()
        expires_at = max(notice.ends_at, now) + _VALID_AFTER_END
        claims = {
            "connection": notice.connection,
            "onboarding": connection.onboarding,
            "sentAt": now.isoformat(),
            "expiration": notice.expiration,
            "endsAt": notice.ends_at.isoformat(),
            "for": OPERATORS if operators else "owner",
        }
        try:
            key = await self._secrets.value(self._key)
            tokens = {
                action: signing.sign(key, {"do": action, **claims}, expires_at, purpose=_PURPOSE)
                for action in _LABELS
            }
        except (OnboardingError, ValueError) as error:
            log.warning("a message is sent without links: %s", error)
            return ()
        return tuple(
            Link(label=_LABELS[action], url=Address(f"{self._origin}/api/links?token={token}"))
            for action, token in tokens.items()
        )

    async def read(self, token: str) -> dict[str, str] | None:
        """The claims of a link; None if it is not or no longer valid. Raises this app's errors."""
        if not self._key:
            return None
        keys = await self._secrets.newest(self._key, ACTIVE_KEYS)
        return signing.verify(keys, token, self._clock.now(), purpose=_PURPOSE)
