"""All channels of the deployment by name."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from onboarding.notices.routing import Routing
from onboarding.notices.subscribers import PREFIX, Subscribers
from onboarding.settings import WEBHOOK


class ChannelKind(StrEnum):
    """Who reads a channel."""

    WEBHOOK = "Webhook"  # programs; the webhook in the settings
    PEOPLE = "People"
    SUBSCRIBER = "Subscriber"  # programs


class ChannelNames:
    """The channels."""

    def __init__(self, routing: Routing, subscribers: Subscribers) -> None:
        self._routing = routing
        self._subscribers = subscribers

    async def all(self) -> Sequence[str]:
        """The names of all channels."""
        return [*self._routing.known, *(one.channel for one in await self._subscribers.all())]

    @staticmethod
    def kind(name: str) -> ChannelKind:
        """The kind of a channel."""
        if name.startswith(PREFIX):
            return ChannelKind.SUBSCRIBER
        return ChannelKind.WEBHOOK if name == WEBHOOK else ChannelKind.PEOPLE
