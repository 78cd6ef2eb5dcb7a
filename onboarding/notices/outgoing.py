"""What the service sends to channels of any kind: one place sends, and records the result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol

from onboarding.connections.records import Connection
from onboarding.errors import channels
from onboarding.notices import message_text
from onboarding.notices.channel_states import ChannelState, ChannelStates
from onboarding.notices.channels.people import People
from onboarding.notices.channels.webhook import Receiver, event
from onboarding.notices.message_items import ServiceItem
from onboarding.notices.message_text import Message
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.texts.phrases import Said

if TYPE_CHECKING:
    from cloudevents.core.v1.event import CloudEvent

Find = Callable[[str], Awaitable[Receiver | None]]
"""Finds the receiver of a channel for programs; None: the name is that of a channel for people."""

_TEST: Final = "This is a test of the channel '{channel}' by an operator."


class Programs(Protocol):
    """Posts events."""

    async def send(self, receiver: Receiver, about: CloudEvent) -> Said:
        """Posts an event; returns the outcome. Raises this app's errors."""
        ...


class Outgoing:
    """Sends events to programs and messages to people."""

    def __init__(
        self, *, programs: Programs, people: People, find: Find, states: ChannelStates, origin: str
    ) -> None:
        """``origin`` is the URL of the API."""
        self._programs = programs
        self._people = people
        self._find = find
        self._origin = origin
        self.states = states

    async def largest(self, channel: str) -> int:
        """The bytes that a message to a channel for people may have."""
        async with self.states.watched(channel, sends=False):
            return await self._people.largest(channel)

    async def event(self, receiver: Receiver, notice: Notice, connection: Connection | None) -> Said:
        """Posts a notice to a program; returns the outcome. Raises ``TransientError``."""
        async with self.states.watched(receiver.channel):
            if not receiver.url:
                raise channels.CHANNELS_NOT_SET_UP.error()
            return await self._programs.send(receiver, event(notice, connection, self._origin))

    async def message(self, channel: str, recipient: str, message: Message) -> Said:
        """Sends a message to people; returns the outcome. Raises ``TransientError``."""
        async with self.states.watched(channel):
            return await self._people.send(channel, recipient, message)

    async def about_channel(self, channel: str, notice: Notice) -> Said:
        """Sends a notice about the service itself, to programs or to people."""
        if receiver := await self.receiver(channel):
            return await self.event(receiver, notice, None)
        return await self.message(channel, "", message_text.single(ServiceItem(notice=notice), notice.id))

    async def has_ended(self, channel: str) -> bool:
        """Whether the receiver of a channel wants no more notices."""
        return (await self.states.get(channel)).state is ChannelState.ENDED

    async def receiver(self, channel: str) -> Receiver | None:
        """The receiver of a channel for programs; None for a channel for people."""
        async with self.states.watched(channel, sends=False):
            return await self._find(channel)

    async def test(self, channel: str, key: str) -> Said:
        """Sends a test message to a channel; returns the outcome. Raises ``TransientError``."""
        notice = Notice(
            kind=NoticeKind.CHANNEL_TEST,
            connection="",
            channel=channel,
            fact=f"channel:{channel}",
            key=("test", key),
            at=self.states.now(),
            message=_TEST.format(channel=channel),
            impact="None.",
            remedy="",
        )
        return await self.about_channel(channel, notice)
