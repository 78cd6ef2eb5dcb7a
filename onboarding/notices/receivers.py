"""Finds the receivers of the channels for programs."""

from __future__ import annotations

from onboarding.notices.channels.webhook import Receiver
from onboarding.settings import WEBHOOK


class Receivers:
    """The webhook of the settings."""

    def __init__(self, *, url: str, secret: str) -> None:
        """``url`` is empty without a webhook; ``secret`` names the vault secret that signs."""
        self._url = url
        self._secret = secret

    async def find(self, channel: str) -> Receiver | None:
        """The receiver of a channel; None for a channel for people."""
        if channel == WEBHOOK:
            return Receiver(channel=channel, url=self._url, secret=self._secret)
        return None
