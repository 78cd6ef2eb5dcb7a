"""Who gets a notice: each channel that the deployment offers and the connection selects, and each owner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from onboarding.connections.records import Connection
from onboarding.settings import WEBHOOK, Settings

_MAIL: Final = "mail:"
_SHORT: Final = timedelta(days=14)


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    """The settings of the deployment."""

    webhook: bool = True
    channels: tuple[str, ...] = ()  # names of channels for people
    digest: bool = False  # people get one message a day
    operators: str = ""  # the channel for operators, whatever a connection selects
    mail: str = ""  # the channel that sends mail to owners
    escalation: str = ""  # the channel for notices that nobody acknowledges ...
    escalate_after: timedelta = timedelta(days=3)  # ... for this time

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the app settings have it."""
        return cls(
            webhook=settings.notice_webhook_url is not None,
            channels=settings.notice_channels,
            digest=settings.notice_digest == "daily",
            operators=settings.notice_operator_channel,
            mail=settings.notice_mail_channel,
            escalation=settings.notice_escalation,
            escalate_after=timedelta(days=settings.notice_escalate_after_days),
        )

    def targets(self, connection: Connection) -> tuple[str, ...]:
        """The channels of a connection. If there are none, the delivery to the webhook waits for one."""
        return tuple(dict.fromkeys(self._targets(connection))) or (WEBHOOK,)

    def of_operators(self) -> tuple[str, ...]:
        """The channels that nobody else can select or silence."""
        return tuple(name for name in (WEBHOOK if self.webhook else "", self.operators) if name) or (WEBHOOK,)

    def are_operators(self, target: str) -> bool:
        """Whether the readers of a channel count as operators when they follow a link.

        Requesters select channels, and can be among their readers. So where operators have a channel that
        nobody selects, only the readers of that one and of the escalation channel count.
        """
        name, owner = self.address(target)
        return not owner and (not self.operators or name in {self.operators, self.escalation})

    def of_service(self, channel: str) -> tuple[str, ...]:
        """Where a notice about a channel goes: to the operators' other channels.

        If none of these is for people, it goes to all other channels for people.
        """
        operators = [name for name in (self.operators, self.escalation) if name and name != channel]
        people = operators or [name for name in self.channels if name != channel]
        programs = [WEBHOOK] if self.webhook and channel != WEBHOOK else []
        return tuple(dict.fromkeys([*programs, *people]))

    @property
    def known(self) -> tuple[str, ...]:
        """The names of all channels of the settings."""
        people = (*self.channels, self.operators, self.mail, self.escalation)
        return tuple(dict.fromkeys(name for name in (WEBHOOK if self.webhook else "", *people) if name))

    def _targets(self, connection: Connection) -> Iterator[str]:
        if self.webhook:
            yield WEBHOOK
        if self.operators:
            yield self.operators
        wanted = connection.request.notices.channels
        yield from (name for name in self.channels if wanted is None or name in wanted)
        if self.mail:
            addresses = {owner.email.casefold(): owner.email for owner in connection.request.owners}
            yield from (f"{_MAIL}{address}" for address in addresses.values())

    def escalates(self, at: datetime, ends_at: datetime | None) -> bool:
        """Whether an unacknowledged notice is escalated: from two weeks before the expiration."""
        return bool(self.escalation and ends_at and ends_at - at <= _SHORT)

    def address(self, target: str) -> tuple[str, str]:
        """The name of the channel, and the recipient if that is an owner."""
        return (self.mail, target.removeprefix(_MAIL)) if target.startswith(_MAIL) else (target, "")
