"""Signed links, with which a reader of a message can acknowledge, snooze or confirm without signing in."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from onboarding.clock import Clock
from onboarding.connections.records import Connection
from onboarding.errors import OnboardingError
from onboarding.errors.reserve import OwnerAction
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.link_tokens import LinkTokens
from onboarding.notices.message_items import Link
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.settings import Settings
from onboarding.words.address import Address

log = logging.getLogger(__name__)

OPERATORS: Final = "operators"
OWNER: Final = "owner"
SCRIPT: Final = "script"
ACKNOWLEDGE: Final = "acknowledge"
SNOOZE: Final = "snooze"
CONFIRM: Final = "confirm"
SNOOZE_DAYS: Final = 7

_PURPOSE: Final = "notice-link"
_VALID_AFTER_END: Final = timedelta(days=30)
"""How long a link remains valid after the expiration, while warnings are repeated."""

_HANDOVER_VALID: Final = timedelta(days=90)
"""How long the link to confirm a handover remains valid, unless the secret expires earlier."""

_LABELS: Final = {ACKNOWLEDGE: "Acknowledge", SNOOZE: f"Remind me in {SNOOZE_DAYS} days"}


class NoticeLinks:
    """Makes links, and reads them."""

    def __init__(self, settings: Settings, *, secrets: ChannelSecrets, clock: Clock) -> None:
        self._tokens = LinkTokens(secrets, settings.link_key, clock, purpose=_PURPOSE)
        self._origin = settings.public_url.rstrip("/")
        self._reserved = frozenset(settings.operators_only)
        self._scripts_confirm = settings.scripts_confirm == "on"
        self._clock = clock

    async def of(self, notice: Notice, connection: Connection, *, operators: bool) -> tuple[Link, ...]:
        """The links of a notice. If they cannot be signed, the message has none.

        They name the onboarding of the connection: another connection can have its ID later.

        ``operators``: whether the readers of the message count as operators.
        """
        reader = OPERATORS if operators else OWNER
        if notice.kind is NoticeKind.HANDOVER_WAITS:
            url = await self.handover(connection, reader) if self.may_confirm(reader) else None
            return (Link(label="Confirm that the site is connected", url=url),) if url else ()
        if not (notice.expiration and notice.ends_at):
            return ()
        now = self._clock.now()
        expires_at = max(notice.ends_at, now) + _VALID_AFTER_END
        claims = {
            "connection": connection.id,
            "expiration": notice.expiration,
            "endsAt": notice.ends_at.isoformat(),
            "for": reader,
        }
        signed = [await self._signed(connection, {"do": action, **claims}, expires_at) for action in _LABELS]
        return tuple(
            Link(label=label, url=url) for label, url in zip(_LABELS.values(), signed, strict=True) if url
        )

    async def handover(self, connection: Connection, reader: str) -> Address | None:
        """The URL that confirms the handover of a connection, once; None if there can be none.

        It names the secret, so it ends with a renewed secret, or with another connection of this
        name. ``reader`` is who gets it.
        """
        expires_at = min(self._clock.now() + _HANDOVER_VALID, connection.secret.ends_at)
        return await self._signed(connection, {**handover_claims(connection), "for": reader}, expires_at)

    def may_confirm(self, reader: str) -> bool:
        """Whether a link for a reader confirms, by the settings now: not those when it was sent.

        What is reserved for operators, no owner confirms. A script confirms where the deployment lets scripts
        do so.
        """
        if reader == SCRIPT:
            return self._scripts_confirm
        return reader == OPERATORS or OwnerAction.CONFIRM not in self._reserved

    async def _signed(
        self, connection: Connection, claims: Mapping[str, str], expires_at: datetime
    ) -> Address | None:
        """A URL with these claims, and those by which it can be revoked."""
        if not (self._tokens.are_set_up and self._origin):
            return None
        try:
            always = {"onboarding": connection.onboarding, "sentAt": self._clock.now().isoformat()}
            token = await self._tokens.sign({**claims, **always}, expires_at)
        except (OnboardingError, ValueError) as error:
            log.warning("a signed link is left out: %s", error)
            return None
        return Address(f"{self._origin}/api/links?token={token}")

    async def read(self, token: str) -> dict[str, str] | None:
        """The claims of a link; None if it is invalid or no longer valid. Raises this app's errors."""
        return await self._tokens.read(token)


def handover_claims(connection: Connection) -> dict[str, str]:
    """The claims of a link that confirms the handover of a connection."""
    return {
        "do": CONFIRM,
        "connection": connection.id,
        "key": connection.secret.key_id,
    }


def is_revoked(claims: Mapping[str, str], connection: Connection) -> bool:
    """Whether a link was in a message about an earlier connection of this ID, or was revoked."""
    if claims.get("onboarding") != connection.onboarding:
        return True
    revoked_at = connection.links_revoked_at
    return revoked_at is not None and datetime.fromisoformat(claims["sentAt"]) <= revoked_at
