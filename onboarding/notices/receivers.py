"""Finds the receivers of the channels for programs."""

from __future__ import annotations

from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.channels.webhook import Receiver
from onboarding.notices.subscribers import Subscribers
from onboarding.settings import WEBHOOK


class Receivers:
    """The webhook in the settings, and the subscribers."""

    def __init__(
        self, *, url: str, secret: str, subscribers: Subscribers, secrets: ChannelSecrets, local: bool
    ) -> None:
        """``url`` is empty without a webhook; ``secret`` names the vault secret that signs.

        ``local``: receivers are on this computer, so they need no public address.
        """
        self._url = url
        self._secret = secret
        self._subscribers = subscribers
        self._secrets = secrets
        self._local = local

    async def find(self, channel: str) -> Receiver | None:
        """The receiver of a channel; None for a channel for people. Raises ``TransientError``."""
        if channel == WEBHOOK:
            return Receiver(channel=channel, url=self._url, secret=self._secret)
        subscriber = await self._subscribers.of_channel(channel)
        if subscriber is None:
            return None
        url = await self._secrets.value(subscriber.address_secret)
        return Receiver(channel=channel, url=url, secret=subscriber.key_secret, public=not self._local)
