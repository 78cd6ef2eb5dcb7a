"""Signed links in a message, with which its reader can acknowledge or snooze without a sign-in."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from onboarding import signing
from onboarding.clock import Clock
from onboarding.errors import OnboardingError
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.message_text import Link
from onboarding.notices.notice import Notice

log = logging.getLogger(__name__)

ACKNOWLEDGE: Final = "acknowledge"
SNOOZE: Final = "snooze"
SNOOZE_DAYS: Final = 7

_KEPT: Final = timedelta(days=30)
"""How long a link is good after the expiration's end: what has expired is told of again and again."""

ACTIVE_KEYS: Final = 2
"""Versions of a key that are good: the newest, and the one before."""

_LABELS: Final = {ACKNOWLEDGE: "Acknowledge", SNOOZE: f"Remind me in {SNOOZE_DAYS} days"}


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeLinks:
    """Makes links, and reads them."""

    secrets: ChannelSecrets
    key: str  # name of the vault's secret that signs; empty: there are no links
    origin: str  # of this API, as its callers reach it
    clock: Clock

    async def of(self, notice: Notice) -> tuple[Link, ...]:
        """The links of a notice that is about an expiration. A warning without them is better than none."""
        if not (self.key and self.origin and notice.expiration and notice.ends_at):
            return ()
        expires_at = max(notice.ends_at, self.clock.now()) + _KEPT
        claims = {
            "connection": notice.connection,
            "expiration": notice.expiration,
            "endsAt": notice.ends_at.isoformat(),
        }
        try:
            key = await self.secrets.value(self.key)
            tokens = {name: signing.sign(key, {"do": name, **claims}, expires_at) for name in _LABELS}
        except (OnboardingError, ValueError) as error:
            log.warning("a message goes without links: %s", error)
            return ()
        return tuple(
            Link(label=_LABELS[name], url=f"{self.origin}/api/links?token={token}")
            for name, token in tokens.items()
        )

    async def read(self, token: str) -> dict[str, str] | None:
        """What a link says; None for one that is not good (any more). Raises this app's errors."""
        if not self.key:
            return None
        keys = await self.secrets.newest(self.key, ACTIVE_KEYS)
        claims = signing.verify(keys, token, self.clock.now())
        return claims if claims and claims["do"] in _LABELS else None
